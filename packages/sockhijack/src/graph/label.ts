/** What is written beside an edge of the service graph, in text and in pictures. @module */
import { formatBytes } from "@mitsu/cli";
import type { Edge } from "./edges.ts";

/** Rounded down: only what is wholly redirected is called 100 %. */
function percent(share: number): string {
  return share < 0.01 ? "<1 %" : `${Math.floor(share * 100)} %`;
}

/**
 * Rate, share past TCP, denials: what there is to say, in this order.
 *
 * @example
 * ```ts
 * edgeLabel(edge).join(", "); // "12.3 MiB/s, 99 % redirected"
 * ```
 */
export function edgeLabel({ bytesPerSecond, redirectedShare, denied, connections }: Edge): string[] {
  const parts = bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : [connections > 0 ? "quiet" : "never connected"];
  if (redirectedShare > 0) parts.push(`${percent(redirectedShare)} redirected`);
  if (denied > 0) parts.push(`${denied} denied`);
  return parts;
}
