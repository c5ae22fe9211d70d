/** Chooses replicas at random, by weight. @module */
import type { Endpoint } from "./endpoint.ts";
import type { SelectionContext, Selector } from "./selector.ts";

/** Each replica has its weight's share. */
export class RandomChoice implements Selector {
  select<E extends Endpoint>(candidates: readonly E[], { random }: SelectionContext): E {
    let total = 0;
    for (const { weight } of candidates) total += weight;
    let point = random() * total;
    for (const candidate of candidates) {
      point -= candidate.weight;
      if (point < 0) return candidate;
    }
    // Rounding left a rest at the very end.
    return candidates[candidates.length - 1]!;
  }
}
