/** How many connections this node opens, from a count that only grows. @module */

/** Time constant of the mean. */
const overMs = 1000;

/**
 * An exponential mean of a count's growth.
 *
 * @example
 * ```ts
 * const rate = new ConnectRate();
 * rate.at(100, 0); // 0: nothing to compare with
 * rate.at(150, 10); // towards 5 a millisecond
 * ```
 */
export class ConnectRate {
  #total = Number.NaN;
  #atMs = 0;
  #perMs = 0;

  /** Takes a count at a time. A count that fell, as a replica was replaced, is only compared with. @returns connections a millisecond. */
  at(total: number, nowMs: number): number {
    const passedMs = nowMs - this.#atMs;
    if (total >= this.#total && passedMs > 0) {
      const kept = Math.exp(-passedMs / overMs);
      this.#perMs = this.#perMs * kept + ((total - this.#total) / passedMs) * (1 - kept);
    }
    if (passedMs > 0 || Number.isNaN(this.#total)) {
      this.#total = total;
      this.#atMs = nowMs;
    }
    return this.#perMs;
  }
}
