/** Chooses at random, by weight. @module */
import type { Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { drawByWeight } from "./weighted.ts";

/**
 * The same as `weighted`, by the name that mesh.yaml has for it: each replica gets requests as its weight × ramp, whatever its load, so all alike where weights are.
 * Envoy's `RANDOM` looks at no weights; what somebody set a weight for should get it.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`: it has none.
 */
export function random(options: SelectorOptions = {}): Selector {
  readOptions("random", options, {});
  return drawByWeight("random");
}
