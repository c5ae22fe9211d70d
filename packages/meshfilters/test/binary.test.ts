/** The standalone binary writes, builds, tries and checks filters, without what it does not carry. @module */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kitModules, refusedModules } from "../src/conformance/kit-modules.ts";
import { scratch } from "./call.ts";
import { compilerTest, root, vars } from "./compilers.ts";

compilerTest(
  "the binary does what the sources do, but AssemblyScript and wasm-opt",
  ["c"],
  (t) => {
    t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
    const folder = scratch(t);
    const made = spawnSync(process.execPath, [join(root, "scripts/build-binaries.ts"), "meshfilters", "--out", join(folder, "bin")], {
      encoding: "utf8",
    });
    t.is(made.status, 0, `${made.stdout}${made.stderr}`);
    const call = (...args: string[]) =>
      spawnSync(join(folder, "bin/meshfilters"), args, { cwd: folder, encoding: "utf8", env: { ...process.env, ...vars } });
    t.regex(call("--version").stdout, /^meshfilters \d+\.\d+\.\d+\n$/);
    for (const language of ["c", "wat"]) {
      t.is(call("new", language, language).status, 0);
      const tested = call("test", language);
      t.is(tested.status, 0, tested.stderr);
      t.regex(tested.stdout, /^# 2 passed, 0 failed$/m);
      const left = language === "c";
      for (const asJson of [false, true]) {
        const built = call("build", language, "-o", `${language}.wasm`, ...(asJson ? ["--json"] : []));
        t.is(built.status, 0, built.stderr);
        t.is(built.stderr.includes("notice: wasm-opt was left out"), left, "each time");
        if (asJson) t.is((JSON.parse(built.stdout) as { notices: string[] }).notices.length, left ? 1 : 0);
      }
      for (const command of ["inspect", "verify"]) t.is(call(command, `${language}.wasm`).status, 0);
      t.regex(call("bench", `${language}.wasm`, "--seconds", "0.05").stdout, /µs a request/);
    }
    t.is(call("new", "assemblyscript", "as").status, 0);
    const refused = call("build", "as");
    t.is(refused.status, 69);
    t.regex(refused.stderr, /run bin\/meshfilters from the sources/);
    const kit = call("conformance", "--write", "kit");
    t.is(kit.status, 0, kit.stderr);
    for (const { name } of kitModules) t.true(existsSync(join(folder, "kit", `${name}.wasm`)), name);
    for (const { name } of refusedModules) t.true(existsSync(join(folder, "kit/refused", `${name}.wasm`)), name);
    writeFileSync(join(folder, "rules.yaml"), "nothing: here\n");
    t.is(call("build", "rules.yaml").status, 2);
  },
  true,
);
