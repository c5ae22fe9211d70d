/** The run as one picture: throughput over plain on a log axis, one dot a mode, small panels side by side. @module */
import { modeNames, sizeName } from "./names.ts";
import type { ModeFigures, Point } from "./points.ts";
import { css, escaped, fixed, marks } from "./style.ts";

/** One horizontal line of a panel. */
interface Row {
  readonly label: string;
  /** Ratio to plain of each mode but plain itself. */
  readonly ratios: Readonly<Record<string, number>>;
}

interface Panel {
  readonly title: string;
  readonly note: string;
  /** Panels of one scale share their axis. */
  readonly scale: "throughput" | "latency";
  readonly rows: readonly Row[];
}

const size = { width: 1080, left: 36, top: 104, columns: 3, gap: 30, labels: 96, row: 42, head: 56, axis: 40 } as const;
const panelWidth = (size.width - 2 * size.left - (size.columns - 1) * size.gap) / size.columns;
const shown = Object.keys(modeNames).filter((mode) => mode !== "plain");

const short = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(2));

/**
 * Moves label centres apart until each is at least `gap` from the next, and none leaves `[least, most]`; order is kept.
 *
 * @param centres Ascending, in pixels.
 * @example
 * ```ts
 * separate([10, 12, 80], 20, 0, 100); // [10, 30, 80]
 * ```
 */
export function separate(centres: readonly number[], gap: number, least: number, most: number): readonly number[] {
  const moved: number[] = [];
  for (const centre of centres) moved.push(Math.max(centre, least, (moved.at(-1) ?? Number.NEGATIVE_INFINITY) + gap));
  for (let i = moved.length - 1, limit = most; i >= 0; i--, limit -= gap) moved[i] = Math.min(moved[i]!, limit);
  return moved;
}

function ratiosOf(point: Point, figure: (f: ModeFigures) => number | undefined): Readonly<Record<string, number>> {
  return Object.fromEntries(
    shown.flatMap((mode) => {
      const figures = point.modes[mode];
      const value = figures && figure(figures);
      return value === undefined ? [] : [[mode, value]];
    }),
  );
}

function panelsOf(points: readonly Point[]): readonly Panel[] {
  const rows = (wanted: (p: Point) => boolean, label: (p: Point) => string, figure = (f: ModeFigures) => f.ratio?.median): Row[] =>
    points.filter(wanted).map((p) => ({ label: label(p), ratios: ratiosOf(p, figure) }));
  const bytes = (p: Point): string => sizeName(p.size).replace(" by write()", ", write");
  const counts = [...new Set(points.filter((p) => p.phase === "http").map((p) => p.connections))].toSorted((a, b) => a - b);
  const others = { redis: (p: Point) => `redis ${p.size}`, connect: () => "connections", iperf: () => "iperf3" } as const;
  return [
    ...counts.map((n) => ({
      title: `HTTP, ${n} ${n === 1 ? "connection" : "connections"}`,
      note: "req/s over plain, by response size",
      scale: "throughput" as const,
      rows: rows((p) => p.phase === "http" && p.connections === n, bytes),
    })),
    {
      title: "HTTP across two namespaces",
      note: "req/s over plain across the same veth",
      scale: "throughput" as const,
      rows: rows((p) => p.phase === "namespaces", bytes),
    },
    {
      title: "Other programs",
      note: "throughput over plain",
      scale: "throughput" as const,
      rows: Object.entries(others).flatMap(([phase, label]) => rows((p) => p.phase === phase, label)),
    },
    {
      title: "p99 at a fixed rate (open loop)",
      note: "p99 over plain: here left is better",
      scale: "latency" as const,
      rows: [
        ...rows(
          (p) => p.phase === "open",
          (p) => `${bytes(p)}, 50 %`,
          (f) => f.p99Ratio?.median,
        ),
        ...rows(
          (p) => p.phase === "shared",
          (p) => `${bytes(p)}, low rate`,
          (f) => f.p99Ratio?.median,
        ),
      ],
    },
  ].filter((panel) => panel.rows.some((row) => Object.keys(row.ratios).length > 0));
}

const ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Maps a ratio to pixels between `from` and `to`, over the decades that the values span. */
function logScale(values: readonly number[], from: number, to: number): { at: (v: number) => number; ticks: readonly number[] } {
  const low = Math.log(Math.min(0.5, ...values) / 1.2);
  const high = Math.log(Math.max(1.6, ...values) * 1.2);
  const at = (v: number): number => from + ((Math.log(v) - low) / (high - low)) * (to - from);
  const inside = ticks.filter((t) => Math.log(t) >= low && Math.log(t) <= high);
  // Labels need room: "plain" always stays, others where none that stays is nearer than 34 px.
  const kept: number[] = [1];
  for (const tick of inside.toSorted((a, b) => Math.abs(Math.log(a)) - Math.abs(Math.log(b))))
    if (kept.every((other) => Math.abs(at(tick) - at(other)) >= 34)) kept.push(tick);
  return { at, ticks: kept };
}

function drawPanel(panel: Panel, values: readonly number[], x: number, y: number): string {
  const [from, to] = [x + size.labels, x + panelWidth - 8];
  const scale = logScale(values, from, to);
  const [top, bottom] = [y + size.head - 12, y + size.head + panel.rows.length * size.row - 4];
  const parts = [
    `<text class="head" x="${x}" y="${y + 14}">${panel.title}</text>`,
    `<text class="soft" x="${x}" y="${y + 31}">${panel.note}</text>`,
  ];
  for (const tick of scale.ticks) {
    const at = fixed(scale.at(tick));
    parts.push(`<line class="${tick === 1 ? "one" : "grid"}" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/>`);
    parts.push(`<text class="soft" x="${at}" y="${bottom + 15}" text-anchor="middle">${tick === 1 ? "plain" : `${tick} ×`}</text>`);
  }
  for (const [i, row] of panel.rows.entries()) {
    const middle = y + size.head + i * size.row + 4;
    parts.push(`<text x="${x}" y="${middle + 4}">${escaped(row.label)}</text>`);
    const dots = Object.entries(row.ratios)
      .map(([mode, value]) => ({ mode, value, at: fixed(scale.at(value)) }))
      .toSorted((a, b) => a.at - b.at);
    const centres = separate(
      dots.map((d) => d.at),
      29,
      from + 12,
      to - 6,
    );
    for (const [n, dot] of dots.entries()) {
      const strong = dot.mode === "sockhijack" ? " strong" : "";
      parts.push(
        `<path class="${dot.mode}" d="${marks[dot.mode]!(dot.at, middle)}"/>`,
        `<text class="value ${dot.mode}${strong}" x="${fixed(centres[n]!)}" y="${middle + 19}" text-anchor="middle">${short(dot.value)}</text>`,
      );
    }
  }
  return parts.join("\n");
}

function legend(modes: readonly string[]): string {
  let x: number = size.left + 8;
  return modes
    .map((mode) => {
      const name = modeNames[mode]!;
      const part = `<path class="${mode}" d="${marks[mode]!(x, 76)}"/><text x="${x + 13}" y="80">${name}</text>`;
      x += 44 + name.length * 7;
      return part;
    })
    .join("\n");
}

/**
 * Draws the points as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("same-node.svg", renderChart(points, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderChart(points: readonly Point[], caption: string): string {
  const panels = panelsOf(points);
  const modes = shown.filter((mode) => points.some((p) => p.modes[mode]));
  const valuesOf = (scale: Panel["scale"]): readonly number[] =>
    panels.filter((panel) => panel.scale === scale).flatMap((panel) => panel.rows.flatMap((row) => Object.values(row.ratios)));
  const drawn: string[] = [];
  let y: number = size.top;
  for (let i = 0; i < panels.length; i += size.columns) {
    const line = panels.slice(i, i + size.columns);
    drawn.push(...line.map((panel, column) => drawPanel(panel, valuesOf(panel.scale), size.left + column * (panelWidth + size.gap), y)));
    y += size.head + Math.max(...line.map((panel) => panel.rows.length)) * size.row + size.axis;
  }
  const height = y + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img">
<title>Throughput on one machine, as a ratio to plain loopback TCP</title>
<style>${css}</style>
<rect class="ground" width="${size.width}" height="${height}"/>
<text class="title" x="${size.left}" y="36">Same node: how much of plain loopback TCP each way delivers</text>
<text class="soft" x="${size.left}" y="55">Right of “plain” is faster, log scale. ${escaped(caption)}. bench/same-node.sh</text>
${legend(modes)}
${drawn.join("\n")}
</svg>
`;
}
