/**
 * Until when what a node said counts as true. A node sends as soon as something changes, so while it is heard its silence says that nothing did; only what
 * may still be on its way, or not yet found by its ticker, is not covered. A node that is silent for longer than it said, or a broker that is gone, says nothing.
 *
 * @module
 */
import { tickDelayMs } from "./tick-delay.ts";

/** Silence counts for so many of the intervals that were announced: the rest is for late timers. */
const patience = 1.5;
/** Longest interval that is believed, milliseconds. */
const longestMs = 10_000;
/** A new state is later than the one before by at least this, so that who compares times takes it; above the resolution of a double at 1.8e12. */
const stepMs = 1e-3;
/** Of the mean and the deviation of the time on the way. [RFC 6298 §2: 1/8, 1/4, 4 deviations] */
const meanPart = 1 / 8;
const deviationPart = 1 / 4;
const deviations = 4;

/**
 * Of one other node; all times by our clock, milliseconds.
 *
 * @example
 * ```ts
 * const freshness = new Freshness();
 * freshness.heard(sentAtMs, nowMs, 100);
 * freshness.trueAtMs(nowMs + 50); // 50 ms later, less the way and the ticker
 * ```
 */
export class Freshness {
  #meanMs = Number.NaN;
  #deviationMs = 0;
  #marginMs = 0;
  /** Silence until then says that nothing changed. */
  #untilMs: number = Number.NEGATIVE_INFINITY;
  #sentAtMs: number = Number.NEGATIVE_INFINITY;
  #trueAtMs: number = Number.NEGATIVE_INFINITY;

  /** How long a message is on its way, mean and deviations; 0 before the first. */
  get transitMs(): number {
    return Number.isNaN(this.#meanMs) ? 0 : this.#meanMs + deviations * this.#deviationMs;
  }

  /**
   * A message came that was sent at `sentAtMs`.
   *
   * @param intervalMs What it announced; 0 when it did not.
   * @param fastMs Between two of the sender's messages while something changes.
   */
  heard(sentAtMs: number, nowMs: number, intervalMs: number, fastMs = 1): void {
    const transitMs = Math.max(0, nowMs - sentAtMs);
    if (Number.isNaN(this.#meanMs)) {
      this.#meanMs = transitMs;
      this.#deviationMs = transitMs / 8;
    } else {
      this.#deviationMs += deviationPart * (Math.abs(transitMs - this.#meanMs) - this.#deviationMs);
      this.#meanMs += meanPart * (transitMs - this.#meanMs);
    }
    const announcedMs = Math.min(intervalMs, longestMs);
    this.#marginMs = tickDelayMs(announcedMs, fastMs);
    this.#untilMs = announcedMs === 0 ? Number.NEGATIVE_INFINITY : nowMs + patience * announcedMs;
    this.#told(sentAtMs, nowMs);
  }

  /** A retained message came, which lay at the broker for who knows how long. */
  retained(sentAtMs: number, nowMs: number): void {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#told(sentAtMs, nowMs);
  }

  /** Nothing can be heard any more: from here on silence says nothing, until the next message. */
  cut(nowMs: number): void {
    this.#untilMs = Math.min(this.#untilMs, nowMs);
  }

  /** When what was last said was still true; never later than now less the way, and it never goes back. */
  trueAtMs(nowMs: number): number {
    const silent = Math.min(nowMs, this.#untilMs) - this.transitMs - this.#marginMs;
    const told = Math.min(nowMs, Math.max(this.#sentAtMs, silent));
    if (told > this.#trueAtMs) this.#trueAtMs = told;
    return this.#trueAtMs;
  }

  #told(sentAtMs: number, nowMs: number): void {
    // A message that took longer than those before may be older than what silence said; it is newer all the same.
    this.#trueAtMs = Math.min(nowMs, Math.max(sentAtMs, this.#trueAtMs + stepMs));
    this.#sentAtMs = sentAtMs;
  }
}
