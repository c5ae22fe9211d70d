/** Tiny problems at random, with every kind of rule, small enough to try every placement. @module */
import { buildProblem } from "../../src/problem/build-problem.ts";
import type { AffinityRule, NodeSpec, Problem, ServiceSpec, SpreadRule } from "../../src/problem/problem.ts";

/** Numbers from 0 to 1, the same for the same seed. [mulberry32] */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A problem with what is given, and nothing else said. */
export function problemOf(
  nodes: readonly (Partial<NodeSpec> & Pick<NodeSpec, "name" | "capacity">)[],
  services: readonly (Partial<ServiceSpec> & Pick<ServiceSpec, "name"> & { count: number })[],
  rest: Partial<Pick<Problem, "traffic" | "assignment">> = {},
): Problem {
  return buildProblem({
    name: "tiny",
    nodes,
    services: services.map(({ count, ...service }) => ({ replicas: count, ...service })),
    ...rest,
  });
}

/** Which kinds of rules a tiny problem may have. */
export type Spice = "affinity" | "antiAffinity" | "spread" | "nodes" | "pinned" | "wishes";

/** A problem of at most 4 services, 8 replicas and 3 nodes; of one size when `alike`. */
export function tinyProblem(seed: number, spices: readonly Spice[], tightness = 1.4, alike = false): Problem {
  const random = randomFrom(seed * 7919 + 13);
  const below = (n: number): number => Math.floor(random() * n);
  const chance = (share: number): boolean => random() < share;
  const nodeCount = 2 + below(2);
  const serviceCount = 2 + below(3);
  const names = ["a", "b", "c", "d"].slice(0, serviceCount);
  const counts = names.map(() => 1 + below(serviceCount === 2 ? 3 : 2));
  const demands = names.map(() => ({ cpu: (1 + below(12)) / 4 + (chance(0.3) ? random() : 0), memory: 1e8 * (1 + below(9)) }));
  const totalOf = (resource: "cpu" | "memory"): number => demands.reduce((sum, one, at) => sum + one[resource] * counts[at]!, 0);
  const spreadOut = (): number => (alike ? 1 : 0.7 + 0.6 * random());
  const topologies = ["node", "zone", "rack"];
  const nodes = Array.from({ length: nodeCount }, (_, at) => ({
    name: `n${at}`,
    capacity: {
      cpu: (totalOf("cpu") / nodeCount) * tightness * spreadOut(),
      memory: Math.round((totalOf("memory") / nodeCount) * tightness * spreadOut()),
    },
    zone: chance(0.8) ? `z${below(2)}` : null,
    labels: chance(0.7) ? { rack: `r${below(2)}` } : ({} as Record<string, string>),
    taints:
      spices.includes("nodes") && chance(0.2)
        ? [{ key: "t", value: "", effect: chance(0.5) ? ("NoSchedule" as const) : ("PreferNoSchedule" as const) }]
        : [],
  }));
  const weight = (): number | null => (spices.includes("wishes") && chance(0.6) ? 1 + below(100) : null);
  const services = names.map((name, at) => {
    const beside = (kind: Spice): AffinityRule[] =>
      spices.includes(kind) && chance(0.5)
        ? [{ service: names[below(serviceCount)]!, within: topologies[below(3)]!, weight: weight() }]
        : [];
    const spread: SpreadRule[] =
      spices.includes("spread") && chance(0.5) ? [{ over: topologies[below(3)]!, maxSkew: 1 + below(2), weight: weight() }] : [];
    return {
      name,
      count: counts[at]!,
      requests: demands[at]!,
      nodes: spices.includes("nodes") && chance(0.3) ? nodes.filter(() => chance(0.6)).map((node) => node.name) : null,
      preferredNodes:
        spices.includes("wishes") && chance(0.3)
          ? [{ weight: 50, match: [{ key: "kubernetes.io/hostname", operator: "In" as const, values: [`n${below(nodeCount)}`] }] }]
          : [],
      pinned: spices.includes("pinned") && chance(0.3) ? { [`${name}-0`]: `n${below(nodeCount)}` } : ({} as Record<string, string>),
      affinity: beside("affinity"),
      antiAffinity: beside("antiAffinity"),
      spread,
      moveBytes: 1 + below(5),
    };
  });
  const traffic = names.flatMap((from, i) =>
    names
      .slice(i + 1)
      .flatMap((to) =>
        chance(0.7) ? [{ from, to, messagesPerSecond: Math.round(1000 * random() ** 3), bytesPerSecond: 0, sources: [] }] : [],
      ),
  );
  const assignment = Object.fromEntries(
    services.flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, at) => [`${name}-${at}`, `n${below(nodeCount)}`] as const).filter(() => chance(0.8)),
    ),
  );
  return problemOf(nodes, services, { traffic, assignment });
}
