/** Brings what several sources saw together: one edge for each ordered pair, one demand for each service. @module */
import type { Demand, TrafficEdge } from "../problem/problem.ts";
import type { Observation, ObservedEdge } from "./observation.ts";

/** What all sources together saw. */
export interface Merged {
  readonly edges: readonly TrafficEdge[];
  readonly services: readonly MergedService[];
  /** Where sources contradict each other. */
  readonly notices: readonly string[];
}

/** A service as all sources together saw it. */
export interface MergedService {
  readonly name: string;
  readonly replicas: number | undefined;
  readonly demand: Readonly<Record<string, Demand>>;
}

interface Seen {
  readonly edge: ObservedEdge;
  readonly observation: Observation;
}

/** Beyond this factor two sources contradict each other. */
const conflict = 2;
const figure = (value: number): string => String(Number(value.toPrecision(3)));
const sourcesOf = ({ edge, observation }: Seen): readonly string[] => edge.sources ?? [observation.source];

/** What a source that sees only a part may lack of the bytes and still have seen all: two measurements are never of the same second. */
const slack = 0.9;

/** Whether `a` cannot see everything, and has indeed seen less than `b`. */
function sawLess(a: Seen, b: Seen): boolean {
  const partial = a.observation.partial === true && b.observation.partial !== true;
  return partial && (a.edge.bytesPerSecond ?? 0) < slack * (b.edge.bytesPerSecond ?? 0);
}

/**
 * The better source first: one that counts before one that samples; of those that count, one that sees everything before one that does not and has
 * seen less; then one that need not estimate before one that must; then the one that watched longer.
 */
function better(a: Seen, b: Seen): number {
  const kind = Number(a.observation.kind === "sample") - Number(b.observation.kind === "sample");
  return (
    kind ||
    Number(sawLess(a, b)) - Number(sawLess(b, a)) ||
    Number(a.edge.estimated) - Number(b.edge.estimated) ||
    b.observation.seconds - a.observation.seconds
  );
}

/**
 * Merges observations. For a pair that several saw, the figures are the better source's (bytes the next one's, where it has none) and all are named;
 * where they differ by more than a factor of two, a notice says so. Demand is a counting source's before a sampling one's.
 *
 * @example
 * ```ts
 * merge([ofSockhijack, ofTraces]).edges; // [{ from: "web", to: "db", messagesPerSecond: 20, bytesPerSecond: 900, sources: ["sockhijack", "jaeger:a.json"] }]
 * ```
 */
export function merge(observations: readonly Observation[]): Merged {
  const pairs = new Map<string, Seen[]>();
  for (const observation of observations) {
    for (const edge of observation.edges) {
      const key = JSON.stringify([edge.from, edge.to]);
      pairs.set(key, [...(pairs.get(key) ?? []), { edge, observation }]);
    }
  }
  const notices: string[] = [];
  const edges = [...pairs.values()].map((seen) => mergedEdge(seen.toSorted(better), notices));
  return { edges: edges.toSorted((a, b) => b.messagesPerSecond - a.messagesPerSecond), services: mergedServices(observations), notices };
}

function mergedEdge(seen: readonly Seen[], notices: string[]): TrafficEdge {
  const [best, ...others] = seen as [Seen, ...Seen[]];
  const { from, to, messagesPerSecond } = best.edge;
  for (const other of others) {
    const [less, more] = [messagesPerSecond, other.edge.messagesPerSecond].toSorted((a, b) => a - b) as [number, number];
    if (more <= less * conflict) continue;
    notices.push(
      `${from} → ${to}: ${sourcesOf(best)[0]} has ${figure(messagesPerSecond)} messages/s, ${sourcesOf(other)[0]} ${figure(other.edge.messagesPerSecond)}; the first is taken`,
    );
  }
  const bytes = seen.find(({ edge }) => edge.bytesPerSecond !== null)?.edge.bytesPerSecond ?? 0;
  return { from, to, messagesPerSecond, bytesPerSecond: bytes, sources: [...new Set(seen.flatMap(sourcesOf))] };
}

function mergedServices(observations: readonly Observation[]): MergedService[] {
  const byName = new Map<string, MergedService>();
  // Counting sources come last and so have the last word.
  const inOrder = observations.toSorted((a, b) => Number(a.kind === "count") - Number(b.kind === "count"));
  for (const { services, edges } of inOrder) {
    for (const { from, to } of edges) {
      for (const name of [from, to]) if (!byName.has(name)) byName.set(name, { name, replicas: undefined, demand: {} });
    }
    for (const { name, replicas, demand } of services) {
      const known = byName.get(name);
      byName.set(name, { name, replicas: replicas ?? known?.replicas, demand: { ...known?.demand, ...demand } });
    }
  }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
