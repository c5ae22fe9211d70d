/** The baseline `round-robin`: each pod goes to the next node, after the last one's, that it may go to. @module */
import { createCluster } from "./kubernetes/cluster.ts";
import { placePods } from "./kubernetes/place-pods.ts";
import type { Strategy } from "./strategy.ts";

/** The baseline. Pods in the order of their creation; filters are Kubernetes'. */
export const roundRobin: Strategy = async (instance, options) => {
  const { nodes } = instance;
  let next = 0;
  return placePods(
    createCluster(instance),
    (_service, may) => {
      for (let i = 0; i < nodes; i++) {
        const node = (next + i) % nodes;
        if (!may(node)) continue;
        next = (node + 1) % nodes;
        return node;
      }
      return -1;
    },
    options,
  );
};
