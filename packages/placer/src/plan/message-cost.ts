/** What messages cost, as people read it. @module */
import type { Problem } from "../problem/problem.ts";
import { percent, significant } from "./quantity.ts";

/** How figures of one text or column are told: all in the unit that the largest reads well in. */
export interface CostScale {
  /** `cores`, `mcores` (thousandths), `µcores`; `%` of `remote` where traffic has no unit. */
  readonly unit: "cores" | "mcores" | "µcores" | "%";
  /** A figure in that unit, without it. */
  readonly value: (cores: number) => string;
  /** The same with its unit. */
  readonly text: (cores: number) => string;
}

/** Whether traffic is in messages and bytes a second: where resources are shares of the cluster, it is in shares of something too. */
export function hasUnit({ resources }: Pick<Problem, "resources">): boolean {
  return resources.every(({ unit }) => unit !== "share");
}

/**
 * How to tell costs of up to `largest` cores. Where traffic has no unit, its cores mean nothing: they are told as shares of `remote`, the
 * cost if all messages crossed nodes.
 *
 * @example
 * ```ts
 * costScale(problem, { largest: 0.0615, remote: 0.0615 }).text(0.02567); // "25.7 mcores"
 * ```
 */
export function costScale(problem: Pick<Problem, "resources">, { largest, remote }: { largest: number; remote: number }): CostScale {
  if (!hasUnit(problem)) {
    const share = (cores: number): number => (remote === 0 ? 0 : cores / remote);
    return {
      unit: "%",
      value: (cores) => significant(share(cores) * 100, 3),
      text: (cores) => percent(share(cores)),
    };
  }
  const most = Math.abs(largest);
  const [unit, times] =
    most >= 1 || most === 0 ? (["cores", 1] as const) : most >= 1e-3 ? (["mcores", 1e3] as const) : (["µcores", 1e6] as const);
  // A cost far below the column's unit is as good as none.
  const value = (cores: number): string => (Math.abs(cores * times) < 5e-4 ? "0" : significant(cores * times, 3));
  return { unit, value, text: (cores) => `${value(cores)} ${unit}` };
}
