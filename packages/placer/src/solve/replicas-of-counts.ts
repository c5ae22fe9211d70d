/** From counts to replicas. @module */
import type { Instance, NodeOf } from "./instance.ts";

/** A node for each replica, pinned ones where they must be and as many as can where they run now. `counts` is `Int32Array[services × nodes]`. */
export function replicasOfCounts(instance: Instance, counts: Int32Array | Int16Array): NodeOf {
  const { nodes, replicas, serviceOf, pinned, present } = instance;
  const left = Int32Array.from(counts);
  const nodeOf = new Int32Array(replicas).fill(-1);
  const put = (i: number, m: number): void => {
    if (nodeOf[i] !== -1 || m < 0 || left[serviceOf[i]! * nodes + m]! <= 0) return;
    nodeOf[i] = m;
    left[serviceOf[i]! * nodes + m]!--;
  };
  for (let i = 0; i < replicas; i++) put(i, pinned[i]!);
  for (let i = 0; i < replicas; i++) put(i, present[i]!);
  // Replicas of a service are asked for in a row, so each node is looked at once a service.
  for (let i = 0, m = 0; i < replicas; i++) {
    if (i > 0 && serviceOf[i] !== serviceOf[i - 1]) m = 0;
    while (nodeOf[i] === -1 && m < nodes) {
      put(i, m);
      if (nodeOf[i] === -1) m++;
    }
  }
  return nodeOf;
}
