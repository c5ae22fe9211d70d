/** Nodes that could change names without any difference; a solver need not look at every order of them. @module */
import type { Instance } from "./instance.ts";

/** Sets of two or more nodes that are alike in capacities, who may and should be there, and rules; none has pinned replicas. */
function alikeNodes(instance: Instance): readonly (readonly number[])[] {
  const { nodes, services, resources, replicas, capacity, wholeCapacity, allowed, unwanted, pinned, topologies } = instance;
  const pins = new Set(Array.from({ length: replicas }, (_, i) => pinned[i]!));
  const sets = new Map<string, number[]>();
  for (let m = 0; m < nodes; m++) {
    if (pins.has(m)) continue;
    const parts: (number | string)[] = [];
    for (let r = 0; r < resources; r++) parts.push(capacity[m * resources + r]!, wholeCapacity[m * resources + r]!);
    for (let s = 0; s < services; s++) parts.push(allowed[s * nodes + m]!, unwanted?.[s * nodes + m] ?? 0);
    // Domains of one node each are like the node itself.
    for (const { domainOf } of topologies) {
      const domain = domainOf[m]!;
      parts.push(domain >= 0 && domainOf.indexOf(domain) === domainOf.lastIndexOf(domain) ? "alone" : domain);
    }
    const key = parts.join(" ");
    const known = sets.get(key);
    if (known) known.push(m);
    else sets.set(key, [m]);
  }
  return [...sets.values()].filter((set) => set.length > 1);
}

/** Services, those with the most traffic first: what is settled about them settles the most. */
function heaviestFirst({ services, edges }: Instance): number[] {
  const weight = new Float64Array(services);
  for (const [e, saving] of edges.saving.entries()) {
    weight[edges.a[e]!]! += saving;
    weight[edges.b[e]!]! += saving;
  }
  return Array.from({ length: services }, (_, s) => s).sort((s, t) => weight[t]! - weight[s]!);
}

/**
 * Counts that are 0 when nodes that are alike are in order: by the heaviest service that is there, none last. The first service is on the first nodes
 * only, as many as it has replicas; the second on those and as many more as it has; and so on.
 */
export function barred(instance: Instance): { service: number; node: number }[] {
  const all: { service: number; node: number }[] = [];
  const services = heaviestFirst(instance);
  for (const set of alikeNodes(instance)) {
    let reach = 0;
    for (const service of services) {
      reach += instance.firstReplica[service + 1]! - instance.firstReplica[service]!;
      if (reach >= set.length) break;
      for (const node of set.slice(reach)) all.push({ service, node });
    }
  }
  return all;
}

/** The same placement with nodes that are alike in that order: counts, `Int32Array[services × nodes]`. */
export function inOrder(instance: Instance, counts: Int32Array): Int32Array {
  const { nodes } = instance;
  const services = heaviestFirst(instance);
  const rank = (node: number): number => {
    const at = services.findIndex((s) => counts[s * nodes + node]! > 0);
    return at < 0 ? services.length : at;
  };
  return renamed(instance, counts, (set) => [...set].sort((one, other) => rank(one) - rank(other)));
}

/** The same placement with names changed among nodes that are alike, so that more replicas stay where they run: counts, `Int32Array[services × nodes]`. */
export function inPlace(instance: Instance, counts: Int32Array): Int32Array {
  const { nodes, services, replicas, present, serviceOf } = instance;
  const running = new Int32Array(services * nodes);
  for (let i = 0; i < replicas; i++) if (present[i]! >= 0) running[serviceOf[i]! * nodes + present[i]!]!++;
  return renamed(instance, counts, (set) => {
    const stays = set.flatMap((from) =>
      set.map((to) => {
        let both = 0;
        for (let s = 0; s < services; s++) both += Math.min(counts[s * nodes + from]!, running[s * nodes + to]!);
        return { from, to, both };
      }),
    );
    const source = new Map<number, number>();
    const used = new Set<number>();
    for (const { from, to } of stays.sort((one, other) => other.both - one.both)) {
      if (source.has(to) || used.has(from)) continue;
      source.set(to, from);
      used.add(from);
    }
    return set.map((to) => source.get(to)!);
  });
}

/** `sources` says for a set which of its nodes' counts each of its nodes, in turn, takes over. */
function renamed(instance: Instance, counts: Int32Array, sources: (set: readonly number[]) => readonly number[]): Int32Array {
  const { services, nodes } = instance;
  const result = Int32Array.from(counts);
  for (const set of alikeNodes(instance))
    for (const [at, from] of sources(set).entries())
      for (let s = 0; s < services; s++) result[s * nodes + set[at]!] = counts[s * nodes + from]!;
  return result;
}
