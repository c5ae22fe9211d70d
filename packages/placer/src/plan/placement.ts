/** A placement in numbers: where each replica is, and how many of each service are where. @module */
import type { Problem } from "../problem/problem.ts";

/** A placement over a problem's nodes and services, by their positions there. */
export interface Placement {
  readonly nodeIndex: ReadonlyMap<string, number>;
  readonly serviceIndex: ReadonlyMap<string, number>;
  /** For each service: the node of each of its replicas, in their order; -1 for one that is nowhere, or on a node that does not exist. */
  readonly nodesOf: readonly Int32Array[];
  /** For each service: how many replicas are on a node, for nodes that have any. */
  readonly counts: readonly ReadonlyMap<number, number>[];
}

/**
 * Counts a placement: replica's name to node's name.
 *
 * @example
 * ```ts
 * countPlacement(problem, plan.assignment).counts[0]?.get(2); // replicas of the first service on the third node
 * ```
 */
export function countPlacement(problem: Problem, assignment: Readonly<Record<string, string>>): Placement {
  const nodeIndex = new Map(problem.nodes.map(({ name }, index) => [name, index]));
  const serviceIndex = new Map(problem.services.map(({ name }, index) => [name, index]));
  const nodesOf: Int32Array[] = [];
  const counts: Map<number, number>[] = [];
  for (const { replicas } of problem.services) {
    const nodes = new Int32Array(replicas.length).fill(-1);
    const count = new Map<number, number>();
    for (const [at, replica] of replicas.entries()) {
      // A replica may be called "constructor".
      const node = Object.hasOwn(assignment, replica) ? nodeIndex.get(assignment[replica]!) : undefined;
      if (node === undefined) continue;
      nodes[at] = node;
      count.set(node, (count.get(node) ?? 0) + 1);
    }
    nodesOf.push(nodes);
    counts.push(count);
  }
  return { nodeIndex, serviceIndex, nodesOf, counts };
}

/** A sum that is off by no more than its last digit, whatever the order. [Neumaier, ZAMM 54 (1974)] */
export function exactSum(values: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}
