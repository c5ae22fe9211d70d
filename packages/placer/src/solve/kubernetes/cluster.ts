/** What the scheduler knows of nodes and of the pods it has placed: whole numbers, as Kubernetes counts them. @module */
import type { Resource } from "../../problem/problem.ts";
import type { Instance, NodeOf, Rule, Topology } from "../instance.ts";

/** What a container is taken to need, in scores, that asks for nothing. [pkg/scheduler/util/pod_resources.go] */
const unasked: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 2 ** 20 };
/** What may be used of a capacity, without the hair that `compile` adds against rounding, which whole numbers do not need. */
const usable = (capacity: number, whole: number): number => (whole === 0 ? 0 : whole * (Math.round((capacity / whole) * 1e10) / 1e10));
/** Parts of 1 for shares of a cluster: fine enough for nodes of a hundred-thousandth, and a hundred times all of them is still exact. */
const parts: Readonly<Record<Resource["unit"], number>> = { cores: 1000, bytes: 1, count: 1, share: 1e12 };

/** How many replicas of one service are in each domain of a topology. */
export interface DomainCounts {
  readonly topology: Topology;
  /** `Int32Array[domains]`. */
  readonly counts: Int32Array;
}

/** A cluster while pods are placed one by one. */
export interface Cluster {
  readonly instance: Instance;
  /** `Float64Array[nodes × resources]`: allocatable; milli-cores, bytes, counts, 10⁻¹² of the cluster. */
  readonly allocatable: Float64Array;
  /** `Float64Array[nodes × resources]`: requested by the pods that are there. */
  readonly requested: Float64Array;
  /** The same, with 100 m and 200 MiB for each that asked for nothing. */
  readonly nonZeroRequested: Float64Array;
  /** `Float64Array[services × resources]`: a pod's request. */
  readonly request: Float64Array;
  /** The same, with 100 m and 200 MiB for what is not asked for. */
  readonly nonZeroRequest: Float64Array;
  /** Indices of `cpu` and `memory`, of those that the problem has: what the scores look at. */
  readonly scored: readonly number[];
  /** `Int16Array[services × nodes]`: replicas of a service on a node. */
  readonly counts: Int16Array;
  /** Nodes by zone, as the defaults of PodTopologySpread count; null where no node has a zone. */
  readonly zones: Topology | null;
  readonly nodeOf: NodeOf;
  /** A service's own rules, and those of others (or its own) that speak of it. */
  readonly rulesOf: (service: number) => readonly Rule[];
  readonly rulesAbout: (service: number) => readonly Rule[];
  /** Kept up to date from the first call on. */
  readonly inDomains: (service: number, topology: Topology) => Int32Array;
  readonly place: (replica: number, node: number) => void;
}

const none: readonly Rule[] = [];

function groupBy(rules: readonly Rule[], key: (rule: Rule) => number): Map<number, Rule[]> {
  return Map.groupBy(rules, key);
}

function zonesOf({ problem, nodes }: Instance): Topology | null {
  const values = problem.nodes.map(({ zone }) => zone);
  const names = [...new Set(values.filter((zone) => zone !== null))];
  if (names.length === 0) return null;
  const domainOf = new Int32Array(nodes);
  for (const [m, zone] of values.entries()) domainOf[m] = zone === null ? -1 : names.indexOf(zone);
  return { name: "zone", domainOf, domains: names.length };
}

/** An empty cluster; what is pinned or present is not placed yet. */
export function createCluster(instance: Instance): Cluster {
  const { problem, nodes, services, replicas, resources, capacity, wholeCapacity, demand, serviceOf, rules } = instance;
  const scale = problem.resources.map(({ unit }) => parts[unit]);
  const allocatable = capacity.map((value, at) => Math.floor(usable(value, wholeCapacity[at]!) * scale[at % resources]! + 1e-3));
  const request = demand.map((value, at) => Math.ceil(value * scale[at % resources]! - 1e-3));
  const nonZeroRequest = request.map((value, at) => {
    const { name, unit } = problem.resources[at % resources]!;
    const silent = value === 0 && problem.services[Math.floor(at / resources)]!.requests[name] === undefined;
    return silent && unit !== "share" ? (unasked[name] ?? 0) : value;
  });
  const requested = new Float64Array(nodes * resources);
  const nonZeroRequested = new Float64Array(nodes * resources);
  const counts = new Int16Array(services * nodes);
  const nodeOf = new Int32Array(replicas).fill(-1);
  const own = groupBy(rules, ({ service }) => service);
  const about = groupBy(
    rules.filter(({ kind }) => kind !== "spread"),
    (rule) => (rule.kind === "spread" ? -1 : rule.other),
  );
  const watched = new Map<number, DomainCounts[]>();

  return {
    instance,
    allocatable,
    requested,
    nonZeroRequested,
    request,
    nonZeroRequest,
    scored: ["cpu", "memory"].map((name) => problem.resources.findIndex((one) => one.name === name)).filter((at) => at >= 0),
    counts,
    zones: zonesOf(instance),
    nodeOf,
    rulesOf: (service) => own.get(service) ?? none,
    rulesAbout: (service) => about.get(service) ?? none,
    inDomains(service, topology) {
      const list = watched.get(service) ?? [];
      if (list.length === 0) watched.set(service, list);
      const known = list.find((one) => one.topology === topology);
      if (known) return known.counts;
      const domains = new Int32Array(topology.domains);
      for (let m = 0; m < nodes; m++) if (topology.domainOf[m]! >= 0) domains[topology.domainOf[m]!]! += counts[service * nodes + m]!;
      list.push({ topology, counts: domains });
      return domains;
    },
    place(replica, node) {
      const s = serviceOf[replica]!;
      nodeOf[replica] = node;
      counts[s * nodes + node]!++;
      for (let r = 0; r < resources; r++) {
        requested[node * resources + r]! += request[s * resources + r]!;
        nonZeroRequested[node * resources + r]! += nonZeroRequest[s * resources + r]!;
      }
      for (const { topology, counts: domains } of watched.get(s) ?? []) {
        const domain = topology.domainOf[node]!;
        if (domain >= 0) domains[domain]!++;
      }
    },
  };
}
