/** Time that passes only when it is told to: what a run waits for happens at once, and every run is the same. @module */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Events in the order of their times, and of their making where those are equal.
 *
 * @example
 * ```ts
 * const time = new VirtualTime(0);
 * time.after(10, () => console.log("ten"));
 * time.advance(10);
 * ```
 */
export class VirtualTime {
  #nowMs: number;
  #order = 0;
  #events: Event[] = [];

  /** @param startMs Since 1970. */
  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** Milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** @returns Takes it back. */
  after(delayMs: number, run: () => void): () => void {
    const event = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((one) => one !== event);
    };
  }

  /** Runs the next event, if it comes before `untilMs`; time jumps to it. @returns False for none. */
  next(untilMs: number): boolean {
    const first = this.#events.reduce<Event | undefined>(
      (least, one) => (least === undefined || one.atMs < least.atMs || (one.atMs === least.atMs && one.order < least.order) ? one : least),
      undefined,
    );
    if (first === undefined || first.atMs > untilMs) return false;
    this.#events = this.#events.filter((one) => one !== first);
    this.#nowMs = Math.max(this.#nowMs, first.atMs);
    first.run();
    return true;
  }

  /** Lets time pass, with all that happens in it. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.next(untilMs));
    this.#nowMs = untilMs;
  }
}
