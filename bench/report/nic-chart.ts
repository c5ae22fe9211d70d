/** The run of nic-path.sh as bars: requests a second and the relay's CPU time per request, one bar a relay. @module */
import { sizeName } from "./names.ts";
import { relayNames, wayNames } from "./nic-names.ts";
import { unredirected } from "./nic-targets.ts";
import type { ModeFigures, Point } from "./points.ts";
import { css, escaped, fixed } from "./style.ts";

const size = { width: 1080, left: 36, top: 100, gap: 48, labels: 66, bar: 15, head: 44, group: 14, figures: 148 } as const;
const columnWidth = (size.width - 2 * size.left - size.gap) / 2;
const relays = Object.keys(relayNames).filter((relay) => relay !== "direct");

/** Colours beside those of the other pictures; nginx is new. */
const bars = `
  .bar.nicd { fill: #0860c4; } .bar.envoy { fill: #8344b5; } .bar.haproxy { fill: #a65d00; } .bar.nginx { fill: #0f8a83; }
  @media (prefers-color-scheme: dark) {
    .bar.nicd { fill: #58a6ff; } .bar.envoy { fill: #c297eb; } .bar.haproxy { fill: #e3a04a; } .bar.nginx { fill: #3fc7bd; }
  }`;

interface Column {
  readonly title: string;
  readonly value: (figures: ModeFigures) => number | undefined;
  readonly text: (value: number) => string;
}

const columns: readonly Column[] = [
  { title: "Requests a second: longer is better", value: (f) => f.throughput.median, text: (v) => `${(v / 1000).toFixed(1)} k` },
  { title: "The relay's CPU µs per request: shorter is better", value: (f) => f.cpuUsByRole.relay, text: (v) => `${v.toFixed(1)} µs` },
];

/** One point's bars in one column; `greatest` is the whole width. */
function drawGroup(point: Point, column: Column, greatest: number, x: number, y: number): string {
  const room = columnWidth - size.labels - size.figures;
  const present = relays.filter((relay) => point.modes[relay]);
  return present
    .map((relay, i) => {
      const value = column.value(point.modes[relay]!);
      const top = y + i * size.bar;
      const label = `<text class="soft" x="${x + size.labels - 6}" y="${top + 11}" text-anchor="end">${relayNames[relay]}</text>`;
      if (value === undefined) return label;
      const width = fixed((value / greatest) * room);
      const note = unredirected(point, point.modes[relay]!.counters) ? " (partly by TCP)" : "";
      const strong = relay === "nicd" ? " strong" : "";
      return `${label}<rect class="bar ${relay}" x="${x + size.labels}" y="${top + 2}" width="${width}" height="${size.bar - 4}"/><text class="value${strong}" x="${fixed(x + size.labels + width + 5)}" y="${top + 11}">${column.text(value)}${note}</text>`;
    })
    .join("\n");
}

/**
 * Draws the closed loops as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("nic-path.svg", renderNicChart(points, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderNicChart(points: readonly Point[], caption: string): string {
  const shown = points.filter((p) => p.phase in wayNames && relays.some((relay) => p.modes[relay]));
  const greatest = columns.map((column) =>
    Math.max(1, ...shown.flatMap((p) => relays.flatMap((relay) => (p.modes[relay] ? [column.value(p.modes[relay]) ?? 0] : [])))),
  );
  const xs = columns.map((_, i) => size.left + i * (columnWidth + size.gap));
  const drawn = columns.map((column, i) => `<text class="head" x="${xs[i]}" y="${size.top}">${column.title}</text>`);
  let y = size.top + size.head - 12;
  for (const point of shown) {
    const title = `${sizeName(point.size)}, ${point.connections} connections, ${wayNames[point.phase as keyof typeof wayNames]}`;
    drawn.push(...columns.map((_, i) => `<text x="${xs[i]}" y="${y}">${escaped(title)}</text>`));
    drawn.push(...columns.map((column, i) => drawGroup(point, column, greatest[i]!, xs[i]!, y + 5)));
    y += relays.filter((relay) => point.modes[relay]).length * size.bar + size.group + 18;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${y}" width="${size.width}" height="${y}" role="img">
<title>Relays in front of one nginx: requests a second and CPU time per request</title>
<style>${css}${bars}</style>
<rect class="ground" width="${size.width}" height="${y}"/>
<text class="title" x="${size.left}" y="36">One relay, one thread, in front of the same nginx</text>
<text class="soft" x="${size.left}" y="55">Each adds a traceparent to every request; the relay has a CPU of its own. ${escaped(caption)}. bench/nic-path.sh</text>
${drawn.join("\n")}
</svg>
`;
}
