/** A problem of what was measured. @module */
import type { Catalog } from "@mitsu/catalog";
import { buildProblem, replicaNames, type ServiceParts } from "../problem/build-problem.ts";
import type { Demand, NodeSpec, Problem, Resource, ServiceSpec, TrafficEdge } from "../problem/problem.ts";
import { merge } from "./merge.ts";
import type { Observation } from "./observation.ts";

/** What the measured is put into. */
export interface ProblemBasis {
  /** Nodes, services and rules; what was measured replaces what it has of the same. */
  readonly problem: Problem | undefined;
  readonly nodes: readonly NodeSpec[];
  /** Resources of the nodes besides cpu and memory; the problem's unless given. */
  readonly resources?: readonly Resource[];
  /** Tells how many replicas services have, and on which nodes. */
  readonly catalog: Catalog | undefined;
}

/** The problem, and what a person must know of how it came about. */
export interface ProfiledProblem {
  readonly problem: Problem;
  readonly notices: readonly string[];
}

/**
 * Merges observations into a problem.
 *
 * @example
 * ```ts
 * const { problem } = profileProblem([await observeCgroups(…)], { problem: undefined, nodes: [thisNode()], catalog: undefined });
 * ```
 */
export function profileProblem(
  observations: readonly Observation[],
  { problem, nodes, resources, catalog }: ProblemBasis,
): ProfiledProblem {
  const merged = merge(observations);
  const notices = [...merged.notices];
  const names = new Map(merged.services.map(({ name }) => [name, cleanName(name)]));
  for (const [name, clean] of names) if (clean !== name) notices.push(`service ${JSON.stringify(name)} is written as ${clean}`);
  const known = new Map((problem?.services ?? []).map((service) => [service.name, service]));
  const taken = new Set((problem?.services ?? []).flatMap(({ replicas }) => replicas));
  const placed: Record<string, string> = {};
  const nodeNames = new Set(nodes.map(({ name }) => name));
  const measured = new Map<string, ServiceParts>();
  for (const { name, replicas, demand: unrounded } of merged.services) {
    const demand = Object.fromEntries(Object.entries(unrounded).map(([resource, one]) => [resource, roundedDemand(one)]));
    const clean = names.get(name)!;
    const before = measured.get(clean) ?? known.get(clean);
    if (before) {
      const count = Array.isArray(before.replicas) ? before.replicas.length : undefined;
      if (replicas !== undefined && count !== undefined && count !== replicas) {
        notices.push(`${clean}: ${replicas} replicas were measured, the problem has ${count}; the problem's are kept`);
      }
      measured.set(clean, { ...before, demand: { ...before.demand, ...demand } });
      continue;
    }
    const ofCatalog = catalog?.services.find((service) => service.name === name)?.replicas ?? [];
    const chosen = freeNames(clean, Math.max(1, replicas ?? 0, ofCatalog.length), taken);
    for (const [index, { node }] of ofCatalog.entries()) if (node !== null && nodeNames.has(node)) placed[chosen[index]!] = node;
    measured.set(clean, { name: clean, replicas: chosen, demand });
  }
  const services: (ServiceParts | ServiceSpec)[] = (problem?.services ?? []).map((service) => measured.get(service.name) ?? service);
  for (const [name, service] of measured) if (!known.has(name)) services.push(service);
  return {
    problem: buildProblem({
      ...problem,
      ...(resources ? { resources } : {}),
      nodes,
      services,
      traffic: withKept(problem?.traffic ?? [], renamed(merged.edges, names, notices), notices),
      assignment: { ...placed, ...problem?.assignment },
    }),
    notices,
  };
}

/** Nothing is measured to more than six digits. */
const rounded = (value: number): number => Number(value.toPrecision(6));

function roundedDemand({ mean, p50, p95, p99 }: Demand): Demand {
  return { mean: rounded(mean), p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) };
}

/** Edges with their services' names as they are written, those that then are one added up. */
function renamed(edges: readonly TrafficEdge[], names: ReadonlyMap<string, string>, notices: string[]): TrafficEdge[] {
  const byPair = new Map<string, TrafficEdge>();
  let own = 0;
  for (const edge of edges) {
    const [from, to] = [names.get(edge.from)!, names.get(edge.to)!];
    if (from === to) {
      own++;
      continue;
    }
    const key = JSON.stringify([from, to]);
    const same = byPair.get(key);
    byPair.set(key, {
      from,
      to,
      messagesPerSecond: edge.messagesPerSecond + (same?.messagesPerSecond ?? 0),
      bytesPerSecond: edge.bytesPerSecond + (same?.bytesPerSecond ?? 0),
      sources: [...new Set([...(same?.sources ?? []), ...edge.sources])],
    });
  }
  if (own > 0) notices.push(`${own} services talk among their own replicas; that is in no edge`);
  return [...byPair.values()].map((edge) => ({
    ...edge,
    messagesPerSecond: rounded(edge.messagesPerSecond),
    bytesPerSecond: rounded(edge.bytesPerSecond),
  }));
}

/** What was measured, and what the problem had that was not. */
function withKept(before: readonly TrafficEdge[], measured: readonly TrafficEdge[], notices: string[]): TrafficEdge[] {
  const key = ({ from, to }: TrafficEdge): string => JSON.stringify([from, to]);
  const pairs = new Set(measured.map(key));
  const kept = before.filter((edge) => !pairs.has(key(edge)));
  if (kept.length > 0) notices.push(`${kept.length} of the problem's ${before.length} edges were not measured and are kept as they were`);
  return [...measured, ...kept];
}

/** Names of replicas that no service has yet. */
function freeNames(service: string, count: number, taken: Set<string>): string[] {
  const names: string[] = [];
  for (let index = 0; names.length < count; index++) {
    const name = replicaNames(service, index + 1).at(-1)!;
    if (!taken.has(name)) names.push(name);
    taken.add(name);
  }
  return names;
}

/** A problem's names have 1 to 253 characters, without control characters; room is left for a replica's number. */
function cleanName(name: string): string {
  const clean = name
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, 240)
    .trim();
  if (clean === "") return "unnamed";
  return clean in {} ? `${clean}-service` : clean;
}
