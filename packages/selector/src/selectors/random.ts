/** Chooses any replica. @module */
import type { Candidate } from "../candidate.ts";
import type { SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";

/**
 * Every replica alike, whatever its weight, ramp or load. Source: Envoy's `RandomLoadBalancer`, which has no weights either.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`: it has none.
 */
export function random(options: SelectorOptions = {}): Selector {
  readOptions("random", options, {});
  return {
    name: "random",
    select: <C extends Candidate>(candidates: readonly C[], context: SelectionContext): C =>
      candidates[Math.floor(context.random() * candidates.length)]!,
  };
}
