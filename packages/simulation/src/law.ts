/** How long something takes, as a distribution: its mean, and numbers drawn from it. @module */
import type { Draws } from "./draws.ts";

/** A distribution of durations; all are in one unit, the caller's, and so is what is drawn. */
export type Law =
  | { readonly kind: "deterministic" | "exponential"; readonly mean: number }
  /** `cv` is the coefficient of variation: standard deviation over mean. */
  | { readonly kind: "lognormal" | "gamma"; readonly mean: number; readonly cv: number }
  /** Bounded Pareto. [Crovella, Harchol-Balter and Murta, 1998] */
  | { readonly kind: "pareto"; readonly shape: number; readonly least: number; readonly most: number }
  /** Each is as likely. */
  | { readonly kind: "samples"; readonly values: readonly number[] }
  /** Probability and duration, both ascending, linear between; what is below the first and above the last takes their duration. */
  | { readonly kind: "quantiles"; readonly points: readonly (readonly [probability: number, duration: number])[] };

/**
 * Mean, in the unit of the law.
 *
 * @example
 * ```ts
 * meanOf({ kind: "quantiles", points: [[0, 0], [1, 10]] }); // 5
 * ```
 */
export function meanOf(law: Law): number {
  switch (law.kind) {
    case "samples":
      return law.values.reduce((sum, value) => sum + value, 0) / law.values.length;
    case "pareto": {
      const { shape, least, most } = law;
      const within = 1 - (least / most) ** shape;
      if (shape === 1) return (least * Math.log(most / least)) / within;
      return ((least / within) * shape * (1 - (least / most) ** (shape - 1))) / (shape - 1);
    }
    case "quantiles": {
      const first = law.points[0]!;
      const last = law.points.at(-1)!;
      let sum = first[0] * first[1] + (1 - last[0]) * last[1];
      for (let i = 1; i < law.points.length; i++) {
        const [from, low] = law.points[i - 1]!;
        const [to, high] = law.points[i]!;
        sum += ((to - from) * (low + high)) / 2;
      }
      return sum;
    }
    default:
      return law.mean;
  }
}

/**
 * Makes what draws durations, in the unit of the law.
 *
 * @example
 * ```ts
 * const draw = samplerOf({ kind: "exponential", mean: 10 });
 * draw(new Draws().at(key, 0));
 * ```
 */
export function samplerOf(law: Law): (draws: Draws) => number {
  switch (law.kind) {
    case "deterministic":
      return () => law.mean;
    case "exponential":
      return (draws) => law.mean * draws.exponential();
    case "lognormal": {
      const variance = Math.log(1 + law.cv * law.cv);
      const [shift, scale] = [Math.log(law.mean) - variance / 2, Math.sqrt(variance)];
      return (draws) => Math.exp(shift + scale * draws.normal());
    }
    case "gamma": {
      const shape = 1 / (law.cv * law.cv);
      return (draws) => (standardGamma(shape, draws) * law.mean) / shape;
    }
    case "pareto": {
      const within = 1 - (law.least / law.most) ** law.shape;
      return (draws) => law.least / (1 - draws.uniform() * within) ** (1 / law.shape);
    }
    case "samples":
      return (draws) => law.values[Math.floor(draws.uniform() * law.values.length)]!;
    case "quantiles":
      return (draws) => quantile(law.points, draws.uniform());
  }
}

/** Gamma of scale 1. [Marsaglia and Tsang, "A simple method for generating gamma variables", 2000] */
function standardGamma(shape: number, draws: Draws): number {
  // Below shape 1 the method wants one more and a power of a uniform number.
  if (shape < 1) return standardGamma(shape + 1, draws) * draws.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = draws.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(draws.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function quantile(points: readonly (readonly [number, number])[], at: number): number {
  if (at <= points[0]![0]) return points[0]![1];
  let high = 1;
  while (high < points.length && points[high]![0] < at) high++;
  if (high === points.length) return points.at(-1)![1];
  const [from, low] = points[high - 1]!;
  const [to, top] = points[high]!;
  return to === from ? top : low + ((at - from) / (to - from)) * (top - low);
}
