/** Which nodes a pod may go to, in the scheduler's order and no more than it looks for. [Kubernetes, pkg/scheduler/schedule_one.go] @module */
import type { Cluster } from "./cluster.ts";
import { affinityFilter } from "./inter-pod-affinity.ts";
import { fits } from "./node-resources-fit.ts";
import { spreadFilter } from "./pod-topology-spread.ts";

/** How many feasible nodes are enough: all below 100, else max(5, 50 − nodes/125) % of them, at least 100. [numFeasibleNodesToFind] */
export function nodesToFind(nodes: number): number {
  if (nodes < 100) return nodes;
  const percentage = Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(100, Math.floor((nodes * percentage) / 100));
}

/** Nodes in the order of the scheduler's cache: one of each zone in turn. [pkg/scheduler/backend/cache/node_tree.go] */
export function nodeOrder({ instance: { nodes }, zones }: Cluster): Int32Array {
  const lists = new Map<number, number[]>();
  for (let m = 0; m < nodes; m++) {
    const zone = zones?.domainOf[m] ?? -1;
    const list = lists.get(zone);
    if (list) list.push(m);
    else lists.set(zone, [m]);
  }
  const order: number[] = [];
  for (let turn = 0; order.length < nodes; turn++) for (const list of lists.values()) if (turn < list.length) order.push(list[turn]!);
  return Int32Array.from(order);
}

/** Whether a pod of the service may go to a node now: name, selector and taints (`Instance.allowed`), room, affinity, spread. */
export function nodeFilter(cluster: Cluster, service: number): (node: number) => boolean {
  const { allowed, nodes } = cluster.instance;
  const row = service * nodes;
  const affinity = affinityFilter(cluster, service);
  const spread = spreadFilter(cluster, service);
  return (node) =>
    allowed[row + node] === 1 && fits(cluster, service, node) && (affinity === null || affinity(node)) && (spread === null || spread(node));
}
