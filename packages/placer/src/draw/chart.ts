/** What charts share: the frame with title, axes and legend, and labels that keep out of each other's way. @module */
import { css } from "./palette.ts";
import type { Scale } from "./scale.ts";
import { escaped, fitted, fittedName, fixed, textWidth } from "./svg-text.ts";

/** Where a chart's plot is, in pixels. */
export const plot = { width: 860, height: 500, left: 78, right: 28, top: 96, bottom: 62 } as const;
/** The plot's four sides. */
export const inner: { readonly x1: number; readonly x2: number; readonly y1: number; readonly y2: number } = {
  x1: plot.left,
  x2: plot.width - plot.right,
  y1: plot.top,
  y2: plot.height - plot.bottom,
};

/** An axis: its scale, what it shows with the unit, and how a tick reads. */
export interface Axis {
  readonly scale: Scale;
  readonly title: string;
  readonly format: (tick: number) => string;
}

/** An entry of the legend: its sign is drawn 24 pixels wide around `y`, from `x`. */
export interface LegendEntry {
  readonly name: string;
  readonly sign: (x: number, y: number) => string;
}

/** A rectangle, in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Whether two rectangles have any area in common. */
export function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/**
 * A whole chart as SVG.
 *
 * @param body What is drawn into the plot, over the grid.
 */
export function chart(
  {
    title,
    note,
    x,
    y,
    legend,
  }: { readonly title: string; readonly note: string; readonly x: Axis; readonly y: Axis; readonly legend: readonly LegendEntry[] },
  body: readonly string[],
): string {
  const parts: string[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const tick of x.scale.ticks) {
    const at = fixed(x.scale.at(tick));
    const text = x.format(tick);
    parts.push(`<line class="grid" x1="${at}" x2="${at}" y1="${inner.y1}" y2="${inner.y2}"/>`);
    const half = textWidth(text, 11) / 2;
    if (at - half < last) continue;
    last = at + half + 6;
    parts.push(`<text class="soft" x="${at}" y="${inner.y2 + 17}" text-anchor="middle">${escaped(text)}</text>`);
  }
  for (const tick of y.scale.ticks) {
    const at = fixed(y.scale.at(tick));
    parts.push(`<line class="grid" x1="${inner.x1}" x2="${inner.x2}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text class="soft" x="${inner.x1 - 8}" y="${fixed(at + 4)}" text-anchor="end">${escaped(y.format(tick))}</text>`);
  }
  const rows: { readonly x: number; readonly name: string; readonly sign: LegendEntry["sign"] }[][] = [[]];
  let at: number = inner.x1;
  for (const { name: whole, sign } of legend) {
    // Two rows are what there is room for.
    const name = fittedName(whole, Math.max(36, Math.min(240, 1000 / legend.length)), 12);
    const width = 48 + textWidth(name, 12);
    if (at + width > plot.width && at > inner.x1) {
      at = inner.x1;
      rows.push([]);
    }
    rows.at(-1)!.push({ x: at, name, sign });
    at += width;
  }
  const entries = rows.flatMap((row, index) => {
    const y = 74 - 18 * (rows.length - 1 - index);
    return row.map(({ x: left, name, sign }) => `${sign(left, y)}<text x="${fixed(left + 30)}" y="${y + 4}">${escaped(name)}</text>`);
  });
  const middle = (inner.y1 + inner.y2) / 2;
  // A legend in two rows takes the note's place; what it says is in the description anyhow.
  const noted = rows.length === 1 ? `<text class="soft" x="24" y="52">${escaped(note)}</text>` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${plot.width} ${plot.height}" width="${plot.width}" height="${plot.height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(note)}</desc>
<style>${css}</style>
<rect class="ground" width="${plot.width}" height="${plot.height}"/>
<text class="title" x="24" y="32">${escaped(fitted(title, plot.width - 48, 19))}</text>
${noted}
${entries.join("\n")}
${parts.join("\n")}
<line class="axis" x1="${inner.x1}" x2="${inner.x2}" y1="${inner.y2}" y2="${inner.y2}"/>
<line class="axis" x1="${inner.x1}" x2="${inner.x1}" y1="${inner.y1}" y2="${inner.y2}"/>
<text class="soft" x="${(inner.x1 + inner.x2) / 2}" y="${plot.height - 16}" text-anchor="middle">${escaped(x.title)}</text>
<text class="soft" x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">${escaped(y.title)}</text>
${body.join("\n")}
</svg>
`;
}

/** A line through points, in their order. */
export function line(className: string, points: readonly (readonly [x: number, y: number])[]): string {
  return `<path class="line ${className}" d="${points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${fixed(x)} ${fixed(y)}`).join("")}"/>`;
}

/** A dot with what it stands for as its title. */
export function dot(className: string, [x, y]: readonly [x: number, y: number], radius: number, title: string): string {
  return `<circle class="${className}" cx="${fixed(x)}" cy="${fixed(y)}" r="${radius}"><title>${escaped(title)}</title></circle>`;
}

/**
 * Labels beside the points of a line, in order of importance. One that would touch another, a point or the frame is left out; one goes onto the line only
 * where nothing beside it is free.
 */
export function labels(
  wanted: readonly { readonly at: readonly [x: number, y: number]; readonly text: string }[],
  points: readonly (readonly [x: number, y: number])[],
): string[] {
  const taken: Box[] = points.map(([x, y]) => ({ x: x - 4, y: y - 4, width: 8, height: 8 }));
  const path: Box[] = points.slice(1).flatMap(([x, y], at) => {
    const [fromX, fromY] = points[at]!;
    const steps = Math.ceil(Math.hypot(x - fromX, y - fromY) / 6);
    return Array.from({ length: steps }, (_, step) => ({
      x: fromX + ((x - fromX) * step) / steps - 2,
      y: fromY + ((y - fromY) * step) / steps - 2,
      width: 4,
      height: 4,
    }));
  });
  const drawn: string[] = [];
  for (const { at, text } of wanted) {
    const width = textWidth(text, 10);
    const spots = [
      { x: at[0] + 7, y: at[1] - 17 },
      { x: at[0] - width - 7, y: at[1] - 17 },
      { x: at[0] + 7, y: at[1] + 5 },
      { x: at[0] - width - 7, y: at[1] + 5 },
    ].map((spot) => ({ ...spot, width, height: 13 }));
    const inside = spots.filter(
      (one) => one.x >= inner.x1 && one.x + width <= plot.width - 4 && one.y >= inner.y1 - 12 && one.y + 13 <= inner.y2,
    );
    const free = inside.filter((one) => !taken.some((other) => overlaps(one, other)));
    const box = free.find((one) => !path.some((other) => overlaps(one, other))) ?? free[0];
    if (!box) continue;
    taken.push(box);
    drawn.push(`<text class="halo small" x="${fixed(box.x)}" y="${fixed(box.y + 10.5)}">${escaped(text)}</text>`);
  }
  return drawn;
}
