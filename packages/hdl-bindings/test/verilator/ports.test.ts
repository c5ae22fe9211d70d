import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { portsOfXml, readPorts } from "../../src/verilator/ports.ts";
import { rtl } from "../fixture.ts";
import { rtlTest } from "../rtl-test.ts";

const live = { needs: ["verilator"] } as const;

const xml = (type: string, port = 'dir="input"') => `<verilator_xml><cells><cell submodname="m"/></cells><netlist>
<module name="other" origName="other"><var name="x" dtype_id="1" dir="input" pinIndex="1" origName="x"/></module>
<module name="m" origName="m"><var name="p" dtype_id="1" ${port} pinIndex="1" origName="p"/></module>
<typetable>${type}<basicdtype id="2" name="logic" left="7" right="0"/></typetable></netlist></verilator_xml>`;

test("portsOfXml() reads the top module's ports only, and widths of structures", (t) => {
  const struct = '<structdtype id="1"><memberdtype sub_dtype_id="2"/><memberdtype sub_dtype_id="2"/></structdtype>';
  t.deepEqual(portsOfXml(xml(struct)), {
    module: "m",
    parameters: {},
    sources: [],
    ports: [{ name: "p", direction: "input", width: 16, signed: false }],
  });
});

test("portsOfXml() names the port that cannot be bound", (t) => {
  for (const [type, port, message] of [
    ['<unpackarraydtype id="1" sub_dtype_id="2"/>', undefined, /port p: an unpacked array/],
    ['<basicdtype id="1" name="real"/>', undefined, /port p: type real/],
    ['<ifacerefdtype id="1"/>', "", /port p: an interface/],
    ['<basicdtype id="1" name="logic"/>', 'dir="inout"', /port p: direction inout/],
  ] as const) {
    t.throws(() => portsOfXml(xml(type, port)), { code: "ERR_HDL_PORT", message });
  }
});

rtlTest("readPorts() reads some hundred ports with their widths, and parameters", live, async (t) => {
  const { module, ports, parameters } = await readPorts({ files: [rtl("many_ports")], parameters: { K: "9" } });
  t.is(module, "many_ports");
  t.is(ports.length, 2 + 12 + 100 + 1);
  t.regex(parameters.K!, /^32's?h9$/);
  const width = (name: string) => ports.find((port) => port.name === name)!.width;
  t.deepEqual(["wide", "full__64_q", "just_33", "packed_array", "in_49", "k"].map(width), [200, 64, 33, 32, 50, 32]);
  t.true(ports.find(({ name }) => name === "half")!.signed);
});

rtlTest("readPorts() gives Verilator's message with file and line for bad input", live, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-ports-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "bad.sv");
  writeFileSync(file, "module bad(input logic a);\n  assign b = ;\nendmodule\n");
  await t.throwsAsync(readPorts({ files: [file] }), { code: "ERR_HDL_DESIGN", message: /bad\.sv:2:\d+: error/ });
  await t.throwsAsync(readPorts({ files: [rtl("counter")], parameters: { NOT: "1" } }), {
    code: "ERR_HDL_DESIGN",
    message: /counter\.sv: error: .*NOT/,
  });
  await t.throwsAsync(readPorts({ files: [join(folder, "absent.sv")] }), { code: "ERR_HDL_DESIGN", message: /^\S*absent\.sv: error/ });
  writeFileSync(
    file,
    'module bad #(parameter int W = 4) (input logic [W-1:0] a[2]);\n  if (W > 8) $error("W is %0d, at most 8", W);\nendmodule\n',
  );
  await t.throwsAsync(readPorts({ files: [file], parameters: { W: "9" } }), {
    code: "ERR_HDL_DESIGN",
    message: /bad\.sv:2:\d+: error USERERROR: W is 9, at most 8/,
  });
  await t.throwsAsync(readPorts({ files: [file] }), {
    code: "ERR_HDL_PORT",
    message: /bad\.sv:1:\d+: port a: an unpacked array cannot be bound/,
  });
  writeFileSync(file, "module bad(\n  input logic [70000:0] a);\nendmodule\n");
  await t.throwsAsync(readPorts({ files: [file] }), {
    code: "ERR_HDL_PORT",
    message: /bad\.sv:2:\d+: port a: a vector of 70001 bits, more than 65536/,
  });
});
