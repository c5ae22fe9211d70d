/** Tries every placement. @module */
import type { Instance, NodeOf } from "../../src/solve/instance.ts";
import { brokenShare, countsOf, evaluate } from "../../src/solve/objective.ts";
import type { Budget } from "../../src/solve/strategy.ts";

/** Whether a placement keeps every constraint. */
export function keepsAll(instance: Instance, nodeOf: NodeOf, budget: Budget | null = null): boolean {
  const { nodes, resources, replicas, serviceOf, pinned, present, allowed, capacity, demand, rules, moveBytes } = instance;
  let moves = 0;
  let bytes = 0;
  for (let i = 0; i < replicas; i++) {
    const [s, m] = [serviceOf[i]!, nodeOf[i]!];
    if (m < 0 || allowed[s * nodes + m] === 0 || (pinned[i]! >= 0 && pinned[i] !== m)) return false;
    if (present[i]! < 0 || present[i] === m) continue;
    moves++;
    bytes += moveBytes[s]!;
  }
  if (budget && (moves > budget.moves || bytes > budget.bytes)) return false;
  const load = new Float64Array(nodes * resources);
  for (let i = 0; i < replicas; i++)
    for (let r = 0; r < resources; r++) load[nodeOf[i]! * resources + r]! += demand[serviceOf[i]! * resources + r]!;
  if (load.some((used, at) => used > capacity[at]! * (1 + 1e-12))) return false;
  const counts = countsOf(instance, nodeOf);
  return rules.every((rule) => rule.weight !== null || brokenShare(instance, rule, counts) === 0);
}

/** The least objective over all placements that keep every constraint; null when there is none. */
export function bruteForce(instance: Instance, weight: number, budget: Budget | null = null): number | null {
  const nodeOf = new Int32Array(instance.replicas);
  let best: number | null = null;
  for (let left = instance.nodes ** instance.replicas; left > 0; left--) {
    if (keepsAll(instance, nodeOf, budget)) {
      const { objective } = evaluate(instance, nodeOf, weight);
      if (best === null || objective < best) best = objective;
    }
    for (let i = 0; i < nodeOf.length && ++nodeOf[i]! === instance.nodes; i++) nodeOf[i] = 0;
  }
  return best;
}
