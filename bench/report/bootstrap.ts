/** Confidence intervals by resampling, the same for the same figures. @module */

/** A figure and the interval that it is in. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 2000;

/** Numbers in [0, 1) by a fixed seed (Marsaglia's xorshift32), so that a report made twice says the same. */
function numbers(): () => number {
  let state = 0x9e37_79b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Draws from some values with replacement, as many as there are; for the figure itself it hands them back as they are. */
export type Pick = <T>(from: readonly T[]) => readonly T[];

/**
 * The percentile bootstrap (Efron, 1979): the figure, and the interval that holds 95 % of those that come of drawing anew.
 *
 * @param figure Of what `pick` hands it; groups within groups are picked from one after the other.
 * @example
 * ```ts
 * bootstrap((pick) => spread(pick([1, 2, 3])).median); // { value: 2, low: 1, high: 3 }
 * ```
 */
export function bootstrap(figure: (pick: Pick) => number): Interval {
  const random = numbers();
  const pick: Pick = (from) => from.map(() => from[Math.floor(random() * from.length)]!);
  const drawn = Array.from({ length: resamples }, () => figure(pick)).sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.round(share * (resamples - 1))]!;
  return { value: figure((from) => from), low: at(0.025), high: at(0.975) };
}
