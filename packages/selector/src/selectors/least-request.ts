/** Prefers replicas with few requests in flight, as Envoy does. @module */
import type { Candidate } from "../candidate.ts";
import { requestsPerWeight } from "../requests-per-weight.ts";
import type { Costs, OptionRanges, SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { shareOf } from "../share.ts";

/** Its options. */
export const leastRequestOptions: OptionRanges<"choices" | "bias"> = {
  choices: { default: 2, least: 2, most: 100, whole: true, about: "replicas drawn at random, where all weigh the same" },
  bias: { default: 1, least: 0, most: 100, about: "power of requests in flight, where weights differ; 0 goes by weight alone" },
};

/**
 * Equal weights: of `choices` replicas drawn at random, the one with the fewest own requests in flight. Different ones (of weight × ramp): any replica, with a share of
 * weight / (in flight + 1)^`bias`.
 *
 * Options: `choices` (2) and `bias` (1). Source: Envoy v1.35, `LeastRequestLoadBalancer::hostWeight` and `unweightedHostPickNChoices`; `choice_count` and
 * `active_request_bias` of its `LeastRequest` policy. Two things differ: Envoy may draw a replica twice, and takes weighted ones in turns (EDF), not at random.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION` for another option, `choices` under 2 or over 100, `bias` under 0 or over 100.
 */
export function leastRequest(options: SelectorOptions = {}): Selector {
  const { choices, bias } = readOptions("least-request", options, leastRequestOptions);
  return new LeastRequest(choices, bias);
}

class LeastRequest implements Selector {
  readonly name = "least-request";
  readonly #choices: number;
  readonly #bias: number;
  /** Indices drawn in this decision, rising. */
  readonly #drawn: Int32Array;

  constructor(choices: number, bias: number) {
    this.#choices = choices;
    this.#bias = bias;
    this.#drawn = new Int32Array(choices);
  }

  select<C extends Candidate>(candidates: readonly C[], { random }: SelectionContext): C {
    const share = shareOf(candidates[0]!);
    // Looked at each time: weights and ramps change while the set does not.
    for (let index = 1; index < candidates.length; index++) {
      if (shareOf(candidates[index]!) !== share) return this.#byShare(candidates, random());
    }
    return this.#ofDrawn(candidates, random);
  }

  costs<C extends Candidate>(candidates: readonly C[]): Costs {
    return requestsPerWeight(candidates);
  }

  #ofDrawn<C extends Candidate>(candidates: readonly C[], random: () => number): C {
    const drawn = this.#drawn;
    const times = Math.min(this.#choices, candidates.length);
    let best = candidates[0]!;
    for (let count = 0; count < times; count++) {
      // One of those that are left, then its place among all: none is drawn twice.
      let index = Math.floor(random() * (candidates.length - count));
      let at = 0;
      while (at < count && index >= drawn[at]!) {
        index++;
        at++;
      }
      drawn.copyWithin(at + 1, at, count);
      drawn[at] = index;
      const candidate = candidates[index]!;
      if (count === 0 || candidate.inFlight < best.inFlight) best = candidate;
    }
    return best;
  }

  #byShare<C extends Candidate>(candidates: readonly C[], random: number): C {
    let total = 0;
    for (let index = 0; index < candidates.length; index++) total += this.#weight(candidates[index]!);
    let point = random * total;
    for (let index = 0; index < candidates.length; index++) {
      point -= this.#weight(candidates[index]!);
      if (point < 0) return candidates[index]!;
    }
    // Rounding left a rest at the very end.
    return candidates[candidates.length - 1]!;
  }

  #weight(candidate: Candidate): number {
    const busy = candidate.inFlight + 1;
    return shareOf(candidate) / (this.#bias === 1 ? busy : busy ** this.#bias);
  }
}
