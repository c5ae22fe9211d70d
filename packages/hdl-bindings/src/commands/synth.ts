/** `hdl-bindings synth`: cells by yosys and, where the design fits, a clock estimate by nextpnr for the iCE40. @module */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, exitStatus, MitsuError, print, table } from "@mitsu/cli";
import { readPorts } from "../verilator/ports.ts";
import { runTool } from "../verilator/tool.ts";
import type { Design } from "../verilator/verilator.ts";
import { type DesignArguments, designOf } from "./design.ts";

/** What a synthesis says. */
export interface Synthesis {
  readonly module: string;
  /** Cells of the iCE40 by type: `SB_LUT4`, `SB_DFF…`, `SB_RAM40_4K`, `SB_CARRY`. */
  readonly cells: Readonly<Record<string, number>>;
  /** After place and route on an HX8K; absent where it does not fit. */
  readonly maxFrequencyMhz?: number;
  /** Why there is no frequency. */
  readonly reason?: string;
}

/** yosys' commands for a design. */
function script({ files, include = [], parameters = {} }: Design, top: string, netlist: string): string {
  const set = Object.entries(parameters).map(([name, value]) => `-set ${name} ${value}`);
  return [
    `read_verilog -sv ${[...include.map((folder) => `-I${folder}`), ...files].join(" ")}`,
    ...(set.length ? [`chparam ${set.join(" ")} ${top}`] : []),
    `synth_ice40 -top ${top} -json ${netlist}`,
  ].join("; ");
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
  const { module } = await readPorts(design);
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    const netlist = join(folder, "netlist.json");
    const yosys = await runTool("yosys", ["-q", "-p", script(design, module, netlist)]);
    if (yosys.status !== 0) {
      const text = `${yosys.stdout}${yosys.stderr}`.split("\n").filter((line) => /ERROR|error/.test(line));
      throw new MitsuError(text.join("\n") || "yosys failed without a message", { code: "ERR_HDL_SYNTH", exit: exitStatus.usage });
    }
    const { modules } = JSON.parse(await readFile(netlist, "utf8")) as Netlist;
    const cells: Record<string, number> = {};
    for (const { type } of Object.values(modules[module]?.cells ?? {})) cells[type] = (cells[type] ?? 0) + 1;
    const sorted = Object.fromEntries(Object.entries(cells).sort(([one], [other]) => (one < other ? -1 : 1)));
    if (!timing) return { module, cells: sorted };
    const route = await runTool("nextpnr-ice40", [
      "--hx8k",
      "--package",
      "ct256",
      "--pcf-allow-unconstrained",
      "--json",
      netlist,
      "--seed",
      "1",
    ]);
    const log = `${route.stdout}${route.stderr}`;
    const clocks = [...log.matchAll(/Max frequency for clock[^:]*: ([\d.]+) MHz/g)].map(([, mhz]) => Number(mhz));
    if (route.status === 0 && clocks.length) return { module, cells: sorted, maxFrequencyMhz: clocks.at(-1)! };
    const [why] = /ERROR: .*/.exec(log) ?? [];
    return {
      module,
      cells: sorted,
      reason: why?.slice("ERROR: ".length) ?? (route.status === 0 ? "it has no clock" : "nextpnr gave no reason"),
    };
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
