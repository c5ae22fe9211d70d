/** What each part of a budget would gain. @module */
import type { Instance, NodeOf } from "../instance.ts";
import { evaluate } from "../objective.ts";
import type { Budget, SolveOptions } from "../strategy.ts";
import { bestPlacement, inPlace } from "./search.ts";
import type { SearchPool } from "./search-pool.ts";

/** A placement with at most so many moves. */
export interface CurvePoint {
  readonly moves: number;
  readonly bytes: number;
  readonly nodeOf: NodeOf;
}

const parts = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4] as const;

/**
 * Searches with parts of the budget: points in order of moves, from where replicas run now (left out when not all run) to `whole`, each at least as good as those
 * before. `share` is each point's share of a search's steps. A point for which nothing was found that keeps the rules is left out.
 */
export async function gainCurve(
  instance: Instance,
  pool: SearchPool,
  options: SolveOptions,
  { whole, share, untilMs }: { whole: NodeOf; share: number; untilMs: number },
): Promise<CurvePoint[]> {
  const budget = options.budget!;
  const points: CurvePoint[] = [];
  if (instance.present.every((node) => node >= 0)) points.push(pointOf(instance, instance.present));
  let last: NodeOf | null = null;
  for (const [at, part] of parts.entries()) {
    const leftMs = untilMs - Date.now();
    if (leftMs <= 0) break;
    const found: NodeOf | null = await bestPlacement(
      instance,
      pool,
      { ...options, budget: partOf(budget, part), seed: options.seed + 77 * (at + 1) },
      { share, start: last, untilMs: Date.now() + leftMs / (parts.length - at) },
    ).then(
      ({ nodeOf }) => nodeOf,
      () => null, // with so little, rules that are broken now cannot be kept
    );
    if (found === null) continue;
    last = found;
    points.push(pointOf(instance, inPlace(instance, found)));
  }
  points.push(pointOf(instance, whole));
  const worth = (one: CurvePoint): number => evaluate(instance, one.nodeOf, options.weight).objective;
  return points
    .sort((one, other) => one.moves - other.moves || worth(one) - worth(other))
    .filter((one, at, all) => all.slice(0, at).every((before) => worth(before) > worth(one)) || one.nodeOf === whole);
}

const partOf = ({ moves, bytes }: Budget, part: number): Budget => ({ moves: Math.floor(moves * part), bytes: Math.floor(bytes * part) });

function pointOf({ present, replicas, serviceOf, moveBytes }: Instance, nodeOf: NodeOf): CurvePoint {
  let moves = 0;
  let bytes = 0;
  for (let replica = 0; replica < replicas; replica++) {
    if (present[replica]! < 0 || present[replica] === nodeOf[replica]) continue;
    moves++;
    bytes += moveBytes[serviceOf[replica]!]!;
  }
  return { moves, bytes, nodeOf };
}
