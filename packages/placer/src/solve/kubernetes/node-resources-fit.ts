/** NodeResourcesFit: whether a pod fits, and LeastAllocated, which likes empty nodes. [Kubernetes, noderesources/fit.go, least_allocated.go] @module */
import type { Cluster } from "./cluster.ts";
import { maxNodeScore, type ScorePlugin } from "./score-plugin.ts";

/** Filter: what is requested there and by the pod is at most what is allocatable; a resource that the pod does not ask for is not looked at. */
export function fits({ instance: { resources }, allocatable, requested, request }: Cluster, service: number, node: number): boolean {
  const need = service * resources;
  const at = node * resources;
  for (let r = 0; r < resources; r++) {
    const wanted = request[need + r]!;
    if (wanted > 0 && wanted > allocatable[at + r]! - requested[at + r]!) return false;
  }
  return true;
}

/** Score of one node: ⌊mean over cpu and memory of ⌊(allocatable − requested) · 100 / allocatable⌋⌋, the pod included, 0 for one that is over. */
export function leastAllocatedScore(cluster: Cluster, service: number, node: number): number {
  const { instance, allocatable, nonZeroRequested, nonZeroRequest, scored } = cluster;
  let sum = 0;
  let weights = 0;
  for (const r of scored) {
    const all = allocatable[node * instance.resources + r]!;
    if (all === 0) continue;
    weights++;
    const after = nonZeroRequested[node * instance.resources + r]! + nonZeroRequest[service * instance.resources + r]!;
    if (after <= all) sum += Math.floor(((all - after) * maxNodeScore) / all);
  }
  return weights === 0 ? 0 : Math.floor(sum / weights);
}

/** Score plugin, with the default strategy. */
export const leastAllocated: ScorePlugin = ({ cluster, service, feasible, count }, scores) => {
  for (let i = 0; i < count; i++) scores[i] = leastAllocatedScore(cluster, service, feasible[i]!);
  return true;
};
