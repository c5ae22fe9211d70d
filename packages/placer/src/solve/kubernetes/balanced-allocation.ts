/** NodeResourcesBalancedAllocation: likes nodes whose cpu and memory are equally full. [Kubernetes, noderesources/balanced_allocation.go] @module */
import type { Cluster } from "./cluster.ts";
import { maxNodeScore, type ScorePlugin } from "./score-plugin.ts";

/**
 * Which BalancedAllocation: `1.35` and before scores how balanced the node is with the pod; `1.36` how much more balanced the pod makes it (PR 135573).
 */
export type BalancedAllocationVersion = "1.35" | "1.36";

/** ⌊(1 − std) · 100⌋ of the shares of cpu and memory that are requested, with `extra` pods of the service; of two, std is half their difference. */
function balance({ instance, allocatable, requested, request, scored }: Cluster, service: number, node: number, extra: 0 | 1): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const r of scored) {
    const all = allocatable[node * instance.resources + r]!;
    if (all === 0) continue;
    const share = Math.min(1, (requested[node * instance.resources + r]! + extra * request[service * instance.resources + r]!) / all);
    low = Math.min(low, share);
    high = Math.max(high, share);
  }
  return Math.floor((1 - (high >= low ? (high - low) / 2 : 0)) * maxNodeScore);
}

/** Score plugin. A pod that requests neither cpu nor memory is not scored (PR 130260). */
export function balancedAllocation(version: BalancedAllocationVersion): ScorePlugin {
  return ({ cluster, service, feasible, count }, scores) => {
    const { request, scored, instance } = cluster;
    if (scored.every((r) => request[service * instance.resources + r] === 0)) return false;
    const half = maxNodeScore / 2;
    for (let i = 0; i < count; i++) {
      const after = balance(cluster, service, feasible[i]!, 1);
      scores[i] = version === "1.35" ? after : half + Math.floor((half + after - balance(cluster, service, feasible[i]!, 0)) / 2);
    }
    return true;
  };
}
