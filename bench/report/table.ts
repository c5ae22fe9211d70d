/** The run as text. @module */
import { modeNames, phaseNames, sizeName } from "./names.ts";
import type { ModeFigures, Point } from "./points.ts";
import type { Target } from "./targets.ts";

const ansi = { bold: "1", dim: "2", red: "31", green: "32" } as const;

function paint(on: boolean): (style: keyof typeof ansi, text: string) => string {
  return (style, text) => (on ? `\x1b[${ansi[style]}m${text}\x1b[0m` : text);
}

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const times = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(2)} ×`);
const us = (value: number | undefined): string => (value === undefined ? "" : count(value));

/** Messages that went past TCP and, by reason, those that could have and did not; only under sockhijack. */
function carried({ counters }: ModeFigures): string {
  if (Object.keys(counters).length === 0) return "";
  const { redirected = 0, ...others } = counters;
  const shown = Object.entries({ redirected, ...others }).filter(
    ([name, n]) => name === "redirected" || (name.startsWith("pass_") && n >= 0.01),
  );
  return `  ${shown.map(([name, n]) => `${name} ${n.toFixed(2)}`).join(", ")}`;
}

function row(phase: string, mode: string, f: ModeFigures): string {
  const throughput = phase === "iperf" ? f.throughput.median.toFixed(1) : count(f.throughput.median);
  return [
    `  ${(modeNames[mode] ?? mode).padEnd(20)}`,
    throughput.padStart(10),
    times(f.ratio?.median).padStart(11),
    us(f.p50Us?.median).padStart(9),
    us(f.p99Us?.median).padStart(9),
    times(f.p99Ratio?.median).padStart(11),
    f.cpuUs.median.toFixed(1).padStart(12),
    f.segments.median.toFixed(2).padStart(9),
    carried(f),
    f.errors > 0 ? `  ${f.errors} failed or unanswered` : "",
  ].join("");
}

function header(phase: string): string {
  const [rate, operation] = phase === "iperf" ? ["Gbit/s", "MiB"] : phase === "connect" ? ["conn/s", "conn"] : ["req/s", "req"];
  const titles = [rate, "over plain", "p50 µs", "p99 µs", "p99 ratio", ` CPU µs/${operation}`, `seg/${operation}`];
  const widths = [10, 11, 9, 9, 11, 12, 9];
  return "".padEnd(20) + titles.map((title, i) => title.padStart(widths[i]! + (i === 0 ? 2 : 0))).join("");
}

/**
 * Every point, one line a mode, then every target.
 *
 * @param colour Whether the reader is a terminal.
 * @example
 * ```ts
 * process.stdout.write(renderTable(points, targets, process.stdout.isTTY));
 * ```
 */
export function renderTable(points: readonly Point[], targets: readonly Target[], colour: boolean): string {
  const style = paint(colour);
  const lines: string[] = [];
  for (const [phase, title] of Object.entries(phaseNames)) {
    const here = points.filter((p) => p.phase === phase);
    if (here.length === 0) continue;
    lines.push(style("bold", title), style("dim", header(phase)));
    for (const point of here) {
      lines.push(` ${sizeName(point.size)}, ${point.connections} ${point.connections === 1 ? "connection" : "connections"}`);
      for (const mode of Object.keys(modeNames)) {
        const figures = point.modes[mode];
        if (figures) lines.push(row(phase, mode, figures));
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
