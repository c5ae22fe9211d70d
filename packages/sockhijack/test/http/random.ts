/** Fixed pseudo-random numbers: 10^5 connections are too many for fast-check's. @module */

/** mulberry32. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … 2^32 - 1 */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  }

  /** 0 … below - 1 */
  int(below: number): number {
    return Math.floor((this.u32() / 2 ** 32) * below);
  }

  /** True in `percent` of 100. */
  chance(percent: number): boolean {
    return this.int(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)]!;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.u32().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }
}
