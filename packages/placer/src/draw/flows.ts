/** Who sends how much from node to node: what a placement makes of the traffic between services. @module */
import type { Panel, Scene } from "./scene.ts";

/** Traffic between replicas of one service on one node and those of another on the same or another node. */
export interface Flow {
  readonly a: number;
  readonly nodeA: number;
  readonly b: number;
  readonly nodeB: number;
  /** Each second, in the scene's unit. */
  readonly amount: number;
}

/**
 * Every flow of a panel, the strongest first. On a node stays min(x_a/n_a, x_b/n_b) of a pair; what is left at each end goes to the other ends that have
 * something left, by how much they have.
 */
export function flowsOf({ problem, pairs }: Pick<Scene, "problem" | "pairs">, { placement }: Pick<Panel, "placement">): readonly Flow[] {
  const flows: Flow[] = [];
  for (const { a, b, amount } of pairs) {
    const [nA, nB] = [problem.services[a]!.replicas.length, problem.services[b]!.replicas.length];
    const [countsA, countsB] = [placement.counts[a]!, placement.counts[b]!];
    const restA: [node: number, share: number][] = [];
    const restB: [node: number, share: number][] = [];
    for (const [node, count] of countsA) {
      const kept = Math.min(count / nA, (countsB.get(node) ?? 0) / nB);
      if (kept > 0) flows.push({ a, nodeA: node, b, nodeB: node, amount: amount * kept });
      if (count / nA > kept) restA.push([node, count / nA - kept]);
    }
    for (const [node, count] of countsB) {
      const rest = count / nB - Math.min(count / nB, (countsA.get(node) ?? 0) / nA);
      if (rest > 0) restB.push([node, rest]);
    }
    const left = restB.reduce((sum, [, share]) => sum + share, 0);
    for (const [nodeA, fromA] of restA)
      for (const [nodeB, toB] of restB) flows.push({ a, nodeA, b, nodeB, amount: (amount * fromA * toB) / left });
  }
  return flows.toSorted((one, other) => other.amount - one.amount);
}
