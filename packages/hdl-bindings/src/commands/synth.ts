/** `hdl-bindings synth`: cells by yosys and, where the design fits, a clock estimate by nextpnr for the iCE40. @module */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, exitStatus, MitsuError, print, table } from "@mitsu/cli";
import { readPorts } from "../verilator/ports.ts";
import { runTool } from "../verilator/tool.ts";
import type { Design } from "../verilator/verilator.ts";
import { type DesignArguments, designOf } from "./design.ts";
import { harnessName, pinHarness } from "./pin-harness.ts";

/** What a synthesis says. */
export interface Synthesis {
  readonly module: string;
  /** Cells of the iCE40 by type: `SB_LUT4`, `SB_DFF…`, `SB_RAM40_4K`, `SB_CARRY`. */
  readonly cells: Readonly<Record<string, number>>;
  /** After place and route on an HX8K, between registers; absent where it does not fit. */
  readonly maxFrequencyMhz?: number;
  /** Why there is no frequency. */
  readonly reason?: string;
}

/** Runs yosys on files. */
async function yosys(files: readonly string[], { include = [] }: Design, commands: readonly string[]): Promise<void> {
  const read = `read_verilog -sv ${[...include.map((folder) => `-I${folder}`), ...files].join(" ")}`;
  const { status, stdout, stderr } = await runTool("yosys", ["-q", "-p", [read, ...commands].join("; ")]);
  if (status === 0) return;
  const text = `${stdout}${stderr}`.split("\n").filter((line) => /error/i.test(line));
  throw new MitsuError(text.join("\n") || "yosys failed without a message", { code: "ERR_HDL_SYNTH", exit: exitStatus.usage });
}

interface Netlist {
  readonly modules: Readonly<
    Record<string, { readonly attributes: Record<string, string>; readonly cells: Record<string, { type: string }> }>
  >;
}

/**
 * Synthesises for the iCE40: small and slow, but its whole tool chain is free, and ratios between blocks hold elsewhere.
 *
 * @throws {MitsuError} `ERR_HDL_SYNTH` with yosys' message when it cannot.
 */
export async function synthesise(design: Design, timing: boolean): Promise<Synthesis> {
  const found = await readPorts(design);
  const { module } = found;
  const { parameters = {} } = design;
  const files = [...new Set([...design.files, ...(found.sources ?? [])])]; // yosys does not look for modules by name
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    const netlist = join(folder, "netlist.json");
    const set = Object.entries(parameters).map(([name, value]) => `-set ${name} ${value}`);
    const chparam = set.length ? [`chparam ${set.join(" ")} ${module}`] : [];
    await yosys(files, design, [...chparam, `synth_ice40 -top ${module} -json ${netlist}`]);
    const { modules } = JSON.parse(await readFile(netlist, "utf8")) as Netlist;
    const counts: Record<string, number> = {};
    for (const { type } of Object.values(modules[module]?.cells ?? {})) counts[type] = (counts[type] ?? 0) + 1;
    const cells = Object.fromEntries(Object.entries(counts).sort(([one], [other]) => (one < other ? -1 : 1)));
    if (!timing) return { module, cells };
    const harness = pinHarness(found, parameters);
    if (harness === undefined) return { module, cells, reason: "it has no clock" };
    const around = join(folder, "harness.v");
    await writeFile(around, harness);
    await yosys([...files, around], design, [`synth_ice40 -top ${harnessName} -json ${netlist}`]);
    const device = ["--hx8k", "--package", "ct256", "--pcf-allow-unconstrained", "--seed", "1"];
    const route = await runTool("nextpnr-ice40", [...device, "--json", netlist]);
    const log = `${route.stdout}${route.stderr}`;
    const clocks = [...log.matchAll(/Max frequency for clock[^:]*: ([\d.]+) MHz/g)].map(([, mhz]) => Number(mhz));
    // The last one said is that after routing. nextpnr fails when a clock misses its own goal of 12 MHz, and has said it then.
    if (clocks.length) return { module, cells, maxFrequencyMhz: clocks.at(-1)! };
    return { module, cells, reason: /ERROR: (.*)/.exec(log)?.[1] ?? "nextpnr gave no reason" };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prints the cells, and the clock or why there is none. */
export async function run(args: DesignArguments & { readonly timing: boolean }, context: Context): Promise<void> {
  const result = await synthesise(designOf(args, context.env), args.timing);
  print(context, result, ({ cells, maxFrequencyMhz, reason }, out) => {
    const rows = Object.entries(cells).map(([type, count]) => ({ type, count }));
    const counts = table(
      rows,
      [
        { header: "cell", value: ({ type }) => type },
        { header: "count", value: ({ count }) => count },
      ],
      out,
    );
    if (maxFrequencyMhz !== undefined) return `${counts}clock on an iCE40 HX8K: at most ${maxFrequencyMhz} MHz\n`;
    return reason === undefined ? counts : `${counts}no clock estimate: ${reason}\n`;
  });
}
