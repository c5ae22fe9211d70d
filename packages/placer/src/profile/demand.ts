/** Demand from samples. @module */
import type { Demand } from "../problem/problem.ts";

/**
 * Mean and percentiles of samples, each valid for as long as its weight says. A percentile is the least sample at or below which that share of the weight lies.
 *
 * @param weights Such as the time a sample covers; all alike unless given.
 * @example
 * ```ts
 * demandOf([1, 2, 3, 4]); // { mean: 2.5, p50: 2, p95: 4, p99: 4 }
 * ```
 */
export function demandOf(samples: readonly number[], weights?: readonly number[]): Demand {
  const pairs = samples.map((value, index) => ({ value, weight: weights?.[index] ?? 1 })).toSorted((a, b) => a.value - b.value);
  const total = pairs.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total > 0)) return { mean: 0, p50: 0, p95: 0, p99: 0 };
  const at = (share: number): number => {
    let seen = 0;
    // A tiny slack: sums of weights round, and half of four equal ones must be two of them.
    for (const { value, weight } of pairs) {
      seen += weight;
      if (seen >= share * total * (1 - 1e-12)) return value;
    }
    return pairs.at(-1)!.value;
  };
  return { mean: pairs.reduce((sum, { value, weight }) => sum + value * weight, 0) / total, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
