import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import test from "ava";
import { hdlBindings } from "../../src/cli.ts";
import { waveText } from "../../src/commands/wave.ts";
import type { Model } from "../../src/model/mod.ts";
import { cache, rtl } from "../fixture.ts";
import { rtlTest } from "../rtl-test.ts";

const vars = { XDG_CACHE_HOME: join(cache, "..") };
const live = { needs: ["verilator"], serial: true } as const;
// Serial, as some change PATH.
const slow = { needs: ["verilator", "wasm", "native"], long: true, serial: true } as const;

async function call(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const env = testEnv({ cwd: import.meta.dirname, vars });
  const status = await run(hdlBindings, args, env);
  return { status, out: env.out(), err: env.err() };
}

test("every command has help with an example", async (t) => {
  for (const { name } of hdlBindings.commands) {
    const { status, out } = await call(name, "--help");
    t.is(status, 0);
    t.regex(out, /hdl-bindings/);
  }
});

test("waveText() draws bits as levels and values where they change", (t) => {
  t.is(waveText("en", 1, [0, 1, 1, 0]), "en _‾‾_");
  t.is(waveText("q", 8, [1, 1, 16]), "q |0x1.|0x10");
});

rtlTest("lint: exit status 2 with file and line for a warning, 0 for a clean file, 2 for a wrong option", live, async (t) => {
  t.deepEqual(await call("lint", rtl("counter")), { status: 0, out: "", err: "" });
  const folder = mkdtempSync(join(tmpdir(), "hdl-lint-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "narrow.sv");
  writeFileSync(file, "module narrow(input logic [7:0] a, output logic [3:0] b);\n  assign b = a;\nendmodule\n");
  const { status, err } = await call("lint", file);
  t.is(status, 2);
  t.regex(err, /narrow\.sv:2:\d+: warning WIDTH/);
  const wrong = await call("lint", rtl("counter"), "-G", "W");
  t.is(wrong.status, 2);
  t.regex(wrong.err, /--parameter W: no '='/);
});

rtlTest(
  "synth: counts the cells of a counter and estimates its clock",
  { needs: ["verilator", "yosys", "nextpnr"], long: true, serial: true },
  async (t) => {
    const { status, out } = await call("synth", rtl("counter"), "-G", "W=8", "--timing", "--json");
    t.is(status, 0);
    t.is((JSON.parse(out) as { cells: Record<string, number> }).cells.SB_DFFESR, 8);
    const { maxFrequencyMhz, reason } = JSON.parse(out) as { maxFrequencyMhz?: number; reason?: string };
    t.true(maxFrequencyMhz! > 100, reason);
  },
);

rtlTest(
  "gen, then the class: TypeScript that runs, with WebAssembly and as a shared library, traced and not, the same",
  slow,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hdl-gen-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const runtime = join(import.meta.dirname, "../../src/model/mod.ts");
    for (const kind of [["--trace"], ["--native"]]) {
      const { status, err } = await call("gen", rtl("counter"), "-G", "W=4", "-o", folder, "--runtime", runtime, ...kind);
      t.is(status, 0, err);
    }
    type Counter = Model & { enable: number; readonly count: number };
    const { Counter } = (await import(join(folder, "counter.ts"))) as { Counter: { open(options?: object): Promise<Counter> } };
    const vcd = join(folder, "counter.vcd");
    for (const options of [{}, { native: true }, { trace: vcd }, { native: true, randomSeed: 3 }]) {
      const counter = await Counter.open(options);
      counter.reset();
      counter.enable = 1;
      counter.step(18);
      t.is(counter.count, 2, JSON.stringify(options));
      t.is(counter.cycle, 19);
      t.throws(
        () => {
          counter.enable = 2;
        },
        { instanceOf: RangeError, message: "counter.enable has 1 bit, it cannot be 2" },
      );
      counter.close();
    }
    t.regex(readFileSync(vcd, "utf8"), /\$var wire +4 \S+ count \[3:0\] \$end[\s\S]*\n#185\n/);
    await t.throwsAsync(Counter.open({ native: true, trace: vcd }), { code: "ERR_HDL_MODEL", message: /counter\.trace\.so/ });
  },
);

rtlTest("run prints ports, wave writes a VCD; a value that does not fit is exit status 2", slow, async (t) => {
  const { out } = await call("run", rtl("counter"), "-s", "enable=1", "-n", "10", "--json");
  t.deepEqual((JSON.parse(out) as { ports: unknown[] }).ports.at(-1), { name: "count", direction: "output", width: 32, value: "0xa" });
  const bad = await call("run", rtl("counter"), "-s", "enable=2");
  t.deepEqual([bad.status, /counter\.enable has 1 bit/.test(bad.err)], [2, true]);
});

rtlTest(
  "wave writes an FST by a shared library, and refuses a folder that is not there",
  { ...slow, needs: ["verilator", "native", "fst"] },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hdl-fst-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "counter.fst");
    const { status, out, err } = await call("wave", rtl("counter"), "-s", "enable=1", "-n", "20", "-o", file, "--signal", "count");
    t.is(status, 0, err);
    t.regex(out, /^count \|0x1\|0x2/);
    const fst = readFileSync(file);
    // GTKWave's format: a header block is type 0, of 329 bytes, then first and last time; 21 cycles of 10, the last level at 205.
    t.deepEqual([fst[0], fst.readBigUInt64BE(1), fst.readBigUInt64BE(9), fst.readBigUInt64BE(17)], [0, 329n, 0n, 205n]);
    const nowhere = await call("wave", rtl("counter"), "-o", join(folder, "none/x.fst"));
    t.is(nowhere.status, 1);
    t.regex(nowhere.err, /cannot write .*none\/x\.fst/);
    const wasm = await call("gen", rtl("counter"), "-o", folder, "--fst");
    t.deepEqual([wasm.status, /cannot write FST/.test(wasm.err)], [2, true]);
  },
);

for (const [tool, name, commands] of [
  ["verilator", "verilator", ["gen", "run", "lint", "wave", "synth"]],
  ["clang++-14", "clang-14", ["gen", "run", "wave"]],
  ["g++", "g++", ["gen --native", "wave -o x.fst"]],
  ["yosys", "yosys", ["synth"]],
  ["nextpnr-ice40", "nextpnr-ice40", ["synth --timing"]],
] as const) {
  rtlTest(
    `without ${tool}, ${commands.join(", ")} are exit status 69 with its Debian package`,
    { ...slow, needs: ["verilator"] },
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "hdl-without-"));
      const { PATH } = process.env;
      t.teardown(() => {
        process.env.PATH = PATH;
        rmSync(folder, { recursive: true });
      });
      mkdirSync(join(folder, "bin"));
      for (const one of readdirSync("/usr/bin")) if (one !== tool) symlinkSync(join("/usr/bin", one), join(folder, "bin", one));
      process.env.PATH = join(folder, "bin");
      for (const command of commands) {
        const [verb, ...options] = command.split(" ");
        const output = verb === "gen" ? ["-o", folder] : [];
        const { status, err } = await call(verb!, rtl("counter"), ...options, ...output);
        t.is(status, 69, `${command}: ${err}`);
        t.regex(err, new RegExp(`apt-get install ${name.replaceAll("+", "\\+")}`), command);
      }
    },
  );
}
