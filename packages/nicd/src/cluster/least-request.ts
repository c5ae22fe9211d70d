/** Prefers replicas with few requests in flight. Source: Envoy's least request load balancer with `active_request_bias` 1. @module */
import type { Endpoint } from "./endpoint.ts";
import type { SelectionContext, Selector } from "./selector.ts";

/**
 * Equal weights: of two replicas chosen at random (never twice the same), the one with fewer requests in flight. Different ones: a random
 * replica, each with a share of weight / (in flight + 1).
 */
export class LeastRequest implements Selector {
  #candidates: readonly Endpoint[] = [];
  #equal = true;

  select<E extends Endpoint>(candidates: readonly E[], { random }: SelectionContext): E {
    const count = candidates.length;
    if (count === 1) return candidates[0]!;
    if (candidates !== this.#candidates) {
      this.#candidates = candidates;
      this.#equal = candidates.every(({ weight }) => weight === candidates[0]!.weight);
    }
    if (!this.#equal) return byShare(candidates, random());
    const first = Math.floor(random() * count);
    let second = Math.floor(random() * (count - 1));
    if (second >= first) second++;
    const [a, b] = [candidates[first]!, candidates[second]!];
    return b.inFlight < a.inFlight ? b : a;
  }
}

function byShare<E extends Endpoint>(candidates: readonly E[], random: number): E {
  let total = 0;
  for (const { weight, inFlight } of candidates) total += weight / (inFlight + 1);
  let point = random * total;
  for (const candidate of candidates) {
    point -= candidate.weight / (candidate.inFlight + 1);
    if (point < 0) return candidate;
  }
  // Rounding left a rest at the very end.
  return candidates[candidates.length - 1]!;
}
