/**
 * A cluster like the ones that ByteDance published: hundreds of services, thousands of replicas, nodes of a few sizes, nearly full.
 * As there, Kubernetes keeps about a tenth of the traffic on-node and a greedy like NetMARKS a third (bench/placement.sh).
 * The whole cluster has 1 of each resource. Also the frame of {@link huge}. @module
 */
import { buildProblem } from "../problem/build-problem.ts";
import type { NodeMatch, Problem } from "../problem/problem.ts";
import { presentAssignment } from "./present-assignment.ts";
import { createRandom, type Random } from "./random.ts";
import { trafficGraph } from "./traffic-graph.ts";

/** What is asked of {@link industrial}; all of it has defaults. */
export interface IndustrialOptions {
  readonly seed?: number;
  readonly nodes?: number;
  readonly services?: number;
  /** Of all services, about. */
  readonly replicas?: number;
  readonly edges?: number;
  /** Share of the CPU that is requested, 0 to 1. */
  readonly requested?: number;
  /**
   * 0 easy to 1 hard: the harder, the less the first few edges dominate, the larger the services that talk, the more of them hang on hubs, and
   * the more heavy pairs are of many replicas with few.
   * Drawn from the seed unless given: seeds 1, 2, 3, 4, 5 have 0.5, 0.25, 0.75, 0, 1, and so on in turn.
   */
  readonly hardness?: number;
  /** `industrial` unless given. */
  readonly name?: string;
  /** How services that may not run everywhere are kept to some nodes: a list of their names, or a selector of their size. `names` unless given. */
  readonly restrictBy?: "names" | "size";
}

const hardnessOfSeed = [0.5, 0.25, 0.75, 0, 1] as const;
/** CPU and memory of the sizes of nodes, and how often each is. */
const sizes = [
  { cpu: 1, memory: 1, often: 0.55 },
  { cpu: 1.5, memory: 1.4, often: 0.3 },
  { cpu: 2, memory: 2.6, often: 0.15 },
] as const;

/** Heavy-tailed counts, at least 1 and at most `most`, that sum to about `total`. */
function replicaCounts(services: number, total: number, most: number, random: Random): number[] {
  const raw = Array.from({ length: services }, () => random.pareto(1.3, 1));
  // Rounding up and the ceiling bend the sum: bisect the factor that meets it.
  let low = 0;
  let high = total;
  const counts = (factor: number): number[] => raw.map((value) => Math.max(1, Math.min(most, Math.round(value * factor))));
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (counts(middle).reduce((a, b) => a + b, 0) > total) high = middle;
    else low = middle;
  }
  return counts(low);
}

/** Scales `raw`, per replica, until all replicas together take `total`; nothing above `most`. */
function scaled(raw: readonly number[], counts: readonly number[], total: number, most: number): number[] {
  let low = 0;
  let high = most / Math.min(...raw);
  const at = (factor: number): number[] => raw.map((value) => Math.min(most, value * factor));
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (at(middle).reduce((sum, value, s) => sum + value * counts[s]!, 0) > total) high = middle;
    else low = middle;
  }
  return at(low);
}

/**
 * Makes one.
 *
 * @throws {Error} when what is requested does not fit, which takes a share near 1
 * @example
 * ```ts
 * const problem = industrial({ seed: 3 }); // 550 services, about 3500 replicas, 96 nodes, 88 % of the CPU
 * ```
 */
export function industrial(options: IndustrialOptions = {}): Problem {
  const {
    seed = 1,
    nodes = 96,
    services = 550,
    replicas = 3500,
    edges = Math.round((services * 350) / 550),
    requested = 0.88,
    name = "industrial",
    restrictBy = "names",
  } = options;
  const hardness = options.hardness ?? hardnessOfSeed[(seed - 1 + 5 * 2 ** 20) % 5]!;
  const random = createRandom(seed);
  const counts = replicaCounts(services, replicas, Math.max(2, Math.round(nodes * 1.5)), random);

  const kinds = Array.from({ length: nodes }, (_, i) => {
    const at = (i + 0.5) / nodes;
    return at < sizes[0].often ? sizes[0] : at < sizes[0].often + sizes[1].often ? sizes[1] : sizes[2];
  });
  const all = { cpu: kinds.reduce((sum, { cpu }) => sum + cpu, 0), memory: kinds.reduce((sum, { memory }) => sum + memory, 0) };
  const nodeParts = kinds.map(({ cpu, memory }, i) => ({
    name: `n${String(i).padStart(3, "0")}`,
    capacity: { cpu: cpu / all.cpu, memory: memory / all.memory },
    labels: { size: String(sizes.findIndex((size) => size.cpu === cpu)) },
  }));
  const smallest = 1 / Math.max(all.cpu, all.memory);

  // Which services talk is drawn before their sizes, so that those that talk may be made small in an easy problem.
  const graph = trafficGraph(counts, edges, { skew: 1.3 - 0.35 * hardness, hubs: 0.5 + 0.4 * hardness, uneven: hardness }, random);
  const talks = new Set(graph.flatMap(({ a, b }) => [a, b]));
  const shrink = 0.4 + 2 * hardness;
  const cpu = scaled(
    counts.map((_, s) => random.logNormal(1.1) * (talks.has(s) ? shrink : 1)),
    counts,
    requested,
    smallest / 3,
  );
  const memoryRequested = 0.6 + 0.15 * random.next();
  const memory = scaled(
    cpu.map((value) => value * random.logNormal(0.7)),
    counts,
    (memoryRequested * requested) / 0.88,
    smallest / 3,
  );

  const compatible = counts.map((): readonly string[] | null => {
    if (random.next() > 0.12) return null;
    const share = 0.3 + 0.5 * random.next();
    const size = String(random.below(2));
    const allowed = nodeParts.filter(({ labels }) => (restrictBy === "size" ? labels.size === size : random.next() < share));
    return allowed.length < nodes / 5 ? null : allowed.map((node) => node.name);
  });
  const serviceParts = counts.map((count, s) => {
    const service = `s${String(s).padStart(String(services - 1).length, "0")}`;
    return {
      name: service,
      replicas: Array.from({ length: count }, (_, i) => `${service}-${i}`),
      requests: { cpu: cpu[s]!, memory: memory[s]! },
      nodes: compatible[s]!,
    };
  });
  const sizeOf = new Map(nodeParts.map((node) => [node.name, node.labels.size]));
  const selectorOf = (allowed: readonly string[] | null): NodeMatch[][] =>
    allowed === null ? [] : [[{ key: "size", operator: "In", values: [sizeOf.get(allowed[0]!)!] }]];
  return buildProblem({
    name: `${name}-${seed}`,
    resources: [
      { name: "cpu", unit: "share" },
      { name: "memory", unit: "share" },
    ],
    nodes: nodeParts,
    services:
      restrictBy === "names"
        ? serviceParts
        : serviceParts.map((service) => ({ ...service, nodes: null, nodeSelector: selectorOf(service.nodes) })),
    traffic: graph.map(({ a, b, weight }) => ({
      from: serviceParts[a]!.name,
      to: serviceParts[b]!.name,
      messagesPerSecond: weight,
      bytesPerSecond: 0,
      sources: [`generate:${name}`],
    })),
    assignment: presentAssignment(nodeParts, serviceParts, random),
  });
}
