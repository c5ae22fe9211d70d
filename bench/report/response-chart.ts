/** Mean response time against response size as one picture: log-log, a panel a route, a line a mode. @module */
import { routeNames, sizeName, tracingModeNames } from "./names.ts";
import type { Point } from "./points.ts";
import { css, escaped, fixed, marks } from "./style.ts";

/** One mode's line: response bytes and mean µs, by size. */
interface Line {
  readonly mode: string;
  readonly at: readonly { readonly bytes: number; readonly us: number }[];
}

const layout = { width: 1180, left: 58, right: 22, top: 144, gap: 26, height: 380, bottom: 64 } as const;

function linesOf(points: readonly Point[], phase: string): readonly Line[] {
  const here = points.filter((p) => p.phase === phase && p.connections === 16).toSorted((a, b) => Number(a.size) - Number(b.size));
  return Object.keys(tracingModeNames).flatMap((mode) => {
    const at = here.flatMap((p) => {
      const us = p.modes[mode]?.meanUs?.median;
      return us === undefined ? [] : [{ bytes: Number(p.size), us }];
    });
    return at.length > 0 ? [{ mode, at }] : [];
  });
}

/** A log scale from `values`, a little wider than they are, to pixels. */
function logScale(values: readonly number[], from: number, to: number, margin: number): (value: number) => number {
  const low = Math.log(Math.min(...values) / margin);
  const high = Math.log(Math.max(...values) * margin);
  return (value) => fixed(from + ((Math.log(value) - low) / (high - low)) * (to - from));
}

/** 1, 2 and 5 of every decade that the values reach into. */
export function decadeTicks(least: number, most: number): readonly number[] {
  const ticks: number[] = [];
  for (let decade = 10 ** Math.floor(Math.log10(least)); decade <= most; decade *= 10)
    for (const step of [1, 2, 5]) if (decade * step >= least && decade * step <= most) ticks.push(decade * step);
  return ticks;
}

const duration = (us: number): string => (us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`);

function drawPanel(
  lines: readonly Line[],
  title: string,
  box: { readonly x: number; readonly width: number; readonly first: boolean },
  all: readonly Line[],
): string {
  const [top, bottom] = [layout.top, layout.top + layout.height];
  const everything = all.flatMap((line) => line.at);
  const sizes = [...new Set(everything.map(({ bytes }) => bytes))].toSorted((a, b) => a - b);
  const means = everything.map(({ us }) => us);
  const x = logScale(sizes, box.x + 6, box.x + box.width - 6, 1.35);
  const y = logScale(means, bottom - 6, top + 6, 1.15);
  const parts = [`<text class="head" x="${box.x}" y="${top - 12}">${title}</text>`];
  for (const tick of decadeTicks(Math.min(...means) / 1.15, Math.max(...means) * 1.15)) {
    parts.push(`<line class="grid" x1="${box.x}" x2="${box.x + box.width}" y1="${y(tick)}" y2="${y(tick)}"/>`);
    if (box.first) parts.push(`<text class="soft" x="${box.x - 8}" y="${y(tick) + 4}" text-anchor="end">${duration(tick)}</text>`);
  }
  for (const bytes of sizes) {
    parts.push(`<line class="grid" x1="${x(bytes)}" x2="${x(bytes)}" y1="${top}" y2="${bottom}"/>`);
    const [amount, unit] = sizeName(String(bytes)).split(" ");
    parts.push(
      `<text class="soft" x="${x(bytes)}" y="${bottom + 16}" text-anchor="middle">${amount}</text>`,
      `<text class="soft" x="${x(bytes)}" y="${bottom + 29}" text-anchor="middle">${unit}</text>`,
    );
  }
  for (const { mode, at } of lines) {
    const path = at.map(({ bytes, us }, i) => `${i === 0 ? "M" : "L"}${x(bytes)} ${y(us)}`).join("");
    parts.push(`<path class="line ${mode}" d="${path}"/>`);
    for (const { bytes, us } of at) parts.push(`<path class="${mode}" d="${marks[mode]!(x(bytes), y(us))}"/>`);
  }
  return parts.join("\n");
}

function legend(modes: readonly string[]): string {
  let x: number = layout.left + 8;
  return modes
    .map((mode) => {
      const name = tracingModeNames[mode]!;
      const part = `<path class="line ${mode}" d="M${x - 8} 96h24"/><path class="${mode}" d="${marks[mode]!(x + 4, 96)}"/><text x="${x + 22}" y="100">${name}</text>`;
      x += 52 + name.length * 7;
      return part;
    })
    .join("\n");
}

/**
 * Draws the open loop's means as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("tracing.svg", renderResponseChart(points, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderResponseChart(points: readonly Point[], caption: string): string {
  const panels = Object.entries(routeNames)
    .map(([route, title]) => ({ title, lines: linesOf(points, `${route}-open`) }))
    .filter(({ lines }) => lines.length > 0);
  const all = panels.flatMap(({ lines }) => lines);
  const modes = Object.keys(tracingModeNames).filter((mode) => all.some((line) => line.mode === mode));
  const width = (layout.width - layout.left - layout.right - layout.gap * (panels.length - 1)) / Math.max(1, panels.length);
  const drawn = panels.map(({ title, lines }, i) =>
    drawPanel(lines, title, { x: fixed(layout.left + i * (width + layout.gap)), width: fixed(width), first: i === 0 }, all),
  );
  const height = layout.top + layout.height + layout.bottom;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${height}" width="${layout.width}" height="${height}" role="img">
<title>Mean response time against response size, with and without tracing</title>
<style>${css}</style>
<rect class="ground" width="${layout.width}" height="${height}"/>
<text class="title" x="${layout.left}" y="36">Mean response time against response size: what tracing every request costs</text>
<text class="soft" x="${layout.left}" y="55">Lower is better, both axes log. Open loop, 16 connections, one rate for every mode at each point: half of the slowest mode's capacity.</text>
<text class="soft" x="${layout.left}" y="70">${escaped(caption)}. bench/tracing.sh</text>
${legend(modes)}
${drawn.join("\n")}
<text class="soft" x="${layout.left + (layout.width - layout.left - layout.right) / 2}" y="${height - 14}" text-anchor="middle">response payload</text>
</svg>
`;
}
