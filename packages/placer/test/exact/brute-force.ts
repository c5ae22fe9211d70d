/** Tries every placement. @module */
import type { Constraint } from "../../src/exact/constraint.ts";
import type { Instance, NodeOf } from "../../src/solve/instance.ts";
import { refusal } from "../../src/solve/node-match.ts";
import { brokenShare, countsOf, evaluate } from "../../src/solve/objective.ts";
import type { Budget } from "../../src/solve/strategy.ts";

/** Whether a placement keeps every constraint. */
export function keepsAll(instance: Instance, nodeOf: NodeOf, budget: Budget | null = null): boolean {
  const { nodes, resources, replicas, serviceOf, pinned, present, allowed, capacity, demand, rules, moveBytes } = instance;
  let moves = 0;
  let bytes = 0;
  for (let i = 0; i < replicas; i++) {
    const [s, m] = [serviceOf[i]!, nodeOf[i]!];
    if (m < 0 || allowed[s * nodes + m] === 0 || (pinned[i]! >= 0 && pinned[i] !== m)) return false;
    if (present[i]! < 0 || present[i] === m) continue;
    moves++;
    bytes += moveBytes[s]!;
  }
  if (budget && (moves > budget.moves || bytes > budget.bytes)) return false;
  const load = new Float64Array(nodes * resources);
  for (let i = 0; i < replicas; i++)
    for (let r = 0; r < resources; r++) load[nodeOf[i]! * resources + r]! += demand[serviceOf[i]! * resources + r]!;
  if (load.some((used, at) => used > capacity[at]! * (1 + 1e-12))) return false;
  const counts = countsOf(instance, nodeOf);
  return rules.every((rule) => rule.weight !== null || brokenShare(instance, rule, counts) === 0);
}

/** The least objective over all placements that keep every constraint; null when there is none. */
export function bruteForce(instance: Instance, weight: number, budget: Budget | null = null): number | null {
  const nodeOf = new Int32Array(instance.replicas);
  let best: number | null = null;
  for (let left = instance.nodes ** instance.replicas; left > 0; left--) {
    if (keepsAll(instance, nodeOf, budget)) {
      const { objective } = evaluate(instance, nodeOf, weight);
      if (best === null || objective < best) best = objective;
    }
    for (let i = 0; i < nodeOf.length && ++nodeOf[i]! === instance.nodes; i++) nodeOf[i] = 0;
  }
  return best;
}

/** Whether any placement keeps some of the constraints, by trying them all; replicas of a service whose placement is not asked for may be nowhere. */
export function someKept(instance: Instance, constraints: readonly Constraint[]): boolean {
  const { services, nodes, replicas, serviceOf, pinned, problem, resources, capacity, demand, rules, topologies } = instance;
  const nodeOf = new Int32Array(replicas).fill(-1);
  const rowOf = (counts: Int16Array, s: number): Int16Array => counts.subarray(s * nodes, (s + 1) * nodes);
  const keeps = (constraint: Constraint, counts: Int16Array): boolean => {
    switch (constraint.kind) {
      case "placement":
        return nodeOf.every((m, i) => serviceOf[i] !== constraint.service || m >= 0);
      case "nodes":
        return rowOf(counts, constraint.service).every(
          (count, m) => count === 0 || refusal(problem.services[constraint.service]!, problem.nodes[m]!) === null,
        );
      case "pinned":
        return nodeOf.every((m, i) => serviceOf[i] !== constraint.service || pinned[i]! < 0 || pinned[i] === m);
      case "capacity": {
        let load = 0;
        for (let s = 0; s < services; s++) load += counts[s * nodes + constraint.node]! * demand[s * resources + constraint.resource]!;
        return load <= capacity[constraint.node * resources + constraint.resource]! * (1 + 1e-12);
      }
      case "rule": {
        const rule = rules[constraint.rule]!;
        const { domainOf, domains } = topologies[rule.topology]!;
        const own = rowOf(counts, rule.service);
        if (rule.kind === "spread")
          return own.every((count, m) => count === 0 || domainOf[m]! >= 0) && brokenShare(instance, rule, counts) === 0;
        if (rule.kind === "affinity" && rule.service === rule.other) {
          const inDomains = new Set<number>();
          for (let m = 0; m < nodes; m++) if (own[m]! > 0) inDomains.add(domainOf[m]!);
          return !inDomains.has(-1) && inDomains.size <= 1 && domains >= inDomains.size;
        }
        return brokenShare(instance, rule, counts) === 0;
      }
    }
  };
  for (;;) {
    const counts = countsOf(instance, nodeOf);
    if (constraints.every((one) => keeps(one, counts))) return true;
    let i = 0;
    for (; i < replicas && ++nodeOf[i]! === nodes; i++) nodeOf[i] = -1;
    if (i === replicas) return false;
  }
}
