/** One target, judged: met, or missed with what was measured. @module */
import type { Spread } from "./points.ts";

/** One target and what came out. */
export interface Target {
  readonly name: string;
  /** The bound, as text: `≥ 1.30`. */
  readonly want: string;
  /** The figure, or why there is none. */
  readonly measured: string;
  readonly state: "met" | "missed" | "no data";
}

/** A bound, and with how many digits it and the figure are shown (2 unless given). */
export type Bound = readonly ["≥" | "≤" | "<", number, digits?: number];

/** What was not measured says so and is never taken for met. */
export const noData = (name: string, want: string): Target => ({ name, want, measured: "", state: "no data" });

/**
 * Judges the median of some repetitions.
 *
 * @param failure Why there is no figure, when the program that should give it failed: the target is missed.
 * @example
 * ```ts
 * judge("iperf3 over plain", ["≥", 0.97], spread([0.98, 0.99]), " ×").state; // "met"
 * ```
 */
export function judge(name: string, [sign, limit, digits = 2]: Bound, value: Spread | undefined, unit: string, failure?: string): Target {
  const want = `${sign} ${limit.toFixed(digits)}${unit}`;
  if (failure) return { name, want, measured: failure, state: "missed" };
  if (!value) return noData(name, want);
  // Judged on the figure itself, not on its rounded form.
  const met = sign === "≥" ? value.median >= limit : sign === "≤" ? value.median <= limit : value.median < limit;
  const range = value.min === value.max ? "" : ` (${value.min.toFixed(digits)} to ${value.max.toFixed(digits)})`;
  return { name, want, measured: `${value.median.toFixed(digits)}${unit}${range}`, state: met ? "met" : "missed" };
}
