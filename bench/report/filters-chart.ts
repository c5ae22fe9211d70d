/** The run of filters.sh as bars: requests a second and the relay's CPU time per request, one bar a relay and filter. @module */
import { filterModeNames } from "./filters-names.ts";
import type { ModeFigures, Point } from "./points.ts";
import { css, escaped, fixed } from "./style.ts";

const size = { width: 1080, left: 36, top: 100, gap: 48, labels: 150, bar: 17, figures: 80 } as const;
const columnWidth = (size.width - 2 * size.left - size.gap) / 2;

const bars = `
  .bar.nicd { fill: #0860c4; } .bar.envoy { fill: #8344b5; } .bar.alone { opacity: 0.45; }
  @media (prefers-color-scheme: dark) { .bar.nicd { fill: #58a6ff; } .bar.envoy { fill: #c297eb; } }`;

interface Column {
  readonly title: string;
  readonly value: (figures: ModeFigures) => number | undefined;
  readonly text: (value: number) => string;
}

const columns: readonly Column[] = [
  { title: "Requests a second: longer is better", value: (f) => f.throughput.median, text: (v) => `${(v / 1000).toFixed(1)} k` },
  { title: "The relay's CPU µs per request: shorter is better", value: (f) => f.cpuUsByRole.relay, text: (v) => `${v.toFixed(1)} µs` },
];

/**
 * Draws the closed loop as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 */
export function renderFilterChart(points: readonly Point[], caption: string): string {
  const point = points.find(({ phase }) => phase === "http");
  const modes = Object.keys(filterModeNames).filter((mode) => point?.modes[mode] !== undefined);
  const height = size.top + Math.max(1, modes.length) * size.bar + 50;
  const room = columnWidth - size.labels - size.figures;
  const drawn = columns.flatMap((column, at) => {
    const x = size.left + at * (columnWidth + size.gap);
    const values = modes.map((mode) => column.value(point!.modes[mode]!) ?? 0);
    const greatest = Math.max(1e-9, ...values);
    return [
      `<text class="head" x="${x}" y="${size.top}">${column.title}</text>`,
      ...modes.map((mode, row) => {
        const y = size.top + 14 + row * size.bar;
        const width = fixed((values[row]! / greatest) * room);
        const alone = mode.endsWith("-none") ? " alone" : "";
        return (
          `<text class="soft" x="${x + size.labels - 6}" y="${y + 11}" text-anchor="end">${escaped(filterModeNames[mode]!)}</text>` +
          `<rect class="bar ${mode.split("-")[0]}${alone}" x="${x + size.labels}" y="${y + 1}" width="${width}" height="${size.bar - 4}"/>` +
          `<text class="value" x="${fixed(x + size.labels + width + 5)}" y="${y + 11}">${column.text(values[row]!)}</text>`
        );
      }),
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img">
<title>One WebAssembly filter in nicd and in Envoy</title>
<style>${css}${bars}</style>
<rect class="ground" width="${size.width}" height="${height}"/>
<text class="title" x="${size.left}" y="36">The same filter, byte for byte, in nicd and in Envoy</text>
<text class="soft" x="${size.left}" y="55">It reads two fields and sets three; 16 connections, 1 KiB answers, one thread. ${escaped(caption)}. bench/filters.sh</text>
${drawn.join("\n")}
</svg>
`;
}
