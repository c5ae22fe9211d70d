/** Chooses at random, by weight. @module */
import type { Candidate } from "../candidate.ts";
import type { SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { WeightedDraw } from "../weighted-draw.ts";

/**
 * Each replica gets requests as its weight × ramp, whatever its load. Source: nginx's `random` (`ngx_http_upstream_random_module`), which draws by weight.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`: it has none.
 */
export function weighted(options: SelectorOptions = {}): Selector {
  readOptions("weighted", options, {});
  return drawByWeight("weighted");
}

/** Under either name. */
export function drawByWeight(name: "weighted" | "random"): Selector {
  const draw = new WeightedDraw();
  return {
    name,
    select: <C extends Candidate>(candidates: readonly C[], context: SelectionContext): C =>
      candidates[draw.draw(candidates, context.random)]!,
  };
}
