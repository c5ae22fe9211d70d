import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { buildModels } from "../../src/gen/build-models.ts";
import { all, hasWasm } from "../fixture.ts";

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
