/** Fast random numbers. @module */
import { randomFillSync } from "node:crypto";

/**
 * xoshiro128**: period 2^128 - 1, good for identifiers, shares and jitter, not for secrets. Source: Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2018.
 *
 * @example
 * ```ts
 * const random = Xoshiro128.seeded();
 * random.fill(exchange.spanId);
 * if (random.fraction() < 0.01) sample();
 * ```
 */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed `Uint32Array[4]`, not all zero. */
  constructor(seed: Uint32Array) {
    [this.#a, this.#b, this.#c, this.#d] = [seed[0]! | 0, seed[1]! | 0, seed[2]! | 0, seed[3]! | 0];
    if ((this.#a | this.#b | this.#c | this.#d) === 0) throw new RangeError("a seed of zeros gives only zeros; take another");
  }

  /** One that no other process has, by the system's random numbers. */
  static seeded(): Xoshiro128 {
    return new Xoshiro128(randomFillSync(new Uint32Array(4)));
  }

  /** The next 32 bits, as a signed number. */
  next(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** From 0, less than 1, in steps of 2^-32. */
  fraction(): number {
    return (this.next() >>> 0) / 2 ** 32;
  }

  /** Fills an identifier; never with zeros only, which W3C and B3 forbid. @param id As many bytes as fit into words of four. */
  fill(id: Uint8Array): void {
    let any = 0;
    while (any === 0) {
      for (let at = 0; at < id.length; at += 4) {
        const word = this.next();
        any |= word;
        id[at] = word;
        id[at + 1] = word >>> 8;
        id[at + 2] = word >>> 16;
        id[at + 3] = word >>> 24;
      }
    }
  }
}
