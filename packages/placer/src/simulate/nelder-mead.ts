/** Finds where a function of a few numbers is least, without derivatives. @module */

/** Where it was least, and how little that is. */
export interface Least {
  readonly at: readonly number[];
  readonly value: number;
}

/**
 * Searches with a simplex of n + 1 points, from `start` and a step along each axis. Nothing in it is random.
 *
 * @param calls The most calls of `f`.
 * @example
 * ```ts
 * nelderMead(([x = 0, y = 0]) => (x - 1) ** 2 + y ** 2, [0, 0], [0.5, 0.5], 200).at; // about [1, 0]
 * ```
 * Source: Nelder and Mead, "A simplex method for function minimization", 1965.
 */
export function nelderMead(f: (at: readonly number[]) => number, start: readonly number[], steps: readonly number[], calls: number): Least {
  let left = calls;
  const point = (at: readonly number[]): Least => {
    left--;
    return { at, value: f(at) };
  };
  let points = [point(start), ...steps.map((step, i) => point(start.map((x, j) => (i === j ? x + step : x))))];
  while (left > 0) {
    points.sort((a, b) => a.value - b.value);
    const best = points[0]!;
    const worst = points.at(-1)!;
    const second = points.at(-2)!;
    if (worst.value - best.value <= 1e-9 * (Math.abs(best.value) + 1e-12)) break;
    const others = points.slice(0, -1);
    const centre = start.map((_, j) => others.reduce((sum, { at }) => sum + at[j]!, 0) / others.length);
    const along = (factor: number): Least => point(centre.map((c, j) => c + factor * (worst.at[j]! - c)));
    const reflected = along(-1);
    let next = reflected;
    if (reflected.value < best.value) {
      const further = along(-2);
      if (further.value < reflected.value) next = further;
    } else if (reflected.value >= second.value) {
      next = along(reflected.value < worst.value ? -0.5 : 0.5);
      if (next.value >= Math.min(reflected.value, worst.value)) {
        points = [best, ...points.slice(1).map(({ at }) => point(at.map((x, j) => (x + best.at[j]!) / 2)))];
        continue;
      }
    }
    points[points.length - 1] = next;
  }
  return points.reduce((least, one) => (one.value < least.value ? one : least));
}
