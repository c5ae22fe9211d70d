/** A quick try at a placement, to tell what is feasible without a solver. @module */

import type { Instance, NodeOf } from "../solve/instance.ts";
import { brokenShare, countsOf } from "../solve/objective.ts";

/** Puts pinned replicas where they must be and others, large ones first, where they leave the least room; null when that does not keep every constraint. */
export function firstFit(instance: Instance): NodeOf | null {
  const { services, nodes, resources, replicas, serviceOf, demand, capacity, wholeCapacity, allowed, pinned, rules } = instance;
  const total = new Float64Array(resources);
  for (let m = 0; m < nodes; m++) for (let r = 0; r < resources; r++) total[r]! += wholeCapacity[m * resources + r]!;
  const size = Float64Array.from({ length: services }, (_, s) => {
    let most = 0;
    for (let r = 0; r < resources; r++) if (total[r]! > 0) most = Math.max(most, demand[s * resources + r]! / total[r]!);
    return most;
  });
  const load = new Float64Array(nodes * resources);
  const nodeOf = new Int32Array(replicas).fill(-1);
  const order = Array.from({ length: replicas }, (_, i) => i).sort(
    (i, j) => Number(pinned[j]! >= 0) - Number(pinned[i]! >= 0) || size[serviceOf[j]!]! - size[serviceOf[i]!]!,
  );
  for (const i of order) {
    const s = serviceOf[i]!;
    let best = -1;
    let bestRoom = Number.POSITIVE_INFINITY;
    for (let m = 0; m < nodes; m++) {
      if (allowed[s * nodes + m] === 0 || (pinned[i]! >= 0 && pinned[i] !== m)) continue;
      let room = 0;
      for (let r = 0; r < resources && room < Number.POSITIVE_INFINITY; r++) {
        const left = capacity[m * resources + r]! - load[m * resources + r]! - demand[s * resources + r]!;
        room = left < 0 ? Number.POSITIVE_INFINITY : room + left / Math.max(total[r]!, Number.MIN_VALUE);
      }
      if (room < bestRoom) [best, bestRoom] = [m, room];
    }
    if (best < 0) return null;
    nodeOf[i] = best;
    for (let r = 0; r < resources; r++) load[best * resources + r]! += demand[s * resources + r]!;
  }
  const counts = countsOf(instance, nodeOf);
  return rules.every((rule) => rule.weight !== null || brokenShare(instance, rule, counts) === 0) ? nodeOf : null;
}
