/** Random numbers that a seed repeats. @module */

/**
 * xoshiro128++: 32 bits a step, period 2¹²⁸ − 1, seeded through splitmix32. [Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021]
 *
 * @example
 * ```ts
 * new Random(1).below(6); // 0 to 5, the same each time
 * ```
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Equal seeds give equal sequences; 32 bits count. */
  constructor(seed: number) {
    let z = seed | 0;
    const next = (): number => {
      z = (z + 0x9e3779b9) | 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** The next 32 bits, not negative. */
  bits(): number {
    const sum = (this.#a + this.#d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + this.#a) | 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** A whole number from 0 to below `end`, which is 2³² at most. */
  below(end: number): number {
    return Math.floor((this.bits() * end) / 4294967296);
  }

  /** Above 0, and 1 at most. */
  fraction(): number {
    return (this.bits() + 1) / 4294967296;
  }
}
