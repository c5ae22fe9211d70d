/** Which traces are exported when there are more spans than a receiver is to be sent: whole traces, the same on every node. @module */
import { type Exchange, endMs, traceFraction } from "./exchange.ts";

/** Between two looks at how many spans come. */
const everyMs = 250;

/**
 * Lets about so many spans a second through. A trace is let through or not as a whole: its id decides, by its place between 0 and 1.
 * So nodes that are about as busy let the same traces through. What time it is, the exchanges' ends say: no clock is asked at each.
 *
 * @example
 * ```ts
 * const pace = new ExportPace(5000);
 * if (pace.lets(exchange, 1)) send(exchange);
 * ```
 */
export class ExportPace {
  readonly #spansPerSecond: number;
  #share = 1;
  #came = 0;
  /** When this while began; undefined before the first exchange. */
  #sinceMs: number | undefined;

  constructor(spansPerSecond: number) {
    this.#spansPerSecond = spansPerSecond;
  }

  /** The share of all traces that is let through now. */
  get share(): number {
    return this.#share;
  }

  /** Is this one let through? @param spans How many spans it makes. */
  lets(exchange: Exchange, spans: number): boolean {
    this.#came += spans;
    this.#measure(endMs(exchange));
    return this.#share === 1 || traceFraction(exchange) < this.#share;
  }

  #measure(nowMs: number): void {
    this.#sinceMs ??= nowMs;
    // A clock that was set back begins another while as well.
    const tookMs = Math.abs(nowMs - this.#sinceMs);
    const most = (this.#spansPerSecond * everyMs) / 1000;
    if (tookMs >= everyMs) {
      this.#share = Math.min(1, (this.#spansPerSecond * tookMs) / 1000 / this.#came);
      this.#came = 0;
      this.#sinceMs = nowMs;
    } else if (this.#came >= most) {
      // The allowance of this while is used up before its end: the rest of it gets little.
      this.#share = Math.min(this.#share, most / (2 * this.#came));
    }
  }
}
