/** Verilog that others wrote: PicoRV32 and mor1kx, fetched by scripts/third-party-rtl. @module */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";
import { layoutOf } from "../../src/gen/layout.ts";
import { compileWasm } from "../../src/gen/wasm.ts";
import { DynamicModel } from "../../src/model/dynamic-model.ts";
import { wasmEngine } from "../../src/model/wasm-engine.ts";
import { webAssembly } from "../../src/model/web-assembly.ts";
import { type Interface, readPorts } from "../../src/verilator/ports.ts";
import type { Design } from "../../src/verilator/verilator.ts";
import { cache, rtl } from "../fixture.ts";
import { rtlTest } from "../rtl-test.ts";

const root = join(import.meta.dirname, "../../../..");
const fetched = join(root, ".cache/third-party-rtl");
const long = { needs: ["verilator", "wasm"], long: true, serial: true } as const;

function fetch(): void {
  const { status, stderr } = spawnSync(join(root, "scripts/third-party-rtl"), { encoding: "utf8" });
  if (status === 69) throw new NotSupportedError(stderr.trim(), "it is fetched once, into .cache");
  if (status !== 0) throw new Error(stderr);
}

const picorv32 = (): Design => ({
  files: [join(fetched, "pythondata-cpu-picorv32/pythondata_cpu_picorv32/verilog/picorv32.v")],
  top: "picorv32",
  parameters: { ENABLE_COUNTERS: "0", STACKADDR: "4096" },
});

function mor1kx(top: string): Design {
  const folder = join(fetched, "pythondata-cpu-mor1kx/pythondata_cpu_mor1kx/verilog/rtl/verilog");
  return { files: [join(folder, `${top}.v`)], top, include: [folder, join(folder, "pfpu32")] };
}

async function opened(design: Design, options: { clock?: string; reset?: string } = {}): Promise<[DynamicModel, Interface]> {
  const found = await readPorts(design);
  const layout = layoutOf(found, options);
  const { bytes } = await compileWasm(design, layout, { cache });
  return [new DynamicModel(layout, wasmEngine(layout.module, new webAssembly.Module(new Uint8Array(bytes)), {})), found];
}

rtlTest("PicoRV32 with its 26 parameters runs a program: the sum of 1 to 1000, stored", long, async (t) => {
  fetch();
  const [core, { ports, parameters }] = await opened(picorv32());
  t.deepEqual([ports.length, Object.keys(parameters).length], [27, 26]);
  // addi x1,x0,0; addi x2,x0,1000; add x1,x1,x2; addi x2,x2,-1; bne x2,x0,-8; sw x1,0x100(x0); ebreak
  const memory = new Uint32Array(1024);
  memory.set([0x0000_0093, 0x3e80_0113, 0x0020_80b3, 0xfff1_0113, 0xfe01_1ce3, 0x1010_2023, 0x0010_0073]);
  core.reset(4);
  for (let cycle = 0; cycle < 20_000 && core.get("trap") === 0; cycle++) {
    const asked = core.get("mem_valid") === 1 && core.get("mem_ready") === 0;
    core.set("mem_ready", asked ? 1 : 0);
    if (asked) {
      const at = (core.get("mem_addr") as number) >> 2;
      if (core.get("mem_wstrb") === 15) memory[at] = core.get("mem_wdata") as number;
      core.set("mem_rdata", memory[at]!);
    }
    core.step();
  }
  t.is(core.get("trap"), 1, "ebreak");
  t.is(memory[0x40], 500_500);
  t.true(core.cycle > 2000, `${core.cycle} cycles`);
});

rtlTest("mor1kx with its 68 parameters, of fifty files found by name, fetches from its reset vector on", long, async (t) => {
  fetch();
  const [core, { ports, parameters, sources }] = await opened(mor1kx("mor1kx"));
  t.deepEqual([ports.length, Object.keys(parameters).length], [49, 68]);
  t.true(sources!.length > 15);
  core.reset(4);
  core.set("iwbm_dat_i", 0x1500_0000); // l.nop
  const fetches: number[] = [];
  for (let cycle = 0; cycle < 4000; cycle++) {
    const asked = core.get("iwbm_stb_o") === 1 && core.get("iwbm_ack_i") === 0;
    if (asked) fetches.push(core.get("iwbm_adr_o") as number);
    core.set("iwbm_ack_i", asked ? 1 : 0);
    core.step();
  }
  t.is(fetches[0], 0x100);
  t.true(fetches.length > 500, String(fetches.length));
  // It keeps its strobe for a cycle after the acknowledgement, so that an address may be seen twice.
  const addresses = fetches.filter((address, at) => address !== fetches[at - 1]);
  t.true(addresses.length > 250, String(addresses.length));
  t.deepEqual(
    addresses,
    addresses.map((_, at) => 0x100 + 4 * at),
  );
});

rtlTest("mor1kx' stages of 101 and 118 ports bind, and run 4000 cycles", long, async (t) => {
  fetch();
  for (const [top, count] of [
    ["mor1kx_ctrl_cappuccino", 101],
    ["mor1kx_decode_execute_cappuccino", 118],
  ] as const) {
    const [stage, { ports }] = await opened(mor1kx(top));
    t.is(ports.length, count);
    stage.reset(4);
    stage.step(4000);
    t.is(stage.cycle, 4004);
  }
});

rtlTest("readPorts() reads the same of Verilator's JSON as of its XML", { ...long, needs: ["verilator"] }, async (t) => {
  fetch();
  const designs = [{ files: [rtl("many_ports")], parameters: { K: "-5" } }, picorv32(), mor1kx("mor1kx")];
  const read = async (): Promise<readonly Interface[]> => await Promise.all(designs.map(readPorts));
  const byXml = await read();
  const folder = join(fetched, "verilator/verilator");
  const { PATH, VERILATOR_ROOT } = process.env;
  try {
    process.env.PATH = `${folder}/bin:${PATH}`;
    process.env.VERILATOR_ROOT = folder;
    t.regex(spawnSync("verilator", ["--xml-only"], { encoding: "utf8" }).stderr, /Invalid option: --xml-only/);
    const sorted = (all: readonly Interface[]) => all.map((one) => ({ ...one, sources: [...one.sources!].sort() }));
    t.deepEqual(sorted(await read()), sorted(byXml));
    await t.throwsAsync(readPorts({ files: [rtl("counter")], parameters: { NOT: "1" } }), { code: "ERR_HDL_DESIGN", message: /NOT/ });
  } finally {
    process.env.PATH = PATH;
    if (VERILATOR_ROOT === undefined) delete process.env.VERILATOR_ROOT;
    else process.env.VERILATOR_ROOT = VERILATOR_ROOT;
  }
});
