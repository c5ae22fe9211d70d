/** Random numbers that depend on nothing but a key, so that two runs of a simulation that differ in one thing meet the very same requests. @module */
import { golden, mix } from "./random.ts";

const toUnit = 1 / 4294967296;

/**
 * Draws from a key, of 32 bits: the same key and purpose give the same numbers, whatever was drawn before.
 *
 * @example
 * ```ts
 * const draws = new Draws();
 * draws.at(request, 0).uniform() === draws.at(request, 0).uniform(); // true
 * ```
 */
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

  /** Of mean 1. */
  exponential(): number {
    return -Math.log(this.uniform());
  }

  /** Of the standard normal distribution. [Box and Muller, 1958] */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** The key of the `index`-th thing that comes of one with a key. */
export function childKey(key: number, index: number): number {
  return mix(key + Math.imul(index + 1, golden));
}
