/** How often something may be asked so that asking costs no more than its share of a core. @module */

/** Bounds of the pace. */
export interface PollPaceOptions {
  /** Most of a core; 0.005 unless told. */
  readonly share?: number;
  /** Never more often; 10 unless told. */
  readonly leastMs?: number;
  /** Never more seldom, whatever it costs; 500 unless told. */
  readonly mostMs?: number;
}

/** Smoothes what a poll costs and tells how long to wait until the next. */
export class PollPace {
  /** Smoothed CPU time of one poll; 0 before the first. */
  costMs = 0;
  readonly #options: Required<PollPaceOptions>;

  constructor(options: PollPaceOptions = {}) {
    this.#options = { share: 0.005, leastMs: 10, mostMs: 500, ...options };
  }

  /** A poll took so much CPU time. @returns Milliseconds until the next. */
  next(costMs: number): number {
    this.costMs = this.costMs === 0 ? costMs : this.costMs * 0.8 + costMs * 0.2;
    const { share, leastMs, mostMs } = this.#options;
    return Math.min(mostMs, Math.max(leastMs, this.costMs / share));
  }
}
