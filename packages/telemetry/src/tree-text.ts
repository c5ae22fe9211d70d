/** A trace as a waterfall for people: who called whom, with what outcome, and when. @module */
import { formatDuration, type OutputStream, type Paint } from "@mitsu/cli";
import { timelineBar } from "./timeline.ts";
import { intervalOf, type Trace } from "./trace.ts";
import { traceTree } from "./tree.ts";
import { type TreeRow, treeRows } from "./tree-rows.ts";

/** Between two columns. */
const gap = 2;
/** The bar is left out when it would be shorter, and grows to so many characters. */
const barWidths = { least: 10, most: 40 };
/** From this width on, long request targets are cut so that there is a bar of `wideBar`. */
const wide = 100;
const wideBar = 20;
/** Marks are left out rather than cutting requests to less than this. */
const leastText = 30;

interface Columns {
  readonly text: number;
  readonly status: number;
  readonly duration: number;
  readonly bar: number;
  readonly marks: number;
}

const longest = (texts: readonly string[]): number => texts.reduce((most, { length }) => Math.max(most, length), 0);
const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text);
const durationOf = ({ client, server }: TreeRow): string => {
  const { startNs, endNs } = (client ?? server)!;
  return formatDuration(endNs > startNs ? endNs - startNs : 0n);
};

/** Shares a terminal's width out: requests, outcome and duration first, then marks, then the bar. Nothing is cut in a pipe, nor drawn. */
function columnsFor(rows: readonly TreeRow[], { isTTY, columns }: Pick<OutputStream, "isTTY" | "columns">): Columns {
  const text = longest(rows.map((row) => row.text));
  const status = longest(rows.map((row) => row.status));
  const duration = longest(rows.map(durationOf));
  const marks = longest(rows.map((row) => row.marks));
  if (!isTTY) return { text, status, duration, bar: 0, marks };
  let room = columns - (gap + status) - (gap + duration);
  const shownMarks = room - gap - marks >= Math.min(text, leastText) ? marks : 0;
  if (shownMarks > 0) room -= gap + marks;
  const forBar = columns >= wide ? Math.max(room - gap - text, wideBar) : room - gap - text;
  const bar = forBar >= barWidths.least ? Math.min(forBar, barWidths.most) : 0;
  if (bar > 0) room -= gap + bar;
  return { text: Math.min(text, Math.max(room, 1)), status, duration, bar, marks: shownMarks };
}

/** The first line: as many of its parts as there is room for. */
function heading(trace: Trace, rows: readonly TreeRow[], width: number): string {
  const { startNs, endNs } = intervalOf(trace);
  const spans = rows.reduce((sum, { client, server }) => sum + (client ? 1 : 0) + (server ? 1 : 0), 0);
  const services = new Set(rows.flatMap(({ exchange: { client, server } }) => [client, server].map(({ service }) => service)));
  services.delete("");
  const of = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const parts = [
    trace.traceId,
    formatDuration(endNs - startNs),
    `${of(services.size, "service")}, ${of(spans, "span")}`,
    new Date(Number(startNs / 1_000_000n)).toISOString(),
  ];
  while (parts.length > 1 && parts.join("  ").length > width) parts.pop();
  return cut(parts.join("  "), width);
}

/**
 * Draws a trace: a heading, then a row for each request below the one that caused it.
 *
 * @param out No line is wider than it when it is a terminal, and then there is a bar if there is room.
 * @example
 * ```ts
 * env.stdout.write(traceText(trace, env.stdout, painter(env.stdout, env.vars)));
 * // 4bf92f3577b34da6a3ce929d0e0e4736  12.0 ms  2 services, 3 spans  2026-01-01T00:00:00.000Z
 * // (outside) → web  GET /       200  12.0 ms  tcp
 * // └─ web → cart  GET /items    200  3.00 ms  redirected, by thread
 * ```
 */
export function traceText(trace: Trace, out: Pick<OutputStream, "isTTY" | "columns">, paint: Paint): string {
  const rows = treeRows(traceTree(trace.exchanges));
  const width = out.isTTY ? out.columns : Number.POSITIVE_INFINITY;
  const columns = columnsFor(rows, out);
  const whole = intervalOf(trace);
  const lines = rows.map((row) => {
    const cells: (readonly [Parameters<Paint>[0] | undefined, string])[] = [
      [undefined, cut(row.text, columns.text).padEnd(columns.text)],
      [row.failed ? "red" : row.refused ? "yellow" : undefined, row.status.padEnd(columns.status)],
      [undefined, durationOf(row).padStart(columns.duration)],
    ];
    if (columns.bar > 0) {
      const bar = timelineBar({ whole, client: row.client, server: row.server, width: columns.bar });
      cells.push([row.failed ? "red" : row.exchange.redirected ? "green" : undefined, bar]);
    }
    if (columns.marks > 0) cells.push(["dim", row.marks]);
    return line(cells, width, paint);
  });
  return `${[paint("bold", heading(trace, rows, width)), ...lines].join("\n")}\n`;
}

/** Joins cells; a terminal too narrow even for what cannot be left out cuts them. */
function line(cells: readonly (readonly [Parameters<Paint>[0] | undefined, string])[], width: number, paint: Paint): string {
  let room = width;
  const shown = cells.map(([style, text], at) => {
    const space = at === 0 ? "" : " ".repeat(Math.min(gap, room));
    room -= space.length;
    const fitting = room > 0 ? cut(at === cells.length - 1 ? text.trimEnd() : text, room) : "";
    room -= fitting.length;
    return space + (style ? paint(style, fitting) : fitting);
  });
  return shown.join("").trimEnd();
}
