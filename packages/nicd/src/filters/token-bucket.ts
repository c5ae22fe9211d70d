/** Allows so many events in so much time. @module */
import type { RateLimit } from "@mitsu/catalog";

/**
 * A token bucket that fills all the time, not by the period. Needs no timer. Counts in whole numbers (nanoseconds × requests), so that nothing is lost
 * to rounding.
 */
export class TokenBucket {
  readonly #limit: RateLimit;
  readonly #workers: number;
  /** What one event takes. */
  readonly #cost: number;
  readonly #most: number;
  #level: number;
  #lastNs = Number.NEGATIVE_INFINITY;

  /** @param workers Processes that share the limit of this node: each takes an equal part of rate and burst, but one event at least. */
  constructor(limit: RateLimit, workers = 1) {
    this.#limit = limit;
    this.#workers = workers;
    const periodNs = limit.perMs * 1e6;
    this.#cost = periodNs * workers;
    this.#most = Math.max(this.#cost, periodNs * limit.burst);
    this.#level = this.#most;
  }

  /** Would a bucket for this limit be the same? */
  isOf({ requests, perMs, burst }: RateLimit, workers: number): boolean {
    const mine = this.#limit;
    return mine.requests === requests && mine.perMs === perMs && mine.burst === burst && this.#workers === workers;
  }

  /** Takes a token, if there is one. @param nowNs From a clock that does not go back; where it does, no time has passed. */
  take(nowNs: number): boolean {
    if (nowNs > this.#lastNs) {
      this.#level = Math.min(this.#most, this.#level + (nowNs - this.#lastNs) * this.#limit.requests);
      this.#lastNs = nowNs;
    }
    if (this.#level < this.#cost) return false;
    this.#level -= this.#cost;
    return true;
  }

  /** Nanoseconds from the last `take` until there is a token again; 0 when there is one. */
  get waitNs(): number {
    return Math.max(0, Math.ceil((this.#cost - this.#level) / this.#limit.requests));
  }
}
