/** Which traces are exported when there are more spans than a receiver is to be sent: whole traces, the same on every node. @module */
import { type Exchange, traceFraction } from "./exchange.ts";

/** Between two looks at how many spans come. */
const everyMs = 250;

/**
 * Lets about so many spans a second through. A trace is let through or not as a whole: its id decides, by its place between 0 and 1.
 * So nodes that are about as busy let the same traces through.
 */
export class ExportPace {
  readonly #spansPerSecond: number;
  readonly #now: () => number;
  #share = 1;
  #came = 0;
  #sinceMs: number;

  /** @param now Milliseconds, monotonic. */
  constructor(spansPerSecond: number, now: () => number = () => performance.now()) {
    this.#spansPerSecond = spansPerSecond;
    this.#now = now;
    this.#sinceMs = now();
  }

  /** The share of all traces that is let through now. */
  get share(): number {
    return this.#share;
  }

  /** Is this one let through? @param spans How many spans it makes. */
  lets(exchange: Exchange, spans: number): boolean {
    this.#came += spans;
    // The clock is asked now and then: at full speed it would cost more than all else here.
    if ((this.#came & 63) < spans || this.#share === 1) this.#measure();
    return this.#share === 1 || traceFraction(exchange) < this.#share;
  }

  #measure(): void {
    const now = this.#now();
    const tookMs = now - this.#sinceMs;
    const most = (this.#spansPerSecond * everyMs) / 1000;
    if (tookMs < everyMs && this.#came < most) return;
    if (tookMs >= everyMs) {
      this.#share = Math.min(1, (this.#spansPerSecond * tookMs) / 1000 / this.#came);
      this.#came = 0;
      this.#sinceMs = now;
    } else {
      // The allowance of this while is used up before its end: the rest of it gets little.
      this.#share = Math.min(this.#share, most / (2 * this.#came));
    }
  }
}
