/** What each part of a budget would gain. @module */
import type { Instance, NodeOf } from "../instance.ts";
import { evaluate } from "../objective.ts";
import type { SolveOptions } from "../strategy.ts";
import { Rounds } from "./rounds.ts";
import { inPlace } from "./search.ts";
import type { SearchPool } from "./search-pool.ts";

/** A placement with so many moves. */
export interface CurvePoint {
  readonly moves: number;
  readonly bytes: number;
  readonly nodeOf: NodeOf;
}

/** The dearer moves are, the fewer are worth it. */
const dearer = [1.4, 2, 3, 5, 10, 25] as const;

/**
 * Searches at dearer prices of moves than the one at which the budget ends: points in order of moves, each better than all before it, from where replicas run now (left
 * out when not all run) to `whole`. `share` is that of a whole search's steps for all of it.
 */
export async function gainCurve(
  instance: Instance,
  pool: SearchPool,
  options: SolveOptions,
  { whole, price, share, untilMs }: { whole: NodeOf; price: number | null; share: number; untilMs: number },
): Promise<CurvePoint[]> {
  const points = [pointOf(instance, whole)];
  if (instance.present.every((node) => node >= 0)) points.push(pointOf(instance, instance.present));
  if (price !== null) {
    const rounds = new Rounds(instance, pool, { ...options, seed: options.seed + 500_000, progress: () => {} }, share, untilMs);
    const prices = dearer.map((factor) => factor * price);
    for (const { answer } of await rounds.atPrices(options.budget!, prices, 1))
      points.push(pointOf(instance, inPlace(instance, answer.nodeOf!)));
  }
  const worth = (one: CurvePoint): number => evaluate(instance, one.nodeOf, options.weight).objective;
  const most = points[0]!;
  return points
    .filter((one) => one === most || (one.moves <= most.moves && one.bytes <= most.bytes))
    .sort((one, other) => one.moves - other.moves || worth(one) - worth(other))
    .filter((one, at, all) => one === most || (all.slice(0, at).every((before) => worth(before) > worth(one)) && worth(one) > worth(most)));
}

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
