/** What a placement is worth; every strategy is judged by it, and the search minimises it. @module */
import type { Figures, NodeOf, Rule } from "./instance.ts";

/** Balance against traffic where nobody says otherwise: traffic decides, balance breaks near-ties. */
export const defaultWeight = 0.05;

/** The terms of the objective, and their sum as weighted. */
export interface Evaluation {
  /** (1 − weight) · (1 − onNode) + weight · imbalance + wishes; 0 is the best there could be. */
  readonly objective: number;
  /** Share of traffic that stays on its node, 0 to 1, weighted by what that saves: gained affinity. */
  readonly onNode: number;
  /** Mean over resources of the nodes' mean absolute deviation from the cluster's utilisation. */
  readonly imbalance: number;
  /** Broken wishes. */
  readonly wishes: number;
}

/** Counts of replicas: `Int16Array[services × nodes]`. */
export function countsOf({ replicas, services, nodes, serviceOf }: Figures, nodeOf: NodeOf): Int16Array {
  const counts = new Int16Array(services * nodes);
  for (let replica = 0; replica < replicas; replica++) {
    const m = nodeOf[replica]!;
    if (m >= 0) counts[serviceOf[replica]! * nodes + m]!++;
  }
  return counts;
}

/**
 * Evaluates a placement; replicas that are nowhere (−1) keep no traffic on a node and reserve nothing.
 *
 * The gained affinity of a pair (a, b) is Σ over nodes of min(x_a/n_a, x_b/n_b): of callers that prefer replicas on their own node, each of which takes an
 * even share, so much finds one there. [Chen et al., Resource Allocation with Service Affinity, ICDE 2024]
 *
 * @example
 * ```ts
 * evaluate(instance, nodeOf, 0.05).onNode; // 0.86
 * ```
 */
export function evaluate(instance: Figures, nodeOf: NodeOf, weight: number): Evaluation {
  const counts = countsOf(instance, nodeOf);
  const onNode = onNodeShare(instance, counts);
  const imbalance = imbalanceOf(instance, nodeOf);
  const wishes = brokenWishes(instance, counts);
  return { objective: (1 - weight) * (1 - onNode) + weight * imbalance + wishes, onNode, imbalance, wishes };
}

function onNodeShare({ edges: { a, b, saving }, firstReplica, nodes }: Figures, counts: Int16Array): number {
  let all = 0;
  let kept = 0;
  for (let e = 0; e < saving.length; e++) {
    const rowA = a[e]! * nodes;
    const rowB = b[e]! * nodes;
    const nA = firstReplica[a[e]! + 1]! - firstReplica[a[e]!]!;
    const nB = firstReplica[b[e]! + 1]! - firstReplica[b[e]!]!;
    let share = 0;
    for (let m = 0; m < nodes; m++) share += Math.min(counts[rowA + m]! / nA, counts[rowB + m]! / nB);
    all += saving[e]!;
    kept += saving[e]! * share;
  }
  return all === 0 ? 1 : kept / all;
}

/** The cluster's utilisation by resource: `Float64Array[resources]`, all that is reserved over all there is. */
export function clusterUtilisation({ nodes, services, resources, demand, firstReplica, wholeCapacity }: Figures): Float64Array {
  const used = new Float64Array(resources);
  const all = new Float64Array(resources);
  for (let s = 0; s < services; s++)
    for (let r = 0; r < resources; r++) used[r]! += demand[s * resources + r]! * (firstReplica[s + 1]! - firstReplica[s]!);
  for (let m = 0; m < nodes; m++) for (let r = 0; r < resources; r++) all[r]! += wholeCapacity[m * resources + r]!;
  return used.map((one, r) => (all[r] === 0 ? 0 : one / all[r]!));
}

function imbalanceOf(instance: Figures, nodeOf: NodeOf): number {
  const { nodes, replicas, resources, demand, serviceOf, wholeCapacity } = instance;
  const load = new Float64Array(nodes * resources);
  for (let replica = 0; replica < replicas; replica++) {
    const m = nodeOf[replica]!;
    if (m < 0) continue;
    for (let r = 0; r < resources; r++) load[m * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
  }
  const mean = clusterUtilisation(instance);
  let sum = 0;
  let counted = 0;
  for (let r = 0; r < resources; r++) {
    let deviation = 0;
    let any = false;
    for (let m = 0; m < nodes; m++) {
      const whole = wholeCapacity[m * resources + r]!;
      if (whole === 0) continue;
      any = true;
      deviation += Math.abs(load[m * resources + r]! / whole - mean[r]!);
    }
    if (!any) continue;
    counted++;
    sum += deviation / nodes;
  }
  return counted === 0 ? 0 : sum / counted;
}

function brokenWishes(instance: Figures, counts: Int16Array): number {
  const { services, nodes, replicas, unwanted, rules } = instance;
  let sum = 0;
  for (const rule of rules) if (rule.weight !== null) sum += rule.weight * brokenShare(instance, rule, counts);
  let disliked = 0;
  if (unwanted) for (let at = 0; at < services * nodes; at++) disliked += counts[at]! * unwanted[at]!;
  return sum / Math.max(1, services) + disliked / Math.max(1, replicas);
}

/**
 * The share of a service's replicas for which a rule is not kept, 0 to 1; of a spread, by how much its skew is too large, over the replicas. A must is kept when this is 0.
 * Nodes without the label belong to no domain: beside nobody, whoever else is there.
 */
export function brokenShare(instance: Figures, rule: Rule, counts: Int16Array): number {
  const { nodes, firstReplica, topologies, allowed } = instance;
  const { domainOf, domains } = topologies[rule.topology]!;
  const own = new Int32Array(domains);
  const row = rule.service * nodes;
  const n = firstReplica[rule.service + 1]! - firstReplica[rule.service]!;
  let nowhere = 0;
  for (let m = 0; m < nodes; m++) {
    if (domainOf[m]! >= 0) own[domainOf[m]!]! += counts[row + m]!;
    else nowhere += counts[row + m]!;
  }
  if (rule.kind === "spread") {
    let most = 0;
    let least = Number.POSITIVE_INFINITY;
    const eligible = new Uint8Array(domains);
    for (let m = 0; m < nodes; m++) if (domainOf[m]! >= 0 && allowed[row + m] === 1) eligible[domainOf[m]!] = 1;
    for (let d = 0; d < domains; d++) {
      if (eligible[d] === 0) continue;
      most = Math.max(most, own[d]!);
      least = Math.min(least, own[d]!);
    }
    return Math.max(0, most - least - rule.maxSkew) / n;
  }
  if (rule.other === rule.service) {
    const largest = own.reduce((one, other) => Math.max(one, other), 0);
    if (rule.kind === "affinity") return (n - largest) / n; // all in one domain
    return own.reduce((sum, x) => sum + Math.max(0, x - 1), 0) / n;
  }
  const other = new Int32Array(domains);
  for (let m = 0; m < nodes; m++) if (domainOf[m]! >= 0) other[domainOf[m]!]! += counts[rule.other * nodes + m]!;
  let broken = rule.kind === "affinity" ? nowhere : 0;
  for (let d = 0; d < domains; d++) if (other[d]! > 0 === (rule.kind === "antiAffinity")) broken += own[d]!;
  return broken / n;
}
