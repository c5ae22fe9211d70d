/** Random numbers of a simulation that depend on nothing but a key, so that two plans meet the very same requests. @module */
import { golden, mix } from "../random.ts";

const toUnit = 1 / 4294967296;

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
