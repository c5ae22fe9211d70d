/** The run as text. @module */
import type { Target } from "./judge.ts";
import { modeNames, phaseNames, sizeName, tracingModeNames, tracingPhaseNames } from "./names.ts";
import { nicPhaseNames, relayNames } from "./nic-names.ts";
import type { ModeFigures, Point } from "./points.ts";

const ansi = { bold: "1", dim: "2", red: "31", green: "32" } as const;

function paint(on: boolean): (style: keyof typeof ansi, text: string) => string {
  return (style, text) => (on ? `\x1b[${ansi[style]}m${text}\x1b[0m` : text);
}

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const times = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(2)} ×`);
const us = (value: number | undefined): string => (value === undefined ? "" : count(value));

/** Messages that went past TCP and, by reason, those that could have and did not; requests that tracing missed; only under sockhijack. */
function carried({ counters }: ModeFigures): string {
  if (Object.keys(counters).length === 0) return "";
  const { redirected = 0, ...others } = counters;
  const shown = Object.entries({ redirected, ...others }).filter(
    ([name, n]) => name === "redirected" || (/^(pass_|not_injected|spans_lost|opaque_)/.test(name) && n >= 0.01),
  );
  return `  ${shown.map(([name, n]) => `${name} ${n.toFixed(2)}`).join(", ")}`;
}

/** One column: its title and its figure, which may depend on the phase. */
interface Column {
  readonly title: (phase: string) => string;
  readonly width: number;
  readonly value: (figures: ModeFigures, phase: string) => string;
}

/** What one benchmark's table shows: modes and phases by name, in this order, and the columns. */
export interface Layout {
  readonly modes: Readonly<Record<string, string>>;
  readonly phases: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
}

const column = (title: string, width: number, value: Column["value"]): Column => ({ title: () => title, width, value });
const operation = (phase: string): string => (phase === "iperf" ? "MiB" : phase === "connect" ? "conn" : "req");

const rate: Column = {
  title: (phase) => (phase === "iperf" ? "Gbit/s" : `${operation(phase)}/s`),
  width: 10,
  value: (f, phase) => (phase === "iperf" ? f.throughput.median.toFixed(1) : count(f.throughput.median)),
};
const overPlain = column("over plain", 11, (f) => times(f.ratio?.median));
const p50 = column("p50 µs", 9, (f) => us(f.p50Us?.median));
const p99 = column("p99 µs", 9, (f) => us(f.p99Us?.median));
const cpu: Column = { title: (phase) => ` CPU µs/${operation(phase)}`, width: 12, value: (f) => f.cpuUs.median.toFixed(1) };

/** The table of same-node.sh. */
export const sameNodeLayout: Layout = {
  modes: modeNames,
  phases: phaseNames,
  columns: [
    rate,
    overPlain,
    p50,
    p99,
    column("p99 ratio", 11, (f) => times(f.p99Ratio?.median)),
    cpu,
    { title: (phase) => `seg/${operation(phase)}`, width: 9, value: (f) => f.segments.median.toFixed(2) },
  ],
};

/** The table of tracing.sh: the mean first, and what spans cost apart. */
export const tracingLayout: Layout = {
  modes: tracingModeNames,
  phases: tracingPhaseNames,
  columns: [
    rate,
    overPlain,
    column("mean µs", 9, (f) => us(f.meanUs?.median)),
    column("mean ratio", 12, (f) => times(f.meanRatio?.median)),
    p50,
    p99,
    cpu,
    column("daemon", 8, (f) => f.cpuUsByRole.daemon?.toFixed(1) ?? ""),
    column("receiver", 10, (f) => f.cpuUsByRole.receiver?.toFixed(1) ?? ""),
    column("spans/req", 11, (f) => f.spans?.median.toFixed(2) ?? ""),
  ],
};

/** The table of nic-path.sh, whose points have Envoy as their base: what the relay costs, and how busy it was. */
export const nicLayout: Layout = {
  modes: relayNames,
  phases: nicPhaseNames,
  columns: [
    rate,
    column("over Envoy", 12, (f) => times(f.ratio?.median)),
    p50,
    p99,
    column("p99.9 µs", 10, (f) => us(f.p999Us?.median)),
    column("p99 ratio", 11, (f) => times(f.p99Ratio?.median)),
    column("relay µs/req", 14, (f) => f.cpuUsByRole.relay?.toFixed(1) ?? ""),
    column("all µs/req", 12, (f) => f.cpuUs.median.toFixed(1)),
    // Under about 95 % in a closed loop the relay was not what held the rate back: client and server were.
    column("relay busy", 12, (f) => (f.cpuUsByRole.relay ? `${((f.cpuUsByRole.relay * f.throughput.median) / 1e4).toFixed(0)} %` : "")),
    column("spans/req", 11, (f) => f.spans?.median.toFixed(2) ?? ""),
  ],
};

function row(layout: Layout, phase: string, mode: string, f: ModeFigures): string {
  return [
    `  ${(layout.modes[mode] ?? mode).padEnd(nameWidth(layout))}`,
    ...layout.columns.map(({ width, value }) => value(f, phase).padStart(width)),
    carried(f),
    f.errors > 0 ? `  ${f.errors} failed or unanswered` : "",
  ].join("");
}

function header(layout: Layout, phase: string): string {
  return "".padEnd(nameWidth(layout) + 2) + layout.columns.map(({ title, width }) => title(phase).padStart(width)).join("");
}

const nameWidth = ({ modes }: Layout): number => Math.max(20, ...Object.values(modes).map((name) => name.length));

/**
 * Every point, one line a mode, then every target.
 *
 * @param colour Whether the reader is a terminal.
 * @example
 * ```ts
 * process.stdout.write(renderTable(points, targets, process.stdout.isTTY));
 * ```
 */
export function renderTable(
  points: readonly Point[],
  targets: readonly Target[],
  colour: boolean,
  layout: Layout = sameNodeLayout,
): string {
  const style = paint(colour);
  const lines: string[] = [];
  for (const [phase, title] of Object.entries(layout.phases)) {
    const here = points.filter((p) => p.phase === phase);
    if (here.length === 0) continue;
    lines.push(style("bold", title), style("dim", header(layout, phase)));
    for (const point of here) {
      lines.push(` ${sizeName(point.size)}, ${point.connections} ${point.connections === 1 ? "connection" : "connections"}`);
      for (const mode of Object.keys(layout.modes)) {
        const figures = point.modes[mode];
        if (figures) lines.push(row(layout, phase, mode, figures));
      }
    }
    lines.push("");
  }
  lines.push(style("bold", "Targets"));
  const width = Math.max(...targets.map((t) => t.name.length));
  for (const t of targets) {
    const mark = t.state === "met" ? style("green", "met    ") : t.state === "missed" ? style("red", "MISSED ") : style("dim", "no data");
    lines.push(`  ${mark} ${t.name.padEnd(width)}  ${t.want.padEnd(9)}  ${t.measured}`);
  }
  const having = (state: Target["state"]): number => targets.filter((t) => t.state === state).length;
  lines.push("", `${having("met")} of ${targets.length} targets met, ${having("missed")} MISSED, ${having("no data")} without data`, "");
  return lines.join("\n");
}
