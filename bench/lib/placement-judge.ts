/**
 * What a placement is worth and what it breaks, worked out again from the problem's own figures: nothing of a plan but its `assignment` is believed,
 * and none of the solver's code is used. @module
 */
import type { Problem } from "../../packages/placer/src/problem/problem.ts";

/** A problem with no more than this judge needs; a published cluster is one as well. */
export interface Facts {
  /** Capacities by node, resources in one order everywhere. */
  readonly nodes: ReadonlyMap<string, readonly number[]>;
  readonly services: ReadonlyMap<
    string,
    { readonly replicas: readonly string[]; readonly requests: readonly number[]; readonly nodes: ReadonlySet<string> | null }
  >;
  /** Pairs of different services, and what each weighs. */
  readonly traffic: readonly { readonly a: string; readonly b: string; readonly weight: number }[];
  readonly present: ReadonlyMap<string, string>;
}

/** A verdict. */
export interface Verdict {
  /** Σ weight · Σ over nodes of min(x_a/n_a, x_b/n_b), over Σ weight; 1 without traffic. [Chen et al., ICDE 2024: gained affinity] */
  readonly onNode: number;
  /** Mean over resources of the nodes' mean absolute deviation from the cluster's utilisation. */
  readonly imbalance: number;
  /** Replicas that are on no node. */
  readonly unplaced: number;
  readonly moves: number;
  /** Nodes over a capacity, and replicas where they may not be; one sentence each. */
  readonly broken: readonly string[];
}

/** A plan file, as much of it as is believed. */
export type Assignment = Readonly<Record<string, string>>;

/** Judges an assignment. */
export function judgePlacement(facts: Facts, assignment: Assignment): Verdict {
  const { nodes, services, traffic, present } = facts;
  const broken: string[] = [];
  const counts = new Map<string, Map<string, number>>();
  const used = new Map([...nodes].map(([name, capacity]) => [name, capacity.map(() => 0)]));
  let unplaced = 0;
  let moves = 0;
  for (const [service, { replicas, requests, nodes: allowed }] of services) {
    const own = new Map<string, number>();
    counts.set(service, own);
    for (const replica of replicas) {
      const node = assignment[replica];
      if (node === undefined) {
        unplaced++;
        continue;
      }
      const load = used.get(node);
      if (!load) {
        broken.push(`${replica} is on ${node}, which does not exist`);
        continue;
      }
      if (allowed !== null && !allowed.has(node)) broken.push(`${replica} is on ${node}, where it may not be`);
      for (const [r, request] of requests.entries()) load[r]! += request;
      own.set(node, (own.get(node) ?? 0) + 1);
      if (present.has(replica) && present.get(replica) !== node) moves++;
    }
  }
  for (const [name, capacity] of nodes)
    for (const [r, all] of capacity.entries())
      if (used.get(name)![r]! > all * (1 + 1e-9)) broken.push(`${name} is over its capacity: ${used.get(name)![r]} of ${all}`);

  let kept = 0;
  let all = 0;
  for (const { a, b, weight } of traffic) {
    const [countsA, countsB] = [counts.get(a)!, counts.get(b)!];
    const [nA, nB] = [services.get(a)!.replicas.length, services.get(b)!.replicas.length];
    let share = 0;
    for (const [node, count] of countsA) share += Math.min(count / nA, (countsB.get(node) ?? 0) / nB);
    kept += weight * share;
    all += weight;
  }
  return { onNode: all === 0 ? 1 : kept / all, imbalance: imbalanceOf(nodes, used), unplaced, moves, broken };
}

function imbalanceOf(nodes: Facts["nodes"], used: ReadonlyMap<string, readonly number[]>): number {
  const width = [...nodes.values()][0]?.length ?? 0;
  let sum = 0;
  let counted = 0;
  for (let r = 0; r < width; r++) {
    const total = (of: ReadonlyMap<string, readonly number[]>): number => [...of.values()].reduce((one, list) => one + list[r]!, 0);
    if (total(nodes) === 0) continue;
    const mean = total(used) / total(nodes);
    counted++;
    for (const [name, capacity] of nodes) if (capacity[r]! > 0) sum += Math.abs(used.get(name)![r]! / capacity[r]! - mean) / nodes.size;
  }
  return counted === 0 ? 0 : sum / counted;
}

/** The objective of `placer plan` where no wishes are: (1 − weight)·(1 − on-node) + weight·imbalance. */
export function objectiveOf({ onNode, imbalance }: Verdict, weight = 0.05): number {
  return (1 - weight) * (1 - onNode) + weight * imbalance;
}

/** Facts of a problem; a pair weighs what keeping it on a node saves of CPU. */
export function factsOf({ resources, nodes, services, traffic, assignment, costs }: Problem): Facts {
  const list = (figures: Readonly<Record<string, number>>): number[] => resources.map(({ name }) => figures[name] ?? 0);
  const saved = (messages: number, bytes: number): number =>
    messages * (costs.remote.message - costs.local.message) + bytes * (costs.remote.byte - costs.local.byte);
  return {
    nodes: new Map(nodes.map(({ name, capacity }) => [name, list(capacity)])),
    services: new Map(
      services.map(({ name, replicas, requests, demand, nodes: allowed }) => {
        const reserved = Object.fromEntries(resources.map((one) => [one.name, requests[one.name] ?? demand[one.name]?.p95 ?? 0]));
        return [name, { replicas, requests: list(reserved), nodes: allowed === null ? null : new Set(allowed) }];
      }),
    ),
    traffic: traffic
      .filter(({ from, to }) => from !== to)
      .map(({ from, to, messagesPerSecond, bytesPerSecond }) => ({ a: from, b: to, weight: saved(messagesPerSecond, bytesPerSecond) })),
    present: new Map(Object.entries(assignment)),
  };
}
