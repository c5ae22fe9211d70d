/** Every selector by its name. @module */
import { mitsuOptions } from "./cost.ts";
import {
  type OptionRanges,
  type Selector,
  type SelectorFactory,
  type SelectorName,
  type SelectorOptions,
  selectorNames,
} from "./selector.ts";
import { unknownSelector } from "./selector-error.ts";
import { c3, c3Options } from "./selectors/c3.ts";
import { leastRequest, leastRequestOptions } from "./selectors/least-request.ts";
import { mitsu } from "./selectors/mitsu.ts";
import { p2c } from "./selectors/p2c.ts";
import { peakEwma, peakEwmaOptions } from "./selectors/peak-ewma.ts";
import { prequal, prequalOptions } from "./selectors/prequal.ts";
import { random } from "./selectors/random.ts";
import { roundRobin } from "./selectors/round-robin.ts";
import { weighted } from "./selectors/weighted.ts";

/** What makes each. */
export const selectors: Readonly<Record<SelectorName, SelectorFactory>> = {
  mitsu,
  "round-robin": roundRobin,
  random,
  weighted,
  "least-request": leastRequest,
  p2c,
  "peak-ewma": peakEwma,
  c3,
  prequal,
};

/** Every option of each, for the checks of mesh.yaml, for help and documents. */
export const selectorOptions: Readonly<Record<SelectorName, OptionRanges>> = {
  mitsu: mitsuOptions,
  "round-robin": {},
  random: {},
  weighted: {},
  "least-request": leastRequestOptions,
  p2c: {},
  "peak-ewma": peakEwmaOptions,
  c3: c3Options,
  prequal: prequalOptions,
};

/**
 * A selector with its own state, for one service in one program.
 *
 * @param name One of `selectorNames`; any text, as it comes from files and command lines.
 * @throws {MitsuError} `ERR_SELECTOR_NAME`, `ERR_SELECTOR_OPTION`.
 * @example
 * ```ts
 * createSelector("least-request", { choices: 3 });
 * ```
 */
export function createSelector(name: string, options?: SelectorOptions): Selector {
  if (!isSelectorName(name)) throw unknownSelector(name);
  return selectors[name](options);
}

/** Whether a selector is called so. */
export function isSelectorName(name: string): name is SelectorName {
  return (selectorNames as readonly string[]).includes(name);
}
