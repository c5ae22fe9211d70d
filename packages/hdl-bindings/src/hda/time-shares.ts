/** How a process of the search spends its time. @module */

/**
 * Busy is expanding and taking states in. Stalled is with something to do but not doing it: a message waits for its acknowledgement, or the sockets are being written and
 * looked at. Idle is nothing to do but to wait for messages. What the machine gives to other processes counts for what it interrupts.
 */
export type Way = "busy" | "stalled" | "idle";

/**
 * A clock for each way.
 *
 * @example
 * ```ts
 * const shares = new TimeShares(() => performance.now());
 * shares.become("busy");
 * shares.become("idle");
 * shares.milliseconds.busy;
 * ```
 */
export class TimeShares {
  /** Up to the last change. */
  readonly milliseconds: Record<Way, number> = { busy: 0, stalled: 0, idle: 0 };
  readonly #now: () => number;
  #way: Way = "idle";
  #since: number;

  /** @param now Milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  become(way: Way): void {
    const now = this.#now();
    this.milliseconds[this.#way] += now - this.#since;
    this.#since = now;
    this.#way = way;
  }
}
