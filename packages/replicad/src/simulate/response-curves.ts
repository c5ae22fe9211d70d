/** Response time against load as a picture, a line for each selector. @module */
import { formatDuration } from "@mitsu/cli";

/** One line: a selector, and its response time (milliseconds) at each load. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [load: number, ms: number])[];
}

const width = 900;
const height = 520;
const left = 84;
const right = 150;
const top = 84;
const bottom = 60;

/** Light and dark of each line; dashes differ as well, so that colour is not the only sign. */
const colours: readonly (readonly [light: string, dark: string])[] = [
  ["#0860c4", "#58a6ff"],
  ["#c2255c", "#ff7aa2"],
  ["#0f8a83", "#3fc7bd"],
  ["#a65d00", "#e3a04a"],
  ["#8344b5", "#c297eb"],
  ["#59636e", "#9aa4af"],
  ["#1a7f37", "#56d364"],
  ["#b42318", "#ff8b7e"],
  ["#3b4cca", "#98a5ff"],
  ["#6b6100", "#d2c64a"],
];
const dashes = ["", "9 4", "2 4", "14 4 2 4", "6 3 2 3"];

/**
 * Draws the lines as SVG: load on x, response time on a logarithmic y.
 *
 * @param figure What is drawn, such as `p99`.
 * @example
 * ```ts
 * drawResponseCurves("p99", "20 servers", [{ name: "mitsu", points: [[0.5, 12], [0.9, 60]] }]);
 * ```
 */
export function drawResponseCurves(figure: string, note: string, curves: readonly Curve[]): string {
  const points = curves.flatMap((curve) => curve.points);
  const loads = points.map(([load]) => load);
  const times = points.map(([, ms]) => ms).filter((ms) => ms > 0);
  const [leastX, mostX] = ends(loads, 0.05);
  const [leastY, mostY] = times.length > 0 ? [Math.min(...times) / 1.15, Math.max(...times) * 1.15] : [1, 10];
  const x = (load: number): number => fixed(left + ((load - leastX) / (mostX - leastX)) * (width - left - right));
  const y = (ms: number): number => fixed(height - bottom - (Math.log(ms / leastY) / Math.log(mostY / leastY)) * (height - top - bottom));
  const parts: string[] = [];
  for (const tick of linearTicks(leastX, mostX)) {
    parts.push(`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${top}" y2="${height - bottom}"/>`);
    parts.push(`<text class="soft" x="${x(tick)}" y="${height - bottom + 18}" text-anchor="middle">${tick}</text>`);
  }
  for (const tick of logTicks(leastY, mostY)) {
    parts.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(tick)}" y2="${y(tick)}"/>`);
    parts.push(`<text class="soft" x="${left - 8}" y="${y(tick) + 4}" text-anchor="end">${duration(tick)}</text>`);
  }
  const named: { readonly at: number; readonly text: string; readonly wanted: number }[] = [];
  for (const [at, { name, points: whole }] of curves.entries()) {
    const drawn = whole.filter(([, ms]) => ms > 0);
    if (drawn.length === 0) continue;
    const path = drawn.map(([load, ms], index) => `${index === 0 ? "M" : "L"}${x(load)} ${y(ms)}`).join("");
    const dash = dashes[at % dashes.length]!;
    parts.push(`<path class="line c${at % colours.length}" d="${path}"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`);
    for (const [load, ms] of drawn) {
      const says = `${name}, ${figure} at load ${load}: ${duration(ms)}`;
      parts.push(
        `<circle class="dot c${at % colours.length}" cx="${x(load)}" cy="${y(ms)}" r="3"><title>${escaped(says)}</title></circle>`,
      );
    }
    named.push({ at, text: name, wanted: y(drawn.at(-1)![1]) });
  }
  parts.push(...namesBeside(named));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(figure)} of response times against load</title>
<desc id="desc">${escaped(note)}. Lower is better; the time axis is logarithmic.</desc>
<style>${css}</style>
<rect class="ground" width="${width}" height="${height}"/>
<text class="title" x="24" y="34">${escaped(figure)} of response times against load</text>
<text class="soft" x="24" y="54">${escaped(note.length > 140 ? `${note.slice(0, 139)}…` : note)}</text>
<text class="soft" x="24" y="70">Lower is better; the time axis is logarithmic.</text>
${parts.join("\n")}
<line class="axis" x1="${left}" x2="${width - right}" y1="${height - bottom}" y2="${height - bottom}"/>
<line class="axis" x1="${left}" x2="${left}" y1="${top}" y2="${height - bottom}"/>
<text class="soft" x="${(left + width - right) / 2}" y="${height - 16}" text-anchor="middle">load, share of capacity</text>
<text class="soft" x="22" y="${(top + height - bottom) / 2}" text-anchor="middle" transform="rotate(-90 22 ${(top + height - bottom) / 2})">response time, log scale</text>
</svg>
`;
}

/** Names at the ends of their lines, in the lines' order and apart from each other, with a thin line to where they belong. */
function namesBeside(named: readonly { readonly at: number; readonly text: string; readonly wanted: number }[]): string[] {
  const apart = 17;
  const sorted = named.toSorted((one, other) => one.wanted - other.wanted);
  const places = sorted.map(({ wanted }) => wanted);
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i]!, places[i - 1]! + apart);
  let most = height - bottom;
  for (let i = places.length - 1; i >= 0; i--) {
    places[i] = Math.min(places[i]!, most);
    most = places[i]! - apart;
  }
  return sorted.map(({ at, text, wanted }, i) => {
    const from = width - right;
    return `<line class="lead c${at % colours.length}" x1="${from + 4}" y1="${wanted}" x2="${from + 22}" y2="${fixed(places[i]!)}"/><text class="name c${at % colours.length}" x="${from + 26}" y="${fixed(places[i]! + 4)}">${escaped(text)}</text>`;
  });
}

const fixed = (value: number): number => Math.round(value * 10) / 10;
const duration = (ms: number): string => formatDuration(ms * 1e6).replace(/\.0+ /, " ");

function ends(values: readonly number[], margin: number): readonly [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return most > least ? [least, most] : [Math.max(0, least - margin), most + margin];
}

function linearTicks(least: number, most: number): number[] {
  const rough = (most - least) / 8;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * decade).find((one) => one >= rough * (1 - 1e-9))!;
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function logTicks(least: number, most: number): number[] {
  const steps = Math.log10(most / least) > 4 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= least && tick <= most) ticks.push(tick);
    }
  }
  return ticks;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => entities[mark]!);
}

const shades = (of: 0 | 1): string =>
  colours.map((pair, at) => `.c${at} { stroke: ${pair[of]}; } .dot.c${at}, .name.c${at} { fill: ${pair[of]}; }`).join(" ");

const css = `
  text { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328; font-size: 12px; }
  .title { font-size: 19px; font-weight: 600; } .soft { fill: #59636e; font-size: 11px; } .name { stroke: none !important; font-weight: 600; }
  .ground { fill: #fff; } .grid { stroke: #d9dee3; } .axis { stroke: #59636e; } .line { fill: none; stroke-width: 2; } .lead { stroke-width: 1; }
  ${shades(0)}
  @media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .soft { fill: #9aa4af; } .ground { fill: #0d1117; } .grid { stroke: #30363d; } .axis { stroke: #9aa4af; }
  ${shades(1)}
  }`;
