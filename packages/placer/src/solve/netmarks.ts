/**
 * The baseline `netmarks`: a pod goes to the node with which it talks most. [Wojciechowski et al., NetMARKS: Network Metrics-AwaRe Kubernetes
 * Scheduler Powered by Service Mesh, INFOCOM 2021]
 *
 * Pods in the order of their creation. The score of a node is the traffic between the pod and the pods that are there already: an edge's saving,
 * divided by the other service's replicas, for each of them. Filters are Kubernetes'; every node is looked at. Equal scores, above all of pods that talk to
 * nobody there, are decided by LeastAllocated and then at random. @module
 */
import { createRandom } from "../generate/random.ts";
import { createCluster } from "./kubernetes/cluster.ts";
import { leastAllocatedScore } from "./kubernetes/node-resources-fit.ts";
import { placePods } from "./kubernetes/place-pods.ts";
import type { Strategy } from "./strategy.ts";

/** The baseline. Deterministic by `seed`. */
export const netmarks: Strategy = async (instance, options) => {
  const { nodes, services, edges, firstReplica } = instance;
  const cluster = createCluster(instance);
  const random = createRandom(options.seed);
  const neighbours = Array.from({ length: services }, (): { readonly other: number; readonly each: number }[] => []);
  for (let e = 0; e < edges.saving.length; e++) {
    const [a, b] = [edges.a[e]!, edges.b[e]!];
    neighbours[a]!.push({ other: b, each: edges.saving[e]! / (firstReplica[b + 1]! - firstReplica[b]!) });
    neighbours[b]!.push({ other: a, each: edges.saving[e]! / (firstReplica[a + 1]! - firstReplica[a]!) });
  }
  const traffic = new Float64Array(nodes);
  return placePods(
    cluster,
    (service, may) => {
      traffic.fill(0);
      for (const { other, each } of neighbours[service]!) {
        const row = other * nodes;
        for (let m = 0; m < nodes; m++) traffic[m]! += each * cluster.counts[row + m]!;
      }
      let best = -1;
      let bestFree = -1;
      let ties = 0;
      for (let m = 0; m < nodes; m++) {
        if (best >= 0 && traffic[m]! < traffic[best]!) continue;
        if (!may(m)) continue;
        const free = leastAllocatedScore(cluster, service, m);
        if (best < 0 || traffic[m]! > traffic[best]! || free > bestFree) {
          best = m;
          bestFree = free;
          ties = 1;
        } else if (free === bestFree && random.below(++ties) === 0) best = m;
      }
      return best;
    },
    options,
  );
};
