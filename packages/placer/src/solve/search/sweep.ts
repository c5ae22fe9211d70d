/** The Pareto front of balance and traffic. @module */
import type { Instance, NodeOf } from "../instance.ts";
import { evaluate } from "../objective.ts";
import type { SolveOptions } from "../strategy.ts";
import { bestPlacement, inPlace } from "./search.ts";
import type { SearchPool } from "./search-pool.ts";

/** The best placement found for one weight. */
export interface SweepPoint {
  readonly weight: number;
  readonly nodeOf: NodeOf;
  readonly onNode: number;
  readonly imbalance: number;
}

/** Close to 0, where traffic decides and balance is nearly free, the front bends most. */
const weights = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1] as const;

/** Searches once for each weight, from the one before, and leaves out what another point beats in both; in order of weight. */
export async function sweep(instance: Instance, pool: SearchPool, options: SolveOptions): Promise<SweepPoint[]> {
  const untilMs = options.startedAtMs + options.deadlineMs;
  const all = [...new Set([...weights, options.weight])].sort((one, other) => one - other);
  const points: SweepPoint[] = [];
  for (const [at, weight] of all.entries()) {
    const leftMs = Math.max(1, untilMs - Date.now());
    options.progress(`sweep: weight ${weight}, ${at + 1} of ${all.length}`);
    const { nodeOf } = await bestPlacement(
      instance,
      pool,
      { ...options, weight, progress: () => {} },
      { share: 1 / all.length, untilMs: Date.now() + leftMs / (all.length - at) },
    );
    const placed = inPlace(instance, nodeOf);
    points.push({ weight, nodeOf: placed, ...shares(instance, placed, weight) });
  }
  return points.filter((one) => !points.some((other) => beats(other, one)));
}

function shares(instance: Instance, nodeOf: NodeOf, weight: number): { readonly onNode: number; readonly imbalance: number } {
  const { onNode, imbalance } = evaluate(instance, nodeOf, weight);
  return { onNode, imbalance };
}

function beats(one: SweepPoint, other: SweepPoint): boolean {
  const atLeast = one.onNode >= other.onNode && one.imbalance <= other.imbalance;
  if (!atLeast) return false;
  return one.onNode > other.onNode || one.imbalance < other.imbalance || one.weight < other.weight;
}
