/** How long to leave a peer alone after a failure: exponential with equal jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter). @module */

/** Grows with each failure in a row. */
export class BackOff {
  #failures = 0;
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;

  /** @param random - From 0 to below 1. */
  constructor(firstMs: number, maxMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Counts a failure. @returns Milliseconds to wait. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#firstMs * 2 ** this.#failures);
    // 2^20 × any first wait is past any ceiling; the exponent need not grow for ever.
    this.#failures = Math.min(this.#failures + 1, 20);
    // At least half of it, so that an unlucky zero is no busy loop.
    return ceiling * (0.5 + this.#random() / 2);
  }

  /** It worked. */
  reset(): void {
    this.#failures = 0;
  }
}
