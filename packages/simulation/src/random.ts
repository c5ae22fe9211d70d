/** Random numbers that a seed repeats. @module */

/**
 * Mixes 32 bits: every bit of the result depends on every bit of `value`. Not negative.
 *
 * Source: C. Wellons, "Prospecting for Hash Functions", 2018, with the constants found since for its `lowbias32`.
 */
export function mix(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** 2³² divided by the golden ratio, odd: steps of it reach all 32-bit numbers, evenly. */
export const golden = 0x9e3779b9;

/**
 * xoshiro128++: 32 bits a step, period 2¹²⁸ − 1, seeded through splitmix32; not for secrets. A class with whole numbers only, as searches draw many
 * millions a second. [Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021]
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

  /** Equal seeds give equal sequences, neighbouring ones unrelated ones; 32 bits count. */
  constructor(seed: number) {
    this.#a = mix(seed + golden) | 0;
    this.#b = mix(seed + 2 * golden) | 0;
    this.#c = mix(seed + 3 * golden) | 0;
    this.#d = mix(seed + 4 * golden) | 1; // never all zero
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
