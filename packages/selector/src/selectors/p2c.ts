/** The less busy of two replicas. @module */
import type { Candidate } from "../candidate.ts";
import { requestsPerWeight } from "../requests-per-weight.ts";
import type { SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { shareOf } from "../share.ts";
import { WeightedDraw } from "../weighted-draw.ts";

/**
 * Draws two replicas, never the same one twice, and takes the one with fewer own requests in flight; at a tie the first one drawn.
 *
 * Sources: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001, §1. For weights nginx's
 * `random two least_conn` (`ngx_http_upstream_get_random2_peer`): both are drawn by weight, and requests in flight are compared over weight.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`: it has none.
 */
export function p2c(options: SelectorOptions = {}): Selector {
  readOptions("p2c", options, {});
  const draw = new WeightedDraw();
  return {
    name: "p2c",
    costs: requestsPerWeight,
    select<C extends Candidate>(candidates: readonly C[], context: SelectionContext): C {
      const first = draw.draw(candidates, context.random);
      const one = candidates[first]!;
      if (candidates.length === 1) return one;
      const other = candidates[draw.draw(candidates, context.random, first)]!;
      return other.inFlight * shareOf(one) < one.inFlight * shareOf(other) ? other : one;
    },
  };
}
