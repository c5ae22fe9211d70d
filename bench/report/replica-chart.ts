/** p99 against the load as one picture: marks are measured, lines are simulated, a colour and a mark a policy. @module */
import type { Point } from "./replica-points.ts";
import { decadeTicks } from "./response-chart.ts";
import { css, escaped, fixed } from "./style.ts";

const size = { width: 1080, height: 600, left: 76, right: 190, top: 96, bottom: 64 } as const;

/** Light, dark, and the mark around a point. */
const looks: Readonly<Record<string, readonly [light: string, dark: string, mark: (x: number, y: number) => string]>> = {
  "round-robin": ["#c2255c", "#ff7aa2", (x, y) => `M${x} ${y + 5.5}l6 -10.5h-12z`],
  random: ["#59636e", "#9aa4af", (x, y) => `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`],
  weighted: ["#3b4cca", "#98a5ff", (x, y) => `M${x} ${y - 6}v12m-6 -6h12`],
  p2c: ["#8344b5", "#c297eb", (x, y) => `M${x} ${y - 6}l6 6l-6 6l-6 -6z`],
  "least-request": ["#a65d00", "#e3a04a", (x, y) => `M${x - 4.5} ${y - 4.5}h9v9h-9z`],
  "peak-ewma": ["#6b6100", "#d2c64a", (x, y) => `M${x - 6} ${y}h12m-6 -6v12`],
  c3: ["#0f8a83", "#3fc7bd", (x, y) => `M${x} ${y - 5.5}l6 10.5h-12z`],
  prequal: ["#1a7f37", "#56d364", (x, y) => `M${x - 6} ${y + 3}l6 -8l6 8z`],
  mitsu: ["#0860c4", "#58a6ff", (x, y) => `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z`],
};

const lookCss = `
  .told { fill: none; stroke-width: 1.8; } .range { stroke-width: 1.4; } .seen { fill-opacity: .55; stroke-width: 1.8; }
${Object.entries(looks)
  .map(([name, [light]]) => `  .${name} { stroke: ${light}; } .seen.${name} { fill: ${light}; }`)
  .join("\n")}
  @media (prefers-color-scheme: dark) {
${Object.entries(looks)
  .map(([name, [, dark]]) => `    .${name} { stroke: ${dark}; } .seen.${name} { fill: ${dark}; }`)
  .join("\n")}
  }`;

const duration = (value: number): string => (value < 1000 ? `${value} ms` : `${value / 1000} s`);

/**
 * Draws the points of scenario `varying`.
 *
 * @param caption Machine and date, shown under the title.
 * @example
 * ```ts
 * writeFileSync("replica-selection.svg", renderSelectionChart(points, "2 × AMD EPYC, Linux 6.18"));
 * ```
 */
export function renderSelectionChart(points: readonly Point[], caption: string): string {
  const varying = points.filter(({ first, latency }) => first.scenario === "varying" && latency !== null);
  const loads = [...new Set(varying.map(({ first }) => first.load))].toSorted((a, b) => a - b);
  const values = varying.flatMap(({ latency, simulated }) => [latency!.p99, simulated?.responseMs?.p99 ?? latency!.p99]);
  const [least, most] = [Math.min(...values, 1000) / 1.2, Math.max(...values, 10) * 1.2];
  const [first, last] = [(loads[0] ?? 0.3) - 0.05, (loads.at(-1) ?? 1.1) + 0.05];
  const bottom = size.height - size.bottom;
  const x = (load: number): number => fixed(size.left + ((load - first) / (last - first)) * (size.width - size.left - size.right));
  const y = (value: number): number => fixed(bottom - (Math.log(value / least) / Math.log(most / least)) * (bottom - size.top));
  const parts: string[] = [];
  for (const tick of decadeTicks(least, most))
    parts.push(
      `<line class="grid" x1="${size.left}" x2="${size.width - size.right}" y1="${y(tick)}" y2="${y(tick)}"/>`,
      `<text class="soft" x="${size.left - 8}" y="${y(tick) + 4}" text-anchor="end">${duration(tick)}</text>`,
    );
  for (const load of loads)
    parts.push(
      `<line class="grid" x1="${x(load)}" x2="${x(load)}" y1="${size.top}" y2="${bottom}"/>`,
      `<text class="soft" x="${x(load)}" y="${bottom + 18}" text-anchor="middle">${load}</text>`,
    );
  const policies = Object.keys(looks).filter((name) => varying.some(({ first: sample }) => sample.policy === name));
  // Beside each other, so that marks of policies that are alike can be told apart.
  const shift = (at: number): number => (at - (policies.length - 1) / 2) * 5;
  for (const [at, policy] of policies.entries()) {
    const of = varying.filter(({ first: sample }) => sample.policy === policy).toSorted((a, b) => a.first.load - b.first.load);
    const told = of.flatMap(({ first: { load }, simulated }) =>
      simulated?.responseMs ? [[x(load), y(simulated.responseMs.p99)] as const] : [],
    );
    if (told.length > 1)
      parts.push(`<path class="told ${policy}" d="${told.map(([px, py], i) => `${i === 0 ? "M" : "L"}${px} ${py}`).join("")}"/>`);
    for (const {
      first: { load },
      latency,
      samples,
    } of of) {
      const each = samples.flatMap(({ seen }) => (seen.latency === null ? [] : [seen.latency.p99]));
      const px = fixed(x(load) + shift(at));
      parts.push(`<line class="range ${policy}" x1="${px}" x2="${px}" y1="${y(Math.min(...each))}" y2="${y(Math.max(...each))}"/>`);
      parts.push(`<path class="seen ${policy}" d="${looks[policy]![2](px, y(latency!.p99))}"/>`);
    }
    const row = size.top + 14 + at * 22;
    const side = size.width - size.right + 22;
    parts.push(
      `<path class="told ${policy}" d="M${side - 8} ${row}h32"/><path class="seen ${policy}" d="${looks[policy]![2](side + 8, row)}"/>`,
    );
    parts.push(`<text x="${side + 32}" y="${row + 4}">${policy}</text>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img">
<title>p99 response time against the load, by policy: measured and simulated</title>
<style>${css}${lookCss}</style>
<rect class="ground" width="${size.width}" height="${size.height}"/>
<text class="title" x="${size.left}" y="36">Response time (p99) against the load, replicas that slow to a third and recover</text>
<text class="soft" x="${size.left}" y="55">Lower is better. Marks: median measured on real processes, with the range of its repetitions. Lines: simulated with the same numbers.</text>
<text class="soft" x="${size.left}" y="70">${escaped(caption)}. bench/replica-selection.sh</text>
${parts.join("\n")}
<text class="soft" x="${fixed((size.left + size.width - size.right) / 2)}" y="${size.height - 18}" text-anchor="middle">load, as a share of the capacity at mean speed</text>
</svg>
`;
}
