/** The standalone binary does what the sources do; a binary with a generated class in it carries its model. @module */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";
import test from "ava";
import { buildBinary } from "../../../scripts/build-binary.ts";
import { emptyRoot } from "../../../scripts/test/empty-root.ts";
import { rtl } from "./fixture.ts";
import { cache } from "./needs.ts";
import { rtlTest } from "./rtl-test.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/hdl-bindings");

test.serial.before("scripts/build-binaries.ts makes dist/bin/hdl-bindings", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = spawnSync(process.execPath, [join(root, "scripts/build-binaries.ts"), "hdl-bindings"], { encoding: "utf8" });
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("the binary prints its version and its help, and names the package of what it lacks, in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  for (const [argument, output] of [
    ["--version", /^hdl-bindings \d+\.\d+\.\d+\n$/],
    ["--help", /hdl-bindings gen rtl\/counter\.sv -o models/],
  ] as const) {
    const run = empty.run(argument);
    t.deepEqual([run.status, run.stderr], [0, ""], argument);
    t.regex(run.stdout, output);
  }
  writeFileSync(join(empty.folder, "counter.sv"), readFileSync(rtl("counter")));
  mkdirSync(join(empty.folder, "tmp"), { recursive: true });
  for (const command of [["run"], ["lint"], ["wave"], ["synth"], ["gen", "-o", "/"]]) {
    const run = empty.run(...command, "/counter.sv");
    t.is(run.status, 69, command[0]);
    t.regex(run.stderr, /verilator is not installed\n {2}hint: install it: apt-get install verilator\n/, command[0]);
  }
});

rtlTest("the binary lints and runs a design", { needs: ["verilator", "wasm"], serial: true }, (t) => {
  const env = { ...process.env, XDG_CACHE_HOME: join(cache, "..") };
  const run = spawnSync(binary, ["run", rtl("counter"), "-s", "enable=1", "-n", "10"], { encoding: "utf8", env });
  t.is(run.status, 0, run.stderr);
  t.regex(run.stdout, /^count +output +32 +0xa$/m);
});

rtlTest(
  "a binary carries the models of its classes, and opens them by name",
  { needs: ["models"], long: true, serial: true },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hdl-binary-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const entry = join(folder, "main.ts");
    const model = join(import.meta.dirname, "../models/async_ring.ts");
    if (!existsSync(model)) throw new NotSupportedError("there is no async_ring", "run scripts/build-rtl");
    writeFileSync(
      entry,
      `import { AsyncRing } from ${JSON.stringify(model)};
async function main(): Promise<number> {
  const ring = await AsyncRing.open();
  ring.reset();
  console.log("ready", ring.ready);
  await AsyncRing.open({ trace: "/dev/null" }).catch((error: { code: string; message: string }) => console.log(error.code, error.message));
  return 0;
}
if (import.meta.main) process.exitCode = await main();
`,
    );
    await buildBinary({ entry, assets: [], nodeFlags: [], binary: join(folder, "ring"), force: true });
    const run = spawnSync(join(folder, "ring"), { encoding: "utf8", cwd: "/" });
    t.is(run.stdout, "ready 1\nERR_HDL_MODEL no model of async_ring at async_ring.trace.wasm\n", run.stderr);
  },
);
