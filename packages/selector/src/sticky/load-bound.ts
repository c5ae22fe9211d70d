/** How many requests in flight a replica may have, by what all have. @module */
import type { Candidate } from "../candidate.ts";
import { shareOf } from "../share.ts";

/**
 * The bound of consistent hashing with bounded loads: with a new request there are m in flight to n replicas, and none may get more than ⌈(1 + ε) × m / n⌉ of them; by weight,
 * ⌈(1 + ε) × m × its share⌉. As all bounds together are more than m, one replica is always below its own.
 *
 * Source: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016 (SODA 2018), §2.
 *
 * @example
 * ```ts
 * const bound = new LoadBound(0.25);
 * bound.measure(candidates);
 * bound.holds(candidates[0]); // whether it may get the request
 * ```
 */
export class LoadBound {
  readonly #epsilon: number;
  #perShare = 0;

  /** @param epsilon ε, above 0: by how much a replica may be over the mean. */
  constructor(epsilon: number) {
    this.#epsilon = epsilon;
  }

  /** Counts what is in flight from this program, before a decision. */
  measure(candidates: readonly Candidate[]): void {
    let inFlight = 1;
    let shares = 0;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!;
      inFlight += candidate.inFlight;
      shares += shareOf(candidate);
    }
    this.#perShare = ((1 + this.#epsilon) * inFlight) / shares;
  }

  /** The most requests in flight that it may have, the new one included. */
  most(candidate: Candidate): number {
    // Less what rounding may add: 1.1 × 200 / 20 is 11, not 12.
    return Math.ceil(this.#perShare * shareOf(candidate) - 1e-9);
  }

  /** Whether it may get one more. While it has a free worker it may: the bound is there against queues. */
  holds(candidate: Candidate): boolean {
    return candidate.inFlight < candidate.workers || candidate.inFlight < this.most(candidate);
  }
}
