/** Draws replicas at random by weight × ramp. @module */
import type { Candidate } from "./candidate.ts";
import { shareOf } from "./share.ts";

/** Refused draws before all candidates are walked; at equal shares none is refused. */
const tries = 8;

/**
 * Draws by refusal: any candidate, kept with a probability of its share over the heaviest one's. No sums are kept, so that weights and ramps may change at any
 * time, and with about equal shares a draw takes the same time for 2 candidates as for 1000. Where a few are far heavier than the rest, it ends in a walk over all.
 */
export class WeightedDraw {
  #heaviest = 0;
  #candidates: readonly Candidate[] = [];

  /** Index of a candidate; never `except` while there is another one. @param random From 0, less than 1. */
  draw(candidates: readonly Candidate[], random: () => number, except = -1): number {
    const count = candidates.length;
    if (count === 1) return 0;
    if (count === 2 && except >= 0) return 1 - except;
    if (candidates !== this.#candidates) {
      this.#candidates = candidates;
      this.#heaviest = 0;
      for (let index = 0; index < count; index++) this.#heaviest = Math.max(this.#heaviest, shareOf(candidates[index]!));
    }
    for (let attempt = 0; attempt < tries; attempt++) {
      const point = random() * count;
      const index = Math.floor(point);
      if (index === except) continue;
      const share = shareOf(candidates[index]!);
      // Grown since: drawn too seldom until now, not from here on.
      if (share > this.#heaviest) this.#heaviest = share;
      if ((point - index) * this.#heaviest < share) return index;
    }
    return this.#walk(candidates, random(), except);
  }

  #walk(candidates: readonly Candidate[], random: number, except: number): number {
    let total = 0;
    let heaviest = 0;
    for (let index = 0; index < candidates.length; index++) {
      const share = shareOf(candidates[index]!);
      if (share > heaviest) heaviest = share;
      if (index !== except) total += share;
    }
    this.#heaviest = heaviest;
    let point = random * total;
    let last = 0;
    for (let index = 0; index < candidates.length; index++) {
      if (index === except) continue;
      last = index;
      point -= shareOf(candidates[index]!);
      if (point < 0) break;
    }
    // Rounding may leave a rest at the very end.
    return last;
  }
}
