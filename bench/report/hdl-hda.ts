/** Rows of hda-star.sh, as text and as panels. @module */
import { type OutputStream, table } from "../../packages/cli/src/mod.ts";
import type { HdlPanel } from "./hdl-chart.ts";
import type { HdlTarget } from "./hdl-run.ts";

/** One simulated search. */
export interface HdaRow {
  readonly domain: string;
  readonly way: "asynchronous" | "blocking";
  readonly engine: "rtl" | "twin";
  readonly elements: number;
  readonly cost: number;
  readonly cycles: number;
  /** Over one element. */
  readonly speedUp: number;
  /** The same with other costs of an element's work: all halved, all doubled, a heap that is walked level by level. Only where it was asked for. */
  readonly sensitivity?: { readonly halved: number; readonly doubled: number; readonly heap: number };
  /** Shares of all elements' cycles. */
  readonly stalled: number;
  readonly idle: number;
  /** Expansions over plain A*'s, less 1. */
  readonly overhead: number;
  readonly messagesPerExpansion: number;
}

/** The same search by the RTL and by its twin. */
export interface HdaEngineRow {
  readonly domain: string;
  readonly elements: number;
  readonly rtlCycles: number;
  readonly twinCycles: number;
  readonly rtlMilliseconds: number;
  readonly twinMilliseconds: number;
}

/** One search by processes: medians. */
export interface HdaProcessRow {
  readonly domain: string;
  readonly way: "asynchronous" | "blocking";
  readonly elements: number;
  readonly cost: number;
  readonly milliseconds: number;
  readonly expansions: number;
  readonly messages: number;
  readonly busy: number;
  readonly stalled: number;
  readonly idle: number;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const right = "right" as const;
const optional = (value: number | undefined): string => value?.toFixed(2) ?? "–";

/** The simulated searches. */
export function hdaTable(rows: readonly HdaRow[], out: OutputStream): string {
  return table(
    rows,
    [
      { header: "domain", value: ({ domain }) => domain },
      { header: "way", value: ({ way }) => way },
      { header: "engine", value: ({ engine }) => engine },
      { header: "P", value: ({ elements }) => String(elements), align: right },
      { header: "cost", value: ({ cost }) => String(cost), align: right },
      { header: "cycles", value: ({ cycles }) => String(cycles), align: right },
      { header: "speed-up", value: ({ speedUp }) => speedUp.toFixed(2), align: right },
      { header: "costs × ½", value: ({ sensitivity }) => optional(sensitivity?.halved), align: right },
      { header: "× 2", value: ({ sensitivity }) => optional(sensitivity?.doubled), align: right },
      { header: "heap", value: ({ sensitivity }) => optional(sensitivity?.heap), align: right },
      { header: "stalled", value: ({ stalled }) => percent(stalled), align: right },
      { header: "idle", value: ({ idle }) => percent(idle), align: right },
      { header: "overhead", value: ({ overhead }) => percent(overhead), align: right },
      { header: "messages/expansion", value: (row) => row.messagesPerExpansion.toFixed(2), align: right },
    ],
    out,
  );
}

/** RTL beside twin. */
export function hdaEngineTable(rows: readonly HdaEngineRow[], out: OutputStream): string {
  return table(
    rows,
    [
      { header: "RTL and twin", value: ({ domain }) => domain },
      { header: "P", value: ({ elements }) => String(elements), align: right },
      { header: "cycles, RTL", value: (row) => String(row.rtlCycles), align: right },
      { header: "cycles, twin", value: (row) => String(row.twinCycles), align: right },
      { header: "simulated in [ms], RTL", value: (row) => row.rtlMilliseconds.toFixed(0), align: right },
      { header: "twin", value: (row) => row.twinMilliseconds.toFixed(0), align: right },
    ],
    out,
  );
}

/** The searches by processes. */
export function hdaProcessTable(rows: readonly HdaProcessRow[], out: OutputStream): string {
  return table(
    rows,
    [
      { header: "by processes", value: ({ domain }) => domain },
      { header: "way", value: ({ way }) => way },
      { header: "P", value: ({ elements }) => String(elements), align: right },
      { header: "cost", value: ({ cost }) => String(cost), align: right },
      { header: "time [ms]", value: ({ milliseconds }) => milliseconds.toFixed(0), align: right },
      { header: "expansions", value: ({ expansions }) => String(expansions), align: right },
      { header: "messages", value: ({ messages }) => String(messages), align: right },
      { header: "messages/ms", value: (row) => (row.messages / row.milliseconds).toFixed(1), align: right },
      { header: "busy", value: ({ busy }) => percent(busy), align: right },
      { header: "stalled", value: ({ stalled }) => percent(stalled), align: right },
      { header: "idle", value: ({ idle }) => percent(idle), align: right },
    ],
    out,
  );
}

/** The run in the middle by its time. */
export function medianRun<T extends { readonly milliseconds: number }>(runs: readonly T[]): T {
  return runs.toSorted((one, other) => one.milliseconds - other.milliseconds)[runs.length >> 1]!;
}

/** Issue 8: 16 elements at link latency 10 at least 12 times as fast as one, at the same cost. */
export function hdaTargets(rows: readonly HdaRow[], latency: number): readonly HdlTarget[] {
  return rows
    .filter(({ way, elements }) => way === "asynchronous" && elements === 16)
    .map(({ domain, engine, cost, speedUp }) => {
      const alone = rows.find((row) => row.domain === domain && row.way === "asynchronous" && row.elements === 1);
      return {
        target: `${domain}, ${engine}: speed-up of 16 elements at latency ${latency} with one's cost (${cost}), at least 12`,
        measured: speedUp,
        met: speedUp >= 12 && alone?.cost === cost,
      };
    });
}

/** A colour a domain, blocking dashed. */
export function hdaPanels(rows: readonly HdaRow[]): readonly HdlPanel[] {
  const domains = [...new Set(rows.map(({ domain }) => domain))];
  const lines = (figure: (row: HdaRow) => number) =>
    domains.flatMap((domain) =>
      (["asynchronous", "blocking"] as const).map((way) => ({
        name: domain,
        dashed: way === "blocking",
        at: rows.filter((row) => row.domain === domain && row.way === way).map((row) => [row.elements, figure(row)] as const),
      })),
    );
  const shared = { xName: "elements", logarithmic: false, xTicks: [1, 2, 4, 8, 16] } as const;
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
    { ...shared, title: "Messages", yName: "sent for each expansion", lines: lines((row) => row.messagesPerExpansion) },
  ];
}
