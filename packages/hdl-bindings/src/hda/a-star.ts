/** Plain A*: what HDA* is compared with. [Hart, Nilsson, Raphael 1968] @module */
import { type Domain, noMove } from "./domain.ts";
import { StateOwner } from "./state-owner.ts";

/** What a search found. */
export interface Found {
  /** Infinity when there is no way. */
  readonly cost: number;
  readonly expansions: number;
}

/**
 * Searches for the cheapest way to the goal.
 *
 * @example
 * ```ts
 * aStar(new GridMap({ width: 8, height: 8, blocked: 0, seed: 1 })).cost; // 49
 * ```
 */
export function aStar(domain: Domain): Found {
  const owner = new StateOwner(domain);
  const { startLow: low, startHigh: high } = domain;
  owner.offer(low, high, domain.hash(low, high), 0, noMove);
  const { successors } = owner;
  while (owner.leastF !== Number.POSITIVE_INFINITY) {
    const count = owner.expand();
    for (let nth = 0; nth < count; nth++) {
      const [nextLow, nextHigh] = [successors.low[nth]!, successors.high[nth]!];
      const cost = owner.expandedCost + successors.cost[nth]!;
      owner.offer(nextLow, nextHigh, domain.hash(nextLow, nextHigh), cost, successors.move[nth]!);
    }
  }
  return { cost: owner.incumbent, expansions: owner.expansions };
}
