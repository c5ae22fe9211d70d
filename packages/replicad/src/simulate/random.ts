/** Random numbers of a simulation that depend on nothing but a key, so that every selector meets the very same requests. @module */

/** The finaliser `lowbias32` of C. Wellons' hash prospector: every bit of the result depends on every bit of `value`. */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

const golden = 0x9e3779b9;
const toUnit = 1 / 4294967296;

/** What a number is drawn for; each place has numbers of its own. */
export const place = {
  arrival: 1,
  burst: 2,
  client: 3,
  demand: 4,
  select: 5,
  out: 6,
  back: 7,
  speed: 8,
  phase: 9,
  probe: 10,
  sticky: 11,
} as const;

/** Draws of one run: the same seed, number and place give the same numbers, whatever was drawn before. */
export class Draws {
  readonly #seed: number;
  #state = 0;

  constructor(seed: number) {
    this.#seed = mix(seed ^ golden);
  }

  /** Begins at a number (of a request, a server, a period) and a {@link place}. */
  at(number: number, where: number): this {
    this.#state = mix(mix(number ^ this.#seed) ^ Math.imul(where + 1, golden));
    return this;
  }

  /** Above 0, below 1. */
  readonly uniform = (): number => {
    this.#state = (this.#state + golden) | 0;
    return (mix(this.#state) + 0.5) * toUnit;
  };

  /** Of mean 1. */
  exponential(): number {
    return -Math.log(this.uniform());
  }

  /** Of the standard normal distribution. [Box and Muller, 1958] */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}
