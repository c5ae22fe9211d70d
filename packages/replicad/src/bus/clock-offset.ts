/**
 * How far another node's clock is from ours, learnt from messages that both send anyway. A message that was sent at `s` by their clock and came at `r` by ours says that
 * their clock is at least `s − r` ahead, as nothing arrives before it was sent; an echo of our own message says at most how much. The truth lies between the highest of the
 * one and the lowest of the other: each bound comes from its own quickest message, so the filter is that of NTP (RFC 5905 §10, minimum delay), for each direction alone.
 *
 * @module
 */

/** How the bounds age. */
export interface ClockOffsetOptions {
  /** What two clocks may drift apart, parts per million; 200 unless told, twice the ±100 of a plain crystal. */
  readonly driftPpm?: number;
  /** How long a quick message counts, milliseconds; 8000 unless told. */
  readonly windowMs?: number;
}

const slots = 8;

/** The highest of what was seen lately, less what drift may have made of it since. */
class RecentHighest {
  readonly #value = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY);
  readonly #atMs = new Float64Array(slots);
  readonly #number = new Float64Array(slots).fill(-1);
  readonly #slotMs: number;
  readonly #drift: number;

  constructor(windowMs: number, drift: number) {
    this.#slotMs = windowMs / slots;
    this.#drift = drift;
  }

  add(value: number, nowMs: number): void {
    const number = Math.floor(nowMs / this.#slotMs);
    const slot = number % slots;
    if (this.#number[slot] === number && this.#value[slot]! - this.#drift * (nowMs - this.#atMs[slot]!) >= value) return;
    this.#number[slot] = number;
    this.#value[slot] = value;
    this.#atMs[slot] = nowMs;
  }

  at(nowMs: number): number {
    const oldest = Math.floor(nowMs / this.#slotMs) - slots;
    let best = Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < slots; slot++) {
      if (this.#number[slot]! <= oldest) continue;
      const value = this.#value[slot]! - this.#drift * (nowMs - this.#atMs[slot]!);
      if (value > best) best = value;
    }
    return best;
  }

  clear(): void {
    this.#number.fill(-1);
    this.#value.fill(Number.NEGATIVE_INFINITY);
  }
}

/**
 * The estimate for one other node. All times are milliseconds; `now` and `received` by our clock.
 *
 * @example
 * ```ts
 * const clock = new ClockOffset();
 * clock.heard(message.sentAtMs, nowMs);
 * clock.echoed(echo.sentAtMs, message.sentAtMs - echo.heldMs, nowMs);
 * const sentByOurClockMs = message.sentAtMs - clock.offsetMs(nowMs); // ± clock.errorMs(nowMs)
 * ```
 */
export class ClockOffset {
  readonly #least: RecentHighest;
  /** Of the negative: its lowest is what we want. */
  readonly #most: RecentHighest;

  constructor({ driftPpm = 200, windowMs = 8000 }: ClockOffsetOptions = {}) {
    this.#least = new RecentHighest(windowMs, driftPpm / 1e6);
    this.#most = new RecentHighest(windowMs, driftPpm / 1e6);
  }

  /** A message of theirs came. */
  heard(theirSentMs: number, receivedMs: number): void {
    this.#least.add(theirSentMs - receivedMs, receivedMs);
  }

  /** One of ours that we sent at `sentMs` reached them at `theirReceivedMs` by their clock. */
  echoed(sentMs: number, theirReceivedMs: number, nowMs: number): void {
    this.#most.add(sentMs - theirReceivedMs, nowMs);
  }

  /** Their clock less ours is at least this; −∞ before anything came. */
  leastMs(nowMs: number): number {
    return this.#least.at(nowMs);
  }

  /** And at most this; ∞ before an echo came. */
  mostMs(nowMs: number): number {
    return -this.#most.at(nowMs);
  }

  /** Their clock less ours: the middle of the bounds, or the only bound there is; NaN before anything came. */
  offsetMs(nowMs: number): number {
    const least = this.leastMs(nowMs);
    const most = this.mostMs(nowMs);
    if (most === Number.POSITIVE_INFINITY) return least === Number.NEGATIVE_INFINITY ? Number.NaN : least;
    return least === Number.NEGATIVE_INFINITY ? most : (least + most) / 2;
  }

  /** How far the truth may be from {@link offsetMs}; ∞ while one bound is missing. */
  errorMs(nowMs: number): number {
    return Math.abs(this.mostMs(nowMs) - this.leastMs(nowMs)) / 2;
  }

  /** The bounds exclude each other by more than `toleranceMs`: a clock was set, or a machine slept; {@link forget} then. */
  contradicts(nowMs: number, toleranceMs: number): boolean {
    return this.leastMs(nowMs) > this.mostMs(nowMs) + toleranceMs;
  }

  forget(): void {
    this.#least.clear();
    this.#most.clear();
  }
}
