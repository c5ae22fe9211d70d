/** When a better plan is worth a word: a state machine that never flaps. Pure; the clock is passed in. @module */

/** When to speak. */
export interface HysteresisOptions {
  /** Gain of the objective from which a plan is worth proposing; above 0. */
  readonly threshold: number;
  /** Milliseconds for which whatever changes the state must have held without a break. */
  readonly holdMs: number;
  /** Milliseconds between two looks after which nothing is known of the time between them: what had held begins anew. */
  readonly gapMs: number;
}

/** What one look finds; a gain is by how much the objective would fall under the present estimate. */
export interface Look {
  /** Of the best plan known; null when there is none. */
  readonly plan: number | null;
  /** Of the proposal that stands; null when none does. */
  readonly proposal: number | null;
}

/** What to do after a look. */
export type Verdict = "nothing" | "propose" | "replace" | "withdraw";

/** Since when a condition has held without a break; null when it does not. */
type Since = number | null;

/**
 * Speaks only of what has held at every look for `holdMs`: a plan is proposed when it gains the threshold or more; the proposal is replaced
 * when the best plan is better than it by half the threshold; it is withdrawn when it gains less than half the threshold. Each change begins
 * all over, so two changes are never nearer than `holdMs`, whatever the gains do; and noise smaller than a quarter of the threshold around
 * any mean makes one change at most.
 *
 * @example
 * ```ts
 * const hysteresis = new Hysteresis({ threshold: 0.05, holdMs: 60_000, gapMs: 30_000 });
 * if (hysteresis.look(nowMs, { plan: 0.08, proposal: null }) === "propose") propose();
 * ```
 */
export class Hysteresis {
  readonly #options: HysteresisOptions;
  #lookedMs: Since = null;
  #worth: Since = null;
  #better: Since = null;
  #worthless: Since = null;

  constructor(options: HysteresisOptions) {
    this.#options = options;
  }

  /** Since when the best plan has been worth proposing, on the clock that was passed in; null when it is not. */
  get worthSinceMs(): number | null {
    return this.#worth;
  }

  /** Forgets what has held so far: the problem has changed. */
  restart(): void {
    this.#worth = this.#better = this.#worthless = null;
  }

  /** Takes a look. @param nowMs A clock that never goes back. */
  look(nowMs: number, { plan, proposal }: Look): Verdict {
    const { threshold, gapMs } = this.#options;
    if (this.#lookedMs !== null && nowMs - this.#lookedMs > gapMs) this.restart();
    this.#lookedMs = nowMs;
    const stands = proposal !== null;
    this.#worth = since(this.#worth, nowMs, !stands && plan !== null && plan >= threshold);
    this.#better = since(this.#better, nowMs, stands && plan !== null && plan >= threshold && plan - proposal >= threshold / 2);
    this.#worthless = since(this.#worthless, nowMs, stands && proposal < threshold / 2);
    const verdict = this.#verdict(nowMs);
    if (verdict !== "nothing") this.restart();
    return verdict;
  }

  #verdict(nowMs: number): Verdict {
    const held = (from: Since): boolean => from !== null && nowMs - from >= this.#options.holdMs;
    if (held(this.#worth)) return "propose";
    if (held(this.#better)) return "replace";
    if (held(this.#worthless)) return "withdraw";
    return "nothing";
  }
}

function since(before: Since, nowMs: number, holds: boolean): Since {
  return holds ? (before ?? nowMs) : null;
}
