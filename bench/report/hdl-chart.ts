/** Figures of simulated hardware as one picture: panels side by side, four of them in two rows, both axes logarithmic or not, a colour and a mark a line. @module */
import { css, escaped, fixed, marks } from "./style.ts";

/** One line of a panel. */
export interface HdlLine {
  readonly name: string;
  readonly at: readonly (readonly [x: number, y: number])[];
  /** The dashed twin of a line: it has that one's name, and so its colour and its place in the legend. */
  readonly dashed?: boolean;
}

/** One panel. */
export interface HdlPanel {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly logarithmic: boolean;
  readonly lines: readonly HdlLine[];
  /** A level to be reached, drawn across. */
  readonly target?: number;
  /** Values of x that get a label; all that fit unless told. */
  readonly xTicks?: readonly number[];
}

/** What the picture says above its panels. */
export interface HdlCaption {
  readonly title: string;
  readonly note: string;
  readonly script: string;
}

const size = { width: 1080, left: 36, top: 116, gap: 30, axis: 46, height: 300, foot: 44 } as const;
/** Looks of the lines, in order; style.ts names them after the modes of other pictures. */
const looks = ["sockhijack", "header", "side-band", "haproxy2", "envoy2", "plain"] as const;

function scaleOf(values: readonly number[], logarithmic: boolean, from: number, to: number): (value: number) => number {
  const place = logarithmic ? Math.log : (value: number): number => value;
  const low = logarithmic ? place(Math.min(...values) / 1.1) : Math.min(0, Math.min(...values) * 1.1);
  const high = logarithmic ? place(Math.max(...values) * 1.1) : Math.max(...values) * 1.05;
  return (value) => fixed(from + ((place(value) - low) / (high - low || 1)) * (to - from));
}

/** Some six round values: powers of two, or steps of 1, 2 or 5. */
function ticksOf(values: readonly number[], logarithmic: boolean): readonly number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (logarithmic) {
    const all = Array.from({ length: 24 }, (_, power) => 2 ** (power - 6)).filter((tick) => tick >= least / 1.1 && tick <= most * 1.1);
    return all.filter((_, nth) => nth % Math.ceil(all.length / 7) === 0);
  }
  const from = Math.min(0, least);
  const rough = (most - from) / 6;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((one) => one >= rough)!;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(most / step) - first + 1 }, (_, nth) => Number(((first + nth) * step).toPrecision(6)));
}

function drawPanel(panel: HdlPanel, names: readonly string[], left: number, above: number, width: number): string {
  const [from, to, top, bottom] = [left + size.axis, left + width - 6, above + 40, above + size.height];
  const points = panel.lines.flatMap((line) => line.at);
  const [xs, ys] = [points.map(([x]) => x), [...points.map(([, y]) => y), ...(panel.target === undefined ? [] : [panel.target])]];
  const x = scaleOf(xs, panel.logarithmic, from, to);
  const y = scaleOf(ys, panel.logarithmic, bottom, top);
  const parts = [
    `<text class="head" x="${left}" y="${above + 8}">${escaped(panel.title)}</text>`,
    `<text class="soft" x="${left}" y="${above + 25}">${escaped(panel.yName)}</text>`,
    `<text class="soft" x="${fixed((from + to) / 2)}" y="${bottom + 34}" text-anchor="middle">${escaped(panel.xName)}</text>`,
  ];
  for (const tick of ticksOf(ys, panel.logarithmic))
    parts.push(
      `<line class="grid" x1="${from}" x2="${to}" y1="${y(tick)}" y2="${y(tick)}"/>`,
      `<text class="soft" x="${from - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    );
  const wanted = panel.xTicks ?? [...new Set(xs)].toSorted((a, b) => a - b);
  let last = Number.NEGATIVE_INFINITY;
  for (const tick of wanted) {
    if (x(tick) - last < (panel.xTicks ? 12 : 24)) continue;
    last = x(tick);
    parts.push(`<text class="soft" x="${last}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`);
  }
  if (panel.target !== undefined) parts.push(`<line class="one" x1="${from}" x2="${to}" y1="${y(panel.target)}" y2="${y(panel.target)}"/>`);
  // Dashed ones first: the others then lie over them.
  for (const line of panel.lines.toSorted((one, other) => Number(other.dashed ?? false) - Number(one.dashed ?? false))) {
    const look = looks[names.indexOf(line.name) % looks.length]!;
    const path = line.at.map(([px, py], nth) => `${nth === 0 ? "M" : "L"}${x(px)} ${y(py)}`).join("");
    parts.push(`<path class="line ${look}" d="${path}"${line.dashed ? ' stroke-dasharray="5 4"' : ""}/>`);
    parts.push(...line.at.map(([px, py]) => `<path class="${look}" d="${marks[look]!(x(px), y(py))}"/>`));
  }
  return parts.join("\n");
}

/**
 * Draws panels as an SVG that follows the reader's light or dark setting.
 *
 * @example
 * ```ts
 * writeFileSync("hda-star.svg", renderHdl(panels, { title: "Speed-up", note: "", script: "bench/hda-star.sh" }));
 * ```
 */
export function renderHdl(panels: readonly HdlPanel[], { title, note, script }: HdlCaption): string {
  const names = [...new Set(panels.flatMap((panel) => panel.lines.map((line) => line.name)))];
  const columns = panels.length > 3 ? 2 : panels.length;
  const rows = Math.ceil(panels.length / columns);
  const width = (size.width - 2 * size.left - (columns - 1) * size.gap) / columns;
  let at: number = size.left + 8;
  const legend = names.map((name, nth) => {
    const look = looks[nth % looks.length]!;
    const part = `<path class="line ${look}" d="M${fixed(at - 8)} 84h24"/><path class="${look}" d="${marks[look]!(fixed(at + 4), 84)}"/><text x="${fixed(at + 22)}" y="88">${escaped(name)}</text>`;
    at += 40 + name.length * 6.1;
    return part;
  });
  const row = size.height + size.foot + size.gap;
  const height = size.top + rows * row - size.gap;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${css}</style>
<rect class="ground" width="${size.width}" height="${height}"/>
<text class="title" x="${size.left}" y="36">${escaped(title)}</text>
<text class="soft" x="${size.left}" y="56">${escaped(note)} ${escaped(script)}</text>
${legend.join("\n")}
${panels.map((panel, nth) => drawPanel(panel, names, fixed(size.left + (nth % columns) * (width + size.gap)), size.top + Math.floor(nth / columns) * row, fixed(width))).join("\n")}
</svg>
`;
}
