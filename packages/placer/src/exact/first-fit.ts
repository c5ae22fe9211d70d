/** A quick try at a placement, to tell what is feasible without a solver. @module */
import type { Instance, NodeOf, Rule } from "../solve/instance.ts";
import { brokenShare, countsOf } from "../solve/objective.ts";

/** Replicas of a rule's services by domain, as they are placed. */
interface Tally {
  readonly rule: Rule;
  readonly domainOf: Int32Array;
  readonly own: Int32Array;
  readonly other: Int32Array;
  /** Domains that a spread looks at. */
  readonly eligible: readonly number[];
}

/**
 * Puts pinned replicas where they must be, then those that may run on few nodes, then large ones; first where they leave much room, then where they leave
 * little. Null when neither keeps every constraint, which proves nothing; also when more than `mostSteps` would be needed.
 */
export function firstFit(instance: Instance, mostSteps = 1e9): NodeOf | null {
  if (instance.replicas * instance.nodes * instance.resources > mostSteps) return null;
  for (const loose of [true, false]) {
    const nodeOf = fit(instance, loose);
    if (nodeOf === null) continue;
    const counts = countsOf(instance, nodeOf);
    if (instance.rules.every((rule) => rule.weight !== null || brokenShare(instance, rule, counts) === 0)) return nodeOf;
  }
  return null;
}

function fit(instance: Instance, loose: boolean): NodeOf | null {
  const { services, nodes, resources, replicas, serviceOf, demand, capacity, allowed, pinned } = instance;
  const total = new Float64Array(resources);
  for (let at = 0; at < nodes * resources; at++) total[at % resources]! += capacity[at]!;
  const size = new Float64Array(services);
  const choices = new Int32Array(services);
  for (let s = 0; s < services; s++) {
    for (let r = 0; r < resources; r++) if (total[r]! > 0) size[s] = Math.max(size[s]!, demand[s * resources + r]! / total[r]!);
    for (let m = 0; m < nodes; m++) choices[s]! += allowed[s * nodes + m]!;
  }
  const tallies = talliesOf(instance);
  // What others must stand beside comes before them.
  const depth = (s: number): number =>
    tallies[s]!.filter(({ rule }) => rule.kind === "affinity" && rule.service === s && rule.other !== s).length;
  const order = Array.from({ length: replicas }, (_, i) => i).sort((i, j) => {
    const [s, t] = [serviceOf[i]!, serviceOf[j]!];
    return (
      Number(pinned[j]! >= 0) - Number(pinned[i]! >= 0) || depth(s) - depth(t) || choices[s]! - choices[t]! || size[t]! - size[s]! || s - t
    );
  });
  const load = new Float64Array(nodes * resources);
  const nodeOf = new Int32Array(replicas).fill(-1);
  for (const i of order) {
    const s = serviceOf[i]!;
    let best = -1;
    let bestRoom = Number.POSITIVE_INFINITY;
    for (let m = 0; m < nodes; m++) {
      if (allowed[s * nodes + m] === 0 || (pinned[i]! >= 0 && pinned[i] !== m)) continue;
      let room = Number.POSITIVE_INFINITY;
      for (let r = 0; r < resources && room >= 0; r++) {
        const at = m * resources + r;
        const left = capacity[at]! - load[at]! - demand[s * resources + r]!;
        room = left < 0 ? -1 : Math.min(room, left / Math.max(capacity[at]!, Number.MIN_VALUE));
      }
      if (room < 0) continue;
      const rank = loose ? -room : room;
      if (rank < bestRoom && tallies[s]!.every((tally) => mayStand(tally, s, m))) [best, bestRoom] = [m, rank];
    }
    if (best < 0) return null;
    nodeOf[i] = best;
    for (let r = 0; r < resources; r++) load[best * resources + r]! += demand[s * resources + r]!;
    for (const { rule, domainOf, own, other } of tallies[s]!) {
      const domain = domainOf[best]!;
      if (domain < 0) continue;
      if (rule.service === s) own[domain]!++;
      if (rule.kind !== "spread" && rule.other === s) other[domain]!++;
    }
  }
  return nodeOf;
}

/** By service: tallies of the musts that it is part of. */
function talliesOf({ services, nodes, rules, topologies, allowed }: Instance): readonly Tally[][] {
  const tallies: Tally[][] = Array.from({ length: services }, () => []);
  for (const rule of rules) {
    if (rule.weight !== null) continue;
    const { domainOf, domains } = topologies[rule.topology]!;
    const eligible = new Set<number>();
    for (let m = 0; m < nodes; m++) if (domainOf[m]! >= 0 && allowed[rule.service * nodes + m] === 1) eligible.add(domainOf[m]!);
    const tally: Tally = { rule, domainOf, own: new Int32Array(domains), other: new Int32Array(domains), eligible: [...eligible] };
    tallies[rule.service]!.push(tally);
    if (rule.kind !== "spread" && rule.other !== rule.service) tallies[rule.other]!.push(tally);
  }
  return tallies;
}

/** Whether one more replica of a service may stand on a node, by what stands there already. */
function mayStand({ rule, domainOf, own, other, eligible }: Tally, service: number, node: number): boolean {
  const domain = domainOf[node]!;
  if (rule.kind === "spread") {
    const least = eligible.reduce((fewest, d) => Math.min(fewest, own[d]!), Number.POSITIVE_INFINITY);
    return domain >= 0 && own[domain]! + 1 - least <= rule.maxSkew;
  }
  if (rule.kind === "antiAffinity") return domain < 0 || (rule.service === service ? other[domain] : own[domain]) === 0;
  if (rule.service !== service) return true;
  const placed = rule.other === service ? own : other;
  return domain >= 0 && (placed[domain]! > 0 || placed.every((count) => count === 0));
}
