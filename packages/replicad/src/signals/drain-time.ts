/** How long a replica takes to finish one more request, from two counters that anybody who sends it requests has. @module */

/**
 * The say of the newest request beside all before it. Of exponential times whose mean goes between 10 and 30 ms about every second, the estimate is then off by 0.35 (root of
 * the mean squared logarithm; 0.36 at 0.07 and 0.14, 0.38 at 0.05 and 0.2, 0.43 at 0.3; 0.38 at 0.1 where requests count only once they ended). Tests for a change
 * of speed, which jump when they see one, did no better: requests are too few.
 */
const part = 0.1;

/**
 * The drain time: time with something in flight over requests ended, smoothed. For a replica that works on one request at a time it is the service time, for one that
 * works on many the inverse of its throughput, so that (in flight + 1) × drain time is what one more request will take.
 *
 * Each request ended has the same say, however long it took or how often somebody looks; a request that is under way for long counts before it ends, so
 * a replica that hangs looks slow.
 *
 * @example
 * ```ts
 * const drain = new DrainTime();
 * drain.take(0, 0, 0);
 * drain.take(10, 2, 12); // busy for 10 ms, 2 requests ended
 * drain.ms; // 5
 * ```
 */
export class DrainTime {
  #busyMs = 0;
  #ended = 0;
  #nowMs = Number.NaN;
  /** Busy since the last request ended. */
  #pendingMs = 0;
  #meanMs = 0;
  #requests = 0;

  /**
   * Takes the counters' present values. The first are where counting begins; values that went back are of counters that began anew at 0.
   *
   * @param busyMs Time with something in flight so far. Of several senders it may be their sum: more than has passed since the last look is cut to that.
   * @param ended Requests that came to their end so far.
   */
  take(busyMs: number, ended: number, nowMs: number): void {
    const passedMs = nowMs - this.#nowMs;
    const anew = busyMs < this.#busyMs || ended < this.#ended;
    const busy = anew ? busyMs : busyMs - this.#busyMs;
    const requests = anew ? ended : ended - this.#ended;
    this.#busyMs = busyMs;
    this.#ended = ended;
    this.#nowMs = nowMs;
    if (Number.isNaN(passedMs)) return;
    this.#pendingMs += Math.min(busy, Math.max(0, passedMs));
    if (requests === 0) return;
    // The first ones count alike: there is nothing before them to be smoothed with.
    this.#requests += requests;
    const say = Math.max(1 - (1 - part) ** requests, requests / this.#requests);
    this.#meanMs += say * (this.#pendingMs / requests - this.#meanMs);
    this.#pendingMs = 0;
  }

  /** Milliseconds for each request; 0 when it is not known. */
  get ms(): number {
    if (this.#requests === 0) return 0;
    return this.#pendingMs > this.#meanMs ? this.#meanMs + part * (this.#pendingMs - this.#meanMs) : this.#meanMs;
  }

  /** The replica began anew: nothing is known of it, and the next values are where counting begins. */
  forget(): void {
    this.#nowMs = Number.NaN;
    this.#busyMs = this.#ended = this.#pendingMs = this.#meanMs = this.#requests = 0;
  }
}
