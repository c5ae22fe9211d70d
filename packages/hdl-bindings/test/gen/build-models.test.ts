import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { buildModels, classOf } from "../../src/gen/build-models.ts";
import { all, hasVerilator, hasWasm } from "../fixture.ts";

const held =
  "module held #(parameter int W = 4)(input logic clk, input logic [W-1:0] a, output logic [W-1:0] q);\n  always_ff @(posedge clk) q <= a;\nendmodule\n";

(hasWasm && all ? test : test.skip)("buildModels() builds what changed, with what it instantiates, and nothing else", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-build-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const folders = { rtl: folder, models: join(folder, "models") };
  const inverter = (body: string) => `module inverter(input logic clk, input logic a, output logic q);\n${body}\nendmodule\n`;
  writeFileSync(join(folder, "inverter.sv"), inverter("  always_ff @(posedge clk) q <= ~a;"));
  writeFileSync(
    join(folder, "twice.sv"),
    "module twice(input logic clk, input logic a, output logic q);\n  logic b;\n  inverter one(.clk, .a, .q(b));\n  inverter two(.clk, .a(b), .q);\nendmodule\n",
  );
  writeFileSync(join(folder, "wire_only.sv"), "module wire_only(input logic a, output logic q);\n  assign q = a;\nendmodule\n");
  const built = async () => (await buildModels([], false, folders)).map((path) => path.slice(folders.models.length + 1)).sort();
  t.deepEqual(await built(), ["inverter.ts", "inverter.wasm", "twice.ts", "twice.wasm", "wire_only.ts", "wire_only.wasm"]);
  t.deepEqual(await built(), []);
  const before = readFileSync(join(folders.models, "twice.wasm"));
  writeFileSync(join(folder, "inverter.sv"), inverter("  always_ff @(posedge clk) q <= ~a; // the same in other words"));
  t.deepEqual(await built(), ["inverter.wasm", "twice.wasm"]);
  const after = readFileSync(join(folders.models, "twice.wasm"));
  t.deepEqual(after.subarray(0, -80), before.subarray(0, -80), "the same design gives the same model, byte for byte, but for the stamp");
  t.true(readdirSync(folders.models).every((name) => /\.(ts|wasm)$/.test(name)));
  await t.throwsAsync(buildModels(["nothing"], false, folders), { instanceOf: TypeError });
});

(hasWasm && all ? test : test.skip)("buildModels() builds a variant under its own name, anew when its parameters change", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-build-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "held.sv"), held);
  const built = async (W: string) => {
    const folders = { rtl: folder, models: join(folder, "models"), variants: { held_wide: { module: "held", parameters: { W } } } };
    return (await buildModels([], false, folders)).map((path) => path.slice(folders.models.length + 1)).sort();
  };
  t.deepEqual(await built("40"), ["held.ts", "held.wasm", "held_wide.ts", "held_wide.wasm"]);
  t.deepEqual(await built("40"), []);
  t.deepEqual(await built("41"), ["held_wide.ts", "held_wide.wasm"]);
});

(hasVerilator ? test : test.skip)("classOf() of a variant has its name and its widths, and says its parameters", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-build-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "held.sv"), held);
  const folders = { rtl: folder, models: folder, variants: { held_wide: { module: "held", parameters: { W: "40" } } } };
  const [plain, wide] = [await classOf("held", folders), await classOf("held_wide", folders)];
  t.regex(plain, /class Held extends[\s\S]*`a`: input, 4 bits/);
  t.regex(
    wide,
    /with W=40; do not edit[\s\S]*module: "held_wide"[\s\S]*class HeldWide extends[\s\S]*\.\/held_wide\.wasm[\s\S]*`a`: input, 40 bits/,
  );
});
