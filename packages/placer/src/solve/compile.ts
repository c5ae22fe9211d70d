/** From a problem to the numbers that solvers work on. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { AffinityRule, NodeSpec, Problem, ServiceSpec, SpreadRule } from "../problem/problem.ts";
import type { CompileOptions, Instance, Rule, Topology } from "./instance.ts";
import { dislike, labelOf, refusal } from "./node-match.ts";

/** Sums of the same figures in another order differ by less than this share of them: what fills a node to the last bit must fit. */
const rounding = 1e-12;
/** Counts of a service's replicas on a node are kept in 16 bits. */
const mostReplicas = 32_767;

/**
 * Compiles a problem: the same problem and options give equal numbers in the same order.
 *
 * @throws {MitsuError} `ERR_PLACER_TOO_LARGE` for a service of more than 32 767 replicas.
 * @example
 * ```ts
 * const instance = compile(problem, { maxUtilisation: 0.9 });
 * instance.capacity[0]; // cores of the first node that may be used
 * ```
 */
export function compile(problem: Problem, { maxUtilisation = 1, reserve = "requests" }: CompileOptions = {}): Instance {
  const { nodes, services, resources } = problem;
  const indexOfNode = new Map(nodes.map(({ name }, at) => [name, at]));
  const indexOfService = new Map(services.map(({ name }, at) => [name, at]));
  const firstReplica = new Int32Array(services.length + 1);
  for (const [at, { name, replicas }] of services.entries()) {
    if (replicas.length > mostReplicas) throw tooMany(name, replicas.length);
    firstReplica[at + 1] = firstReplica[at]! + replicas.length;
  }
  const replicas = firstReplica[services.length]!;
  const serviceOf = new Int32Array(replicas);
  const pinned = new Int32Array(replicas).fill(-1);
  const present = new Int32Array(replicas).fill(-1);
  for (const [s, service] of services.entries())
    for (const [k, name] of service.replicas.entries()) {
      const replica = firstReplica[s]! + k;
      serviceOf[replica] = s;
      const pin = service.pinned[name];
      if (pin !== undefined) pinned[replica] = indexOfNode.get(pin)!;
      const now = problem.assignment[name];
      if (now !== undefined) present[replica] = indexOfNode.get(now) ?? -1;
    }
  const wholeCapacity = new Float64Array(nodes.length * resources.length);
  for (const [m, { capacity }] of nodes.entries())
    for (const [r, { name }] of resources.entries()) wholeCapacity[m * resources.length + r] = capacity[name] ?? 0;
  const capacity = wholeCapacity.map((whole) => whole * maxUtilisation * (1 + rounding));
  const demand = new Float64Array(services.length * resources.length);
  for (const [s, service] of services.entries())
    for (const [r, { name }] of resources.entries()) demand[s * resources.length + r] = reserved(service, name, reserve);
  const topologies: Topology[] = [];
  const topology = (name: string): number => {
    const at = topologies.findIndex((one) => one.name === name);
    return at >= 0 ? at : topologies.push(domains(nodes, name)) - 1;
  };
  const rules = services.flatMap((service, s) => rulesOf(service, s, (name) => indexOfService.get(name)!, topology));
  return {
    problem,
    nodes: nodes.length,
    services: services.length,
    replicas,
    resources: resources.length,
    firstReplica,
    serviceOf,
    capacity,
    wholeCapacity,
    demand,
    allowed: allowedNodes(services, nodes, demand, capacity, rules, topologies),
    unwanted: unwantedNodes(services, nodes),
    pinned,
    present,
    ...traffic(problem, indexOfService),
    topologies,
    rules,
    moveBytes: Float64Array.from(services, ({ moveBytes }) => moveBytes),
  };
}

function tooMany(service: string, replicas: number): MitsuError {
  return new MitsuError(`service ${service} has ${replicas} replicas; at most ${mostReplicas} are possible`, {
    code: "ERR_PLACER_TOO_LARGE",
    exit: exitStatus.usage,
    hint: "split it into services of the same requests and traffic",
  });
}

/** What one replica of a service reserves of a resource. */
export function reserved(service: ServiceSpec, resource: string, reserve: NonNullable<CompileOptions["reserve"]>): number {
  const request = service.requests[resource];
  const demand = service.demand[resource];
  if (reserve === "requests") return request ?? demand?.p95 ?? 0;
  if (reserve === "larger") return Math.max(request ?? 0, demand?.p95 ?? 0);
  return demand?.[reserve] ?? request ?? 0;
}

function domains(nodes: readonly NodeSpec[], name: string): Topology {
  if (name === "node") return { name, domainOf: Int32Array.from(nodes.keys()), domains: nodes.length };
  const known = new Map<string, number>();
  const domainOf = Int32Array.from(nodes, (node) => {
    const value = labelOf(node, name);
    if (value === undefined) return -1;
    const at = known.get(value) ?? known.size;
    known.set(value, at);
    return at;
  });
  return { name, domainOf, domains: known.size };
}

function rulesOf(
  service: ServiceSpec,
  at: number,
  indexOf: (service: string) => number,
  topology: (name: string) => number,
): readonly Rule[] {
  const share = (weight: number | null): number | null => (weight === null ? null : weight / 100);
  const beside =
    (kind: "affinity" | "antiAffinity") =>
    ({ service: other, within, weight }: AffinityRule): Rule => ({
      kind,
      service: at,
      other: indexOf(other),
      topology: topology(within),
      weight: share(weight),
    });
  const spread = ({ over, maxSkew, weight }: SpreadRule): Rule => ({
    kind: "spread",
    service: at,
    topology: topology(over),
    maxSkew,
    weight: share(weight),
  });
  return [...service.affinity.map(beside("affinity")), ...service.antiAffinity.map(beside("antiAffinity")), ...service.spread.map(spread)];
}

function allowedNodes(
  services: readonly ServiceSpec[],
  nodes: readonly NodeSpec[],
  demand: Float64Array,
  capacity: Float64Array,
  rules: readonly Rule[],
  topologies: readonly Topology[],
): Uint8Array {
  const resources = nodes.length === 0 ? 0 : capacity.length / nodes.length;
  const allowed = new Uint8Array(services.length * nodes.length);
  const plainNodes = nodes.every(({ taints }) => taints.length === 0);
  for (const [s, service] of services.entries()) {
    // Most services of large clusters say nothing of nodes; a set is quicker than a list for those that name many.
    const names = service.nodes === null ? null : new Set(service.nodes);
    const rest = { ...service, nodes: null };
    const plain = plainNodes && service.nodeSelector.length === 0;
    for (let m = 0; m < nodes.length; m++) {
      const node = nodes[m]!;
      let may = names === null || names.has(node.name);
      if (may && !plain) may = refusal(rest, node) === null;
      for (let r = 0; may && r < resources; r++) may = demand[s * resources + r]! <= capacity[m * resources + r]!;
      allowed[s * nodes.length + m] = may ? 1 : 0;
    }
  }
  // A spread that must hold counts by label: nodes without it are out. [Kubernetes, podtopologyspread/filtering.go]
  for (const rule of rules) {
    if (rule.kind !== "spread" || rule.weight !== null) continue;
    const { domainOf } = topologies[rule.topology]!;
    for (let m = 0; m < nodes.length; m++) if (domainOf[m] === -1) allowed[rule.service * nodes.length + m] = 0;
  }
  return allowed;
}

function unwantedNodes(services: readonly ServiceSpec[], nodes: readonly NodeSpec[]): Float32Array | null {
  const tainted = nodes.some(({ taints }) => taints.some(({ effect }) => effect === "PreferNoSchedule"));
  if (!tainted && services.every(({ preferredNodes }) => preferredNodes.length === 0)) return null;
  const unwanted = new Float32Array(services.length * nodes.length);
  for (const [s, service] of services.entries())
    for (const [m, node] of nodes.entries()) unwanted[s * nodes.length + m] = dislike(service, node);
  return unwanted;
}

function traffic({ traffic: edges, costs }: Problem, indexOf: ReadonlyMap<string, number>): Pick<Instance, "edges" | "remoteCores"> {
  const pairs = new Map<string, { a: number; b: number; saving: number }>();
  let remoteCores = 0;
  for (const { from, to, messagesPerSecond, bytesPerSecond } of edges) {
    const [a, b] = [indexOf.get(from)!, indexOf.get(to)!].sort((one, other) => one - other) as [number, number];
    if (a === b) continue;
    const cores = ({ message, byte }: { message: number; byte: number }): number => messagesPerSecond * message + bytesPerSecond * byte;
    remoteCores += cores(costs.remote);
    const saving = Math.max(0, cores(costs.remote) - cores(costs.local));
    if (saving === 0) continue;
    const key = `${a} ${b}`;
    const pair = pairs.get(key);
    if (pair) pair.saving += saving;
    else pairs.set(key, { a, b, saving });
  }
  const all = [...pairs.values()];
  return {
    edges: {
      a: Int32Array.from(all, ({ a }) => a),
      b: Int32Array.from(all, ({ b }) => b),
      saving: Float64Array.from(all, ({ saving }) => saving),
    },
    remoteCores,
  };
}
