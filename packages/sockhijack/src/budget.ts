/** A share of time that may be spent, with some of it at once: a token bucket. @module */

/**
 * Says how long to wait so that work stays within its share.
 *
 * @example
 * ```ts
 * const budget = new Budget(0.05, 40);
 * budget.spend(60, performance.now());
 * budget.waitMs(performance.now()); // 400: the 20 ms too many are paid back at 5 %
 * ```
 */
export class Budget {
  readonly #share: number;
  readonly #burstMs: number;
  #leftMs: number;
  #atMs = 0;

  /** @param share Of one core, 0 to 1. @param burstMs What may be spent at once. */
  constructor(share: number, burstMs: number) {
    this.#share = share;
    this.#burstMs = burstMs;
    this.#leftMs = burstMs;
  }

  #accrue(nowMs: number): void {
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + (nowMs - this.#atMs) * this.#share);
    this.#atMs = nowMs;
  }

  /** Books work that took `tookMs` and ended at `nowMs` (monotonic). */
  spend(tookMs: number, nowMs: number): void {
    this.#accrue(nowMs);
    this.#leftMs -= tookMs;
  }

  /** Milliseconds until more may be spent; 0 when now. */
  waitMs(nowMs: number): number {
    this.#accrue(nowMs);
    return this.#leftMs >= 0 ? 0 : -this.#leftMs / this.#share;
  }
}
