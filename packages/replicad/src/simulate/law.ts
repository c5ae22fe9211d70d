/** How long something takes, as a distribution: its mean, and numbers drawn from it. @module */
import type { Draws } from "./random.ts";

/** A distribution of durations; all figures are milliseconds. */
export type Law =
  | { readonly kind: "deterministic" | "exponential"; readonly meanMs: number }
  /** `cv` is the coefficient of variation: standard deviation over mean. */
  | { readonly kind: "log-normal" | "gamma"; readonly meanMs: number; readonly cv: number }
  /** Bounded Pareto. [Crovella, Harchol-Balter and Murta, 1998] */
  | { readonly kind: "pareto"; readonly shape: number; readonly leastMs: number; readonly mostMs: number }
  /** Each is as likely. */
  | { readonly kind: "samples"; readonly valuesMs: readonly number[] }
  /** Probability and duration, both ascending, linear between; what is below the first and above the last takes their duration. */
  | { readonly kind: "quantiles"; readonly points: readonly (readonly [probability: number, ms: number])[] };

/**
 * Mean, in milliseconds.
 *
 * @example
 * ```ts
 * meanOf({ kind: "quantiles", points: [[0, 0], [1, 10]] }); // 5
 * ```
 */
export function meanOf(law: Law): number {
  switch (law.kind) {
    case "samples":
      return law.valuesMs.reduce((sum, value) => sum + value, 0) / law.valuesMs.length;
    case "pareto": {
      const { shape, leastMs, mostMs } = law;
      const within = 1 - (leastMs / mostMs) ** shape;
      if (shape === 1) return (leastMs * Math.log(mostMs / leastMs)) / within;
      return ((leastMs / within) * shape * (1 - (leastMs / mostMs) ** (shape - 1))) / (shape - 1);
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
      return law.meanMs;
  }
}

/** Makes what draws durations, in milliseconds. */
export function samplerOf(law: Law): (draws: Draws) => number {
  switch (law.kind) {
    case "deterministic":
      return () => law.meanMs;
    case "exponential":
      return (draws) => law.meanMs * draws.exponential();
    case "log-normal": {
      const variance = Math.log(1 + law.cv * law.cv);
      const [shift, scale] = [Math.log(law.meanMs) - variance / 2, Math.sqrt(variance)];
      return (draws) => Math.exp(shift + scale * draws.normal());
    }
    case "gamma": {
      const shape = 1 / (law.cv * law.cv);
      return (draws) => (standardGamma(shape, draws) * law.meanMs) / shape;
    }
    case "pareto": {
      const within = 1 - (law.leastMs / law.mostMs) ** law.shape;
      return (draws) => law.leastMs / (1 - draws.uniform() * within) ** (1 / law.shape);
    }
    case "samples":
      return (draws) => law.valuesMs[Math.floor(draws.uniform() * law.valuesMs.length)]!;
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
