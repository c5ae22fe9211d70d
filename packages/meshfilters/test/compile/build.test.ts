/** `meshfilters new`, `build`: each language from nothing to a module, the same each time, and what compilers say. @module */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectModule, verify } from "@mitsu/proxy-wasm";
import test from "ava";
import { callIn, scratch } from "../call.ts";
import { allLanguages, compilerTest, vars } from "../compilers.ts";

for (const language of allLanguages)
  compilerTest(
    `new ${language}: it passes its tests, and a build in another place, another time gives the same bytes`,
    [language],
    async (t) => {
      const folder = scratch(t);
      t.is((await callIn(folder, "new", language, "one/blue")).status, 0);
      const tested = await callIn(folder, "test", "one/blue");
      t.is(
        tested.out,
        "TAP version 14\n1..2\nok 1 - a request gets the field\nok 2 - what a client sends under that name does not count\n# 2 passed, 0 failed\n",
      );
      t.is((await callIn(folder, "build", "one/blue")).status, 0);
      const built = readFileSync(join(folder, "one/blue/blue.wasm"));
      const { manifest, abi } = inspectModule(built);
      t.like(manifest, { name: "blue", version: "0.1.0", abi, builder: "meshfilters 0.1.0", sourceMap: "" });
      t.true(manifest!.capabilities.includes("headers"));
      // What the test ran was kept by what it was made from, by an earlier run in another folder perhaps.
      t.true(cachedHashes().has(hashOf(built)));
    },
    // Seconds each. What follows compiles AssemblyScript and Rust as well, readme.test.ts C.
    language !== "wat",
  );

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function cachedHashes(): Set<string> {
  const cache = join(vars.XDG_CACHE_HOME!, "meshfilters");
  return new Set(readdirSync(cache).map((file) => hashOf(readFileSync(join(cache, file)))));
}

const wrong: readonly (readonly [file: string, language: (typeof allLanguages)[number], text: string, said: RegExp])[] = [
  [
    "wrong.c",
    "c",
    "#include <proxy_wasm.h>\nPROXY_WASM_ABI_0_2_1\nint f(void) { return x; }\n",
    /wrong\.c:3:22: error: use of undeclared identifier 'x'/,
  ],
  ["wrong.cpp", "cpp", "#include <proxy_wasm.h>\nint f() { return y; }\n", /wrong\.cpp:2:18: error: use of undeclared identifier 'y'/],
  ["wrong.rs", "rust", 'pub fn f() -> u32 { "a" }\n', /mismatched types\n +--> wrong\.rs:1:21/],
  ["wrong.as", "assemblyscript", 'export const x: u32 = "a";\n', /not assignable to type 'u32'[\s\S]*wrong\.as\(1,23\)/],
  ["wrong.wat", "wat", "(module\n  (func (result i32) i64.const 1))\n", /wrong\.wat:2:22: error: type mismatch/],
  ["wrong.go", "go", 'package main\n\nvar a int = "b"\n', /wrong\.go:3:13: cannot use "b"/],
];
for (const [file, language, text, said] of wrong)
  compilerTest(
    `build ${file}: the compiler's message with file and line, exit status 2, nothing written`,
    [language],
    async (t) => {
      const folder = scratch(t);
      writeFileSync(join(folder, file), text);
      const { status, out, err } = await callIn(folder, "build", file);
      t.deepEqual([status, out], [2, ""]);
      t.regex(err, said);
      t.deepEqual(readdirSync(folder), [file]);
    },
    language === "cpp" || language === "assemblyscript",
  );

test("build: a module that is no filter is refused, with exit status 65", async (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, "empty.wat"), '(module (memory (export "memory") 1))\n');
  const { status, err } = await callIn(folder, "build", "empty.wat");
  t.is(status, 65);
  t.regex(err, /cannot use the filter: .*proxy_abi_version/);
});

test("build of a .as, --key, --capability, --release, --debug: signed, described, with a source map", async (t) => {
  const folder = scratch(t);
  t.is((await callIn(folder, "keygen", "team")).status, 0);
  t.is((await callIn(folder, "new", "assemblyscript", "blue")).status, 0);
  // The compiler knows .ts only; both files have to be found.
  const text = readFileSync(join(folder, "blue/blue.ts"), "utf8");
  rmSync(join(folder, "blue/blue.ts"));
  writeFileSync(join(folder, "blue/blue.as"), `${text}\nexport { beside } from "./beside";\n`);
  writeFileSync(join(folder, "blue/beside.as"), "export function beside(): i32 {\n  return 1;\n}\n");
  const options = [
    "--key",
    "team.key",
    "--capability",
    "headers",
    "--capability",
    "log",
    "--release",
    "2.1.0",
    "--debug",
    "--optimise",
    "0",
  ];
  const { status, out, err } = await callIn(folder, "build", "blue", ...options, "-o", "out.wasm");
  t.is(status, 0, err);
  t.regex(out, /^out\.wasm: .*, ABI 0\.2\.1, wants headers, log, signed\n$/);
  const wasm = readFileSync(join(folder, "out.wasm"));
  t.like(inspectModule(wasm).manifest, { version: "2.1.0", capabilities: ["headers", "log"], sourceMap: "blue.wasm.map" });
  t.notThrows(() => verify(wasm, [readFileSync(join(folder, "team.pub"))]));
  const map = JSON.parse(readFileSync(join(folder, "blue.wasm.map"), "utf8")) as { sources: string[]; mappings: string };
  t.true(map.sources.includes("blue.as") && map.mappings.length > 100);
  t.false(JSON.stringify(map.sources).includes(folder));
});

for (const [language, tool, packages] of [
  ["c", "clang-14", "clang-14 lld-14 wasi-libc"],
  ["go", "go", "install Go 1.24"],
] as const)
  test.serial(`build without ${tool}: exit status 69, and what to install`, async (t) => {
    const folder = scratch(t);
    t.is((await callIn(folder, "new", language, "blue")).status, 0);
    const { PATH } = process.env;
    t.teardown(() => {
      process.env.PATH = PATH;
    });
    mkdirSync(join(folder, "bin"));
    symlinkSync("/bin/sh", join(folder, "bin/sh"));
    process.env.PATH = join(folder, "bin");
    const { status, err } = await callIn(folder, "build", "blue");
    t.is(status, 69);
    t.true(err.includes(packages), err);
  });

test("build: sources that there are not, or that are too many", async (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, "two"));
  mkdirSync(join(folder, "none"));
  for (const file of ["a.c", "b.rs"]) writeFileSync(join(folder, "two", file), "");
  writeFileSync(join(folder, "a.txt"), "");
  for (const [source, said] of [
    ["nothing.c", /no such file or folder/],
    ["none", /it has no source/],
    ["two", /it has a\.c and b\.rs/],
    ["a.txt", /\.txt is no language/],
  ] as const) {
    const { status, err } = await callIn(folder, "build", source);
    t.is(status, 2, source);
    t.regex(err, said);
  }
  writeFileSync(join(folder, "a.wat"), "(module)");
  t.is((await callIn(folder, "build", "a.wat", "--optimise", "9")).status, 2);
  t.is((await callIn(folder, "build", "a.wat", "--key", "none.key")).status, 2);
  t.is((await callIn(folder, "new", "cobol", "x")).status, 2);
  t.regex((await callIn(folder, "new", "c", "Größe")).err, /cannot be a filter's name/);
  t.is((await callIn(folder, "new", "c", "blue")).status, 0);
  const again = await callIn(folder, "new", "c", "blue");
  t.is(again.status, 2);
  t.regex(again.err, /blue\/blue\.c.*there already/);
  t.is((await callIn(folder, "new", "c", "blue", "--force")).status, 0);
});
