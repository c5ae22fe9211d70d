/** How long to wait before the next try. @module */

/** Doubles from `minMs` to `maxMs`, and takes between half and all of it by chance, so that bridges do not come back all at once. */
export class BackOff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs;
    this.#maxMs = Math.max(minMs, maxMs);
    this.#random = random;
    this.#nextMs = minMs;
  }

  /** @returns Milliseconds. */
  next(): number {
    const ms = this.#nextMs * (0.5 + this.#random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#maxMs);
    return ms;
  }

  /** It worked: the next wait is the shortest again. */
  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
