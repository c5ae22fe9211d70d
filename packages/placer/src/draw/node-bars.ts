/** Utilisation bars of a node. @module */
import type { NodeUse } from "../plan/plan.ts";
import { percent } from "../plan/quantity.ts";
import type { Box } from "./chart.ts";
import { escaped, fitted, fixed } from "./svg-text.ts";

/** The class of a bar: `free`, `full` from 90 %, `over` above what there is. */
function fullness(share: number): "free" | "full" | "over" {
  return share > 1 + 1e-9 ? "over" : share >= 0.9 ? "full" : "free";
}

/** A bare bar, `share` of it filled. */
export function shareBar({ x, y, width, height }: Box, share: number, className: string = fullness(share)): string {
  const filled = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 1)) * width;
  return `<rect class="track" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${height}"/><rect class="${className}" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(filled)}" height="${height}"/>`;
}

/** Bars with names and figures, one below the other. */
export function namedBars(use: NodeUse, resources: readonly string[], { x, y, width }: Box, row: number): string {
  return resources
    .map((resource, at) => {
      const share = use.utilisation[resource] ?? 0;
      const top = y + at * row;
      const label = fitted(resource, 56, 11);
      const figure = Number.isFinite(share) ? percent(share) : "none there";
      return `<text class="soft" x="${fixed(x)}" y="${fixed(top + 9)}">${escaped(label)}</text>${shareBar({ x: x + 62, y: top + 2, width: width - 62 - 46, height: 7 }, share)}<text class="soft" x="${fixed(x + width)}" y="${fixed(top + 9)}" text-anchor="end">${figure}</text>`;
    })
    .join("");
}
