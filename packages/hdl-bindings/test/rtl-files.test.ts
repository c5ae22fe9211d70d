/** What every file of rtl/ has to be: free of Verilator's warnings, taken by yosys, and open about its speed and size. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "ava";
import { formatMessage, verilate } from "../src/verilator/verilator.ts";
import { rtlTest } from "./rtl-test.ts";

const folder = join(import.meta.dirname, "../rtl");
const files = globSync("*.sv", { cwd: folder }).sort();
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

test("rtl/*.sv: every header states latency, throughput, resources and parameters", (t) => {
  t.true(files.length >= 11);
  for (const file of files) {
    const [header] = textOf(file).split("`default_nettype none");
    for (const word of ["Latency:", "Throughput:", "Resources:", "Parameters:"])
      t.true(header!.includes(`// ${word}`), `${file} has no ${word}`);
    t.regex(header!, /Resources:[\s\S]* \d[\d ]* (SB_)?LUT4/, `${file} states no cells`);
  }
});

test("rtl/*.sv: every waiver says why in the line before it", (t) => {
  for (const file of files) {
    const lines = textOf(file).split("\n");
    for (const [at, line] of lines.entries())
      if (/\blint_off\b/.test(line)) t.regex(lines[at - 1]!, /^\s*\/\/ (?!verilator)\S/, `${file}:${at + 1} has no reason`);
  }
});

rtlTest("rtl/*.sv pass verilator --lint-only -Wall", { needs: ["verilator"] }, async (t) => {
  for (const file of files) {
    const found = await verilate({ files: [join(folder, file)], top: basename(file, ".sv"), include: [folder] }, ["--lint-only", "-Wall"]);
    t.deepEqual(found.map(formatMessage), [], file);
  }
});

rtlTest("rtl/*.sv elaborate in yosys, with every module found and no loop or driver too many", { needs: ["yosys"] }, (t) => {
  // All at once, each at its own parameters, but topic_matcher with 128 filters: yosys unrolls memory that is written in slices.
  const sources = files.map((file) => join(folder, file)).join(" ");
  const script = `read_verilog -sv ${sources}; chparam -set FILTERS 128 topic_matcher; hierarchy -check; proc; check -assert`;
  const { status, stdout, stderr } = spawnSync("yosys", ["-q", "-p", script], { encoding: "utf8" });
  t.is(status, 0, `${stdout}${stderr}`);
});
