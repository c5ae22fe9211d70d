/** The loop that the baselines share: pods in the order of their creation, those that fit nowhere once more when others were placed. @module */
import type { Solution, SolveOptions } from "../strategy.ts";
import type { Cluster } from "./cluster.ts";
import { nodeFilter } from "./feasible-nodes.ts";
import { fits } from "./node-resources-fit.ts";

/** Which node one pod goes to, of those that `may` allows; -1 for none. */
export type Chooser = (service: number, may: (node: number) => boolean) => number;

/**
 * Places every pod: pinned ones first, whose node is named and which only that node itself looks at (room, selector, taints); then by service and replica, as the problem has them.
 * What fits nowhere waits, as in the scheduler's queue, and is tried again while others still find a place: a pod may have been
 * created before the one it must stand beside. Nothing is evicted. The rest stays out, at -1, with a note.
 */
export function placePods(cluster: Cluster, choose: Chooser, options: SolveOptions): Solution {
  const { instance } = cluster;
  const { replicas, serviceOf, pinned } = instance;
  const endMs = options.startedAtMs + options.deadlineMs;
  let steps = 0;
  let cut = false;
  let waiting: number[] = [];
  for (let replica = 0; replica < replicas; replica++) {
    const node = pinned[replica]!;
    if (node < 0) continue;
    if (instance.allowed[serviceOf[replica]! * instance.nodes + node] === 1 && fits(cluster, serviceOf[replica]!, node))
      cluster.place(replica, node);
  }
  for (let replica = 0; replica < replicas; replica++) if (pinned[replica]! < 0) waiting.push(replica);

  for (let placed = true; placed && !cut && waiting.length > 0; ) {
    placed = false;
    const still: number[] = [];
    let stuck = -1;
    for (const replica of waiting) {
      // A clock is dear beside a placement; pods of a service that just found no room find none now.
      if ((++steps & 255) === 0 && Date.now() > endMs) cut = true;
      const s = serviceOf[replica]!;
      const node = cut || s === stuck ? -1 : choose(s, nodeFilter(cluster, s));
      if (node < 0) {
        still.push(replica);
        stuck = s;
        continue;
      }
      cluster.place(replica, node);
      placed = true;
      if ((steps & 8191) === 0) options.progress(`${steps} of ${replicas} pods`);
    }
    waiting = still;
  }
  const left = replicas - cluster.nodeOf.reduce((sum, node) => sum + (node >= 0 ? 1 : 0), 0);
  const why = cut ? "the deadline came first" : "they fit nowhere, and nothing is evicted for them";
  return {
    nodeOf: cluster.nodeOf,
    proof: null,
    cut,
    steps,
    notes: left === 0 ? [] : [`${left} of ${replicas} replicas are not placed: ${why}`],
  };
}
