/**
 * Random numbers of generated problems, and of ties between equal nodes in the baselines. Not the generator of searches (`random.ts`), on purpose: a seed
 * names a problem, and figures were measured on it, so this sequence never changes. @module
 */

/** A stream of random numbers. */
export interface Random {
  /** Uniform, 0 to below 1. */
  readonly next: () => number;
  /** A whole number, 0 to below `count`. */
  readonly below: (count: number) => number;
  /** Pareto: at least `least`, the heavier the tail the smaller `alpha`. */
  readonly pareto: (alpha: number, least: number) => number;
  /** exp(N(0, sigma)), median 1. */
  readonly logNormal: (sigma: number) => number;
  /** One of them. */
  readonly pick: <T>(from: readonly T[]) => T;
  /** A new list in random order (Fisher and Yates). */
  readonly shuffle: <T>(list: readonly T[]) => T[];
}

/**
 * A stream for a seed: 32 bits of state, a Weyl sequence through two rounds of multiply and xor-shift.
 * Good enough to draw problems and break ties; not for secrets.
 *
 * @param seed - 32 bits; neighbouring seeds give unrelated streams
 * @example
 * ```ts
 * const random = createRandom(1);
 * random.below(6); // the same roll in every run
 * ```
 */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    pareto: (alpha, least) => least / (1 - next()) ** (1 / alpha),
    logNormal: (sigma) => Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())),
    pick: (from) => from[below(from.length)]!,
    shuffle(list) {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
  };
}
