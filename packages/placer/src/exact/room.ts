/** How many replicas of a service a node could hold if it were alone there; nodes that are alike are looked at once. @module */
import type { Instance } from "../solve/instance.ts";

/** Room by service and kind of node. */
export interface Room {
  readonly instance: Instance;
  /** One node of each kind: the same capacities. */
  readonly kinds: readonly { readonly node: number; readonly nodes: readonly number[] }[];
  readonly replicas: (service: number) => number;
  /** The most replicas of a service on any one node of a kind, by size, allowed nodes, and its rules with itself. */
  readonly most: (service: number, kind: number) => number;
  /** Whether a must keeps two services from every node that both may use. */
  readonly apart: (a: number, b: number) => boolean;
}

/** Prepares the figures of an instance. */
export function roomOf(instance: Instance): Room {
  const { nodes, services, resources, capacity, demand, allowed, firstReplica, rules, topologies } = instance;
  const replicas = (s: number): number => firstReplica[s + 1]! - firstReplica[s]!;
  const byCapacity = new Map<string, number[]>();
  for (let m = 0; m < nodes; m++) {
    const key = capacity.subarray(m * resources, (m + 1) * resources).join(" ");
    const known = byCapacity.get(key);
    if (known) known.push(m);
    else byCapacity.set(key, [m]);
  }
  const kinds = [...byCapacity.values()].map((all) => ({ node: all[0]!, nodes: all }));
  const perNode = Int32Array.from({ length: services }, (_, s) => replicas(s));
  const separate = new Set<string>();
  for (const rule of rules) {
    if (rule.weight !== null) continue;
    const { domainOf, domains } = topologies[rule.topology]!;
    // Nodes without the label keep an anti-affinity whoever is there.
    const allLabelled = domainOf.every((domain) => domain >= 0);
    if (rule.kind === "antiAffinity" && allLabelled) {
      if (rule.service === rule.other) perNode[rule.service] = 1;
      else separate.add(`${rule.service} ${rule.other}`).add(`${rule.other} ${rule.service}`);
    }
    if (rule.kind === "spread") {
      const eligible = new Set<number>();
      for (let m = 0; m < nodes; m++) if (allowed[rule.service * nodes + m] === 1) eligible.add(domainOf[m]!);
      // The fullest domain has x, the others x − skew at least.
      const most = Math.floor(
        (replicas(rule.service) + (Math.min(domains, eligible.size) - 1) * rule.maxSkew) / Math.max(1, eligible.size) + 1e-9,
      );
      perNode[rule.service] = Math.min(perNode[rule.service]!, most);
    }
  }
  const most = new Int32Array(services * kinds.length);
  for (let s = 0; s < services; s++)
    for (const [k, { node, nodes: alike }] of kinds.entries()) {
      if (!alike.some((m) => allowed[s * nodes + m] === 1)) continue;
      let fit = perNode[s]!;
      for (let r = 0; r < resources; r++) {
        const need = demand[s * resources + r]!;
        if (need > 0) fit = Math.min(fit, Math.floor((capacity[node * resources + r]! / need) * (1 + 1e-12)));
      }
      most[s * kinds.length + k] = fit;
    }
  return {
    instance,
    kinds,
    replicas,
    most: (s, k) => most[s * kinds.length + k]!,
    apart: (a, b) => separate.has(`${a} ${b}`),
  };
}
