/** Time that a span spends by itself. @module */

/** From and to, microseconds. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/**
 * Length of an interval without what others cover; where those overlap, that counts once.
 *
 * @example
 * ```ts
 * selfTimeUs({ from: 0, to: 10 }, [{ from: 1, to: 4 }, { from: 3, to: 6 }]); // 5
 * ```
 */
export function selfTimeUs({ from, to }: Interval, covered: readonly Interval[]): number {
  let self = 0;
  let at = from;
  for (const inner of covered.toSorted((a, b) => a.from - b.from)) {
    if (inner.from >= to) break;
    if (inner.from > at) self += inner.from - at;
    at = Math.max(at, inner.to);
  }
  return self + Math.max(0, to - at);
}
