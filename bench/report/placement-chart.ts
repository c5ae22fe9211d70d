/** A run of placement.sh as one picture: the share of traffic on-node of each strategy, a panel a kind of problem. @module */
import type { Planned } from "../lib/placement-bench.ts";
import { spread } from "./points.ts";
import { css, escaped, fixed } from "./style.ts";

const names: Readonly<Record<string, string>> = {
  mitsu: "mitsu",
  "mitsu, budget": "mitsu, moving at most 40 %",
  netmarks: "NetMARKS",
  kubernetes: "Kubernetes",
  "kubernetes 1.35": "Kubernetes, until 1.35",
  "round-robin": "round robin",
};
const panels = [
  { phase: "industrial", title: "550 services, 3500 replicas, 96 nodes, 88 % of the CPU requested" },
  { phase: "instance", title: "A published cluster" },
  { phase: "social", title: "Social network, 27 components, 4 nodes" },
  { phase: "huge", title: "Huge" },
] as const;
const size = { width: 860, left: 32, top: 92, labels: 210, right: 64, row: 26, head: 30, gap: 22 } as const;
const from = size.left + size.labels;
const to = size.width - size.right;
const at = (share: number): number => fixed(from + share * (to - from));

function drawPanel(title: string, plans: readonly Planned[], top: number): { readonly svg: string; readonly bottom: number } {
  const rows = Object.entries(names).flatMap(([strategy, name]) => {
    const shares = plans.filter((plan) => plan.strategy === strategy).map(({ onNode }) => onNode);
    return shares.length === 0 ? [] : [{ strategy, name, share: spread(shares) }];
  });
  const bottom = top + size.head + rows.length * size.row;
  const parts = [`<text class="head" x="${size.left}" y="${top + 14}">${escaped(title)}</text>`];
  for (const tick of [0, 0.25, 0.5, 0.75, 1])
    parts.push(`<line class="grid" x1="${at(tick)}" x2="${at(tick)}" y1="${top + size.head - 6}" y2="${bottom - 4}"/>`);
  for (const [i, { strategy, name, share }] of rows.entries()) {
    const y = top + size.head + i * size.row;
    const ours = strategy.startsWith("mitsu");
    parts.push(
      `<text${ours ? ' class="strong"' : ""} x="${size.left}" y="${y + 12}">${name}</text>`,
      `<rect class="${ours ? "sockhijack" : "plain"}" x="${at(0)}" y="${y + 1}" width="${fixed(at(share.median) - at(0))}" height="14"/>`,
      `<text class="value${ours ? " strong" : ""}" x="${at(share.max) + 6}" y="${y + 12}">${share.median.toFixed(2)}</text>`,
    );
    // A whisker from the least to the most instance.
    if (share.max > share.min) parts.push(`<line class="one" x1="${at(share.min)}" x2="${at(share.max)}" y1="${y + 8}" y2="${y + 8}"/>`);
  }
  return { svg: parts.join("\n"), bottom };
}

/**
 * Draws a run as an SVG that follows the reader's light or dark setting.
 *
 * @param caption Machine and date, shown under the title.
 */
export function renderPlacementChart(plans: readonly Planned[], caption: string): string {
  const parts: string[] = [];
  let y: number = size.top;
  for (const { phase, title } of panels) {
    // Of the three rates of phase social, the one that is judged.
    const own = plans.filter((plan) => plan.phase === phase && (phase !== "social" || plan.problem.startsWith("500/s,")));
    if (own.length === 0) continue;
    const panel = drawPanel(phase === "huge" ? `${own[0]!.replicas.toLocaleString("en-US")} replicas` : title, own, y);
    parts.push(panel.svg);
    y = panel.bottom + size.gap;
  }
  for (const tick of [0, 0.25, 0.5, 0.75, 1])
    parts.push(`<text class="soft" x="${at(tick)}" y="${y}" text-anchor="middle">${tick * 100} %</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${y + 20}" width="${size.width}" height="${y + 20}" role="img" aria-label="Share of traffic on-node by strategy">`,
    `<style>${css}</style>`,
    `<rect class="ground" width="${size.width}" height="${y + 20}"/>`,
    `<text class="title" x="${size.left}" y="38">Traffic that stays on its node</text>`,
    `<text class="soft" x="${size.left}" y="60">${escaped(caption)}; medians, whiskers from least to most</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
