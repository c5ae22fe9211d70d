/**
 * hda-star.sh: Hash Distributed A* on 1 to 16 elements over async_mesh at link latency 10, asynchronous and blocking. Cycles are simulated: the engines and links in every
 * cycle, an element's work by the costs in src/hda/simulated-element.ts (a pipelined heap; `heap` in the table has one that is walked level by level, where smaller open
 * lists are faster ones). The last lines are the same search by processes over Unix sockets, on this machine, in milliseconds.
 *
 * @module
 */
import { systemEnv, table } from "../packages/cli/src/mod.ts";
import { aStar } from "../packages/hdl-bindings/src/hda/a-star.ts";
import type { Domain } from "../packages/hdl-bindings/src/hda/domain.ts";
import { GridMap } from "../packages/hdl-bindings/src/hda/grid-map.ts";
import { korf } from "../packages/hdl-bindings/src/hda/korf.ts";
import { searchByProcesses } from "../packages/hdl-bindings/src/hda/process.ts";
import { simulateHda } from "../packages/hdl-bindings/src/hda/simulate.ts";
import { heapCycles } from "../packages/hdl-bindings/src/hda/simulated-element.ts";
import { type HdlPanel, renderHdl } from "./report/hdl-chart.ts";
import { type HdlOptions, type HdlReport, runHdlBench } from "./report/hdl-run.ts";

const usage = `hda-star.sh: speed-up, stalls, search overhead and messages of Hash Distributed A*, for 1 to 16 elements

usage: bench/hda-star.sh [options]

  --quick    Korf's instance 12 alone, and one repetition of the processes
  --out DIR  where hda-star-<date>.json and hda-star.svg go (default bench/out)
  --json     the report as JSON on stdout instead of text
  --strict   exit 1 when a target is missed
  --help

example:
  bench/hda-star.sh --quick
`;

const latency = 10;
const counts = [1, 2, 4, 8, 16] as const;

interface Row {
  readonly domain: string;
  readonly way: "asynchronous" | "blocking" | "heap";
  readonly elements: number;
  readonly cost: number;
  readonly cycles: number;
  /** Over one element. */
  readonly speedUp: number;
  /** Shares of all elements' cycles. */
  readonly stalled: number;
  readonly idle: number;
  /** Expansions over plain A*'s, less 1. */
  readonly overhead: number;
  readonly messagesPerExpansion: number;
}

interface ProcessRow {
  readonly way: "asynchronous" | "blocking";
  readonly elements: number;
  readonly cost: number;
  readonly milliseconds: number;
  readonly messages: number;
}

function rowsOf(domain: Domain): readonly Row[] {
  const plain = aStar(domain);
  return (["asynchronous", "blocking", "heap"] as const).flatMap((way) => {
    let one = 0;
    return counts.map((elements): Row => {
      process.stderr.write(`${domain.name}, ${way}, ${elements} elements\n`);
      const found = simulateHda(domain, {
        elements,
        latency,
        blocking: way === "blocking",
        ...(way === "heap" ? { cycles: heapCycles } : {}),
      });
      if (found.cost !== plain.cost) throw new Error(`${domain.name}: HDA* found ${found.cost}, A* ${plain.cost}`);
      one ||= found.cycles;
      return {
        domain: domain.name,
        way,
        elements,
        cost: found.cost,
        cycles: found.cycles,
        speedUp: one / found.cycles,
        stalled: found.stalled,
        idle: found.idle,
        overhead: found.expansions / plain.expansions - 1,
        messagesPerExpansion: found.messages / found.expansions,
      };
    });
  });
}

async function byProcesses(quick: boolean): Promise<readonly ProcessRow[]> {
  const rows: ProcessRow[] = [];
  for (const way of ["asynchronous", "blocking"] as const)
    for (const elements of [1, 2, 4]) {
      const runs = [];
      for (let nth = 0; nth < (quick ? 1 : 3); nth++)
        runs.push(await searchByProcesses({ korf: 12, cost: 37 }, { elements, blocking: way === "blocking" }));
      const middle = runs.toSorted((a, b) => a.milliseconds - b.milliseconds)[runs.length >> 1]!;
      rows.push({ way, elements, cost: middle.cost, milliseconds: middle.milliseconds, messages: middle.messages });
    }
  return rows;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const right = "right" as const;

function text(rows: readonly Row[], processes: readonly ProcessRow[]): string {
  const simulated = table(
    rows,
    [
      { header: "domain", value: ({ domain }) => domain },
      { header: "way", value: ({ way }) => way },
      { header: "P", value: ({ elements }) => String(elements), align: right },
      { header: "cost", value: ({ cost }) => String(cost), align: right },
      { header: "cycles", value: ({ cycles }) => String(cycles), align: right },
      { header: "speed-up", value: ({ speedUp }) => speedUp.toFixed(2), align: right },
      { header: "stalled", value: ({ stalled }) => percent(stalled), align: right },
      { header: "idle", value: ({ idle }) => percent(idle), align: right },
      { header: "overhead", value: ({ overhead }) => percent(overhead), align: right },
      { header: "messages/expansion", value: (row) => row.messagesPerExpansion.toFixed(2), align: right },
    ],
    systemEnv.stdout,
  );
  const real = table(
    processes,
    [
      { header: "by processes", value: ({ way }) => way },
      { header: "P", value: ({ elements }) => String(elements), align: right },
      { header: "cost", value: ({ cost }) => String(cost), align: right },
      { header: "time [ms]", value: ({ milliseconds }) => milliseconds.toFixed(0), align: right },
      { header: "messages", value: ({ messages }) => String(messages), align: right },
    ],
    systemEnv.stdout,
  );
  return `${simulated}\n${real}`;
}

function panelsOf(rows: readonly Row[]): readonly HdlPanel[] {
  const domains = [...new Set(rows.map(({ domain }) => domain))];
  const lines = (figure: (row: Row) => number, ways: readonly Row["way"][] = ["asynchronous", "blocking"]) =>
    domains.flatMap((domain) =>
      ways.map((way) => ({
        name: `${domain}, ${way}`,
        at: rows.filter((row) => row.domain === domain && row.way === way).map((row) => [row.elements, figure(row)] as const),
      })),
    );
  const shared = { xName: "elements", logarithmic: false } as const;
  return [
    {
      ...shared,
      title: "Speed-up",
      yName: "cycles of one element over theirs; the line is 12",
      target: 12,
      lines: lines((row) => row.speedUp),
    },
    { ...shared, title: "Stalled", yName: "% of cycles held up by messages", lines: lines((row) => row.stalled * 100) },
    { ...shared, title: "Search overhead", yName: "% more expansions than A*", lines: lines((row) => row.overhead * 100) },
  ];
}

async function measure({ quick }: HdlOptions): Promise<HdlReport> {
  const domains = quick ? [korf(12)] : [korf(12), korf(55), new GridMap({ width: 512, height: 512, blocked: 0.3, seed: 3 })];
  const rows = domains.flatMap(rowsOf);
  const processes = await byProcesses(quick);
  const best = rows.filter((row) => row.way === "asynchronous" && row.elements === 16);
  return {
    rows: [...rows, ...processes],
    text: text(rows, processes),
    targets: best.map(({ domain, speedUp }) => ({
      target: `${domain}: speed-up of 16 elements at latency ${latency}, at least 12`,
      measured: speedUp,
      met: speedUp >= 12,
    })),
    svg: renderHdl(panelsOf(rows), {
      title: "Hash Distributed A* over async_mesh",
      note: `Simulated cycles, link latency ${latency}; the cost is always plain A*'s.`,
      script: "bench/hda-star.sh",
    }),
  };
}

if (import.meta.main) process.exitCode = await runHdlBench("hda-star", usage, measure);
