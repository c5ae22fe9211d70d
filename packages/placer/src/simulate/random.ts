/** Random numbers of a simulation: a stream, and draws that depend on nothing but a key, so that two plans meet the very same requests. @module */

/** The finaliser `lowbias32` of C. Wellons' hash prospector: every bit of the result depends on every bit of `value`. */
export function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

const golden = 0x9e3779b9;
const toUnit = 1 / 4294967296;

/**
 * A stream of 32-bit numbers.
 *
 * Source: xoshiro128**, Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
 */
export class Xoshiro {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = mix(seed);
    this.#b = mix(seed + golden);
    this.#c = mix(seed + 2 * golden);
    this.#d = mix(seed + 3 * golden) | 1; // never all zero
  }

  /** 0 to 2³² − 1. */
  next(): number {
    const times5 = Math.imul(this.#b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Above 0, below 1. */
  uniform(): number {
    return (this.next() + 0.5) * toUnit;
  }
}

/** Draws from a key: the same key gives the same numbers, whatever was drawn before. */
export class Draws {
  #state = 0;

  /** Begins at a key; `purpose` keeps apart what is drawn for different things. */
  at(key: number, purpose: number): this {
    this.#state = mix(key ^ Math.imul(purpose + 1, golden));
    return this;
  }

  /** Above 0, below 1. */
  uniform(): number {
    this.#state = (this.#state + golden) | 0;
    return (mix(this.#state) + 0.5) * toUnit;
  }

  /** Of the standard normal distribution. [Box and Muller, 1958] */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** The key of a call's `index`-th call. */
export function childKey(key: number, index: number): number {
  return mix(key + Math.imul(index + 1, golden));
}
