/** How many requests had a parent, and how it was found: the honest measure of tracing without changed programs. @module */
import type { Exchange } from "./exchange.ts";

/** Requests by how their parent was found. */
export type LinkCounts = Readonly<Record<Exchange["link"], number>>;

/** Counters that begin at 0. */
export function noLinks(): Record<Exchange["link"], number> {
  return { header: 0, thread: 0, "side-band": 0, ambiguous: 0, none: 0 };
}

/**
 * One line for people; "none" are requests that begin a trace, and those whose parent went unseen: nobody can tell them apart.
 *
 * @example
 * ```ts
 * linkText({ header: 10, thread: 70, "side-band": 0, ambiguous: 5, none: 15 });
 * // "80.0 % of 100 requests have a parent: 70 by thread, 10 by header; 5 had several to choose from, 15 none"
 * ```
 */
export function linkText({ header, thread, "side-band": beside, ambiguous, none }: LinkCounts): string {
  const linked = header + thread + beside;
  const all = linked + ambiguous + none;
  if (all === 0) return "no requests seen yet";
  // Rounded down: 100 % is said only of all.
  const share = (Math.floor((linked * 1000) / all) / 10).toFixed(1);
  const ways = [`${thread} by thread`, `${header} by header`, ...(beside > 0 ? [`${beside} beside the stream`] : [])].join(", ");
  const noun = all === 1 ? "1 request has" : `${all} requests have`;
  return `${share} % of ${noun} a parent: ${ways}; ${ambiguous} had several to choose from, ${none} none`;
}
