/** Small problems of every shape: what `exact` proves, and what fuzzing throws at all strategies. Always solvable. @module */
import { buildProblem, type NodeParts, type ServiceParts, type TrafficParts } from "../problem/build-problem.ts";
import type { AffinityRule, Problem, SpreadRule } from "../problem/problem.ts";
import { createRandom, type Random } from "./random.ts";
import { pairsOf, shapes } from "./small-shapes.ts";

/** What is asked of {@link small}; drawn from the seed where not given. */
export interface SmallOptions {
  readonly seed?: number;
  /** At most 4 unless given. */
  readonly nodes?: number;
  /** 5 to 30 unless given. */
  readonly services?: number;
  /** Of all services; at most a third more than there are services unless given. */
  readonly replicas?: number;
  /** Share of the CPU that is requested; 1 over a slack of 1.2 to 2 unless given. */
  readonly requested?: number;
  /** Draw rules too: names of nodes, selectors, taints, pins, affinity, anti-affinity, spread, musts and wishes. No rules unless true. */
  readonly rules?: boolean;
}

const hundredth = (value: number): number => Math.ceil(value * 100) / 100;
/** Within capacities, each replica on the emptiest node, large ones first. Null when one fits nowhere. */
function hiddenPlacement(
  cpu: readonly number[],
  memory: readonly number[],
  capacity: readonly { cpu: number; memory: number }[],
  random: Random,
): number[] | null {
  // A hair less than there is, as `compile` has it.
  const free = capacity.map((node) => ({ cpu: node.cpu * (1 - 1e-8), memory: node.memory * (1 - 1e-8) }));
  const placed = new Array<number>(cpu.length);
  for (const replica of random.shuffle([...cpu.keys()]).sort((a, b) => cpu[b]! - cpu[a]!)) {
    const fits = free.flatMap((node, m) => (node.cpu >= cpu[replica]! && node.memory >= memory[replica]! ? [m] : []));
    if (fits.length === 0) return null;
    const m = fits.reduce((best, one) => (free[one]!.cpu > free[best]!.cpu ? one : best));
    free[m]!.cpu -= cpu[replica]!;
    free[m]!.memory -= memory[replica]!;
    placed[replica] = m;
  }
  return placed;
}

/**
 * Makes one. A placement is drawn first and hidden; nodes are as large as it needs, and rules that must hold are only drawn when it keeps them.
 *
 * @example
 * ```ts
 * const problem = small({ seed: 7, nodes: 3, rules: true });
 * ```
 */
export function small(options: SmallOptions = {}): Problem {
  const { seed = 1, rules = false } = options;
  const random = createRandom(seed);
  const nodes = options.nodes ?? 2 + random.below(3);
  const services = options.services ?? 5 + random.below(26);
  const extra = options.replicas === undefined ? random.below(1 + Math.floor(services / 3)) : Math.max(0, options.replicas - services);
  const shape = random.pick(shapes);

  const counts = new Array<number>(services).fill(1);
  for (let i = 0; i < extra; i++) counts[random.below(services)]!++;
  const cpu = counts.map(() => hundredth(0.05 + 0.4 * random.logNormal(0.8)));
  const memory = counts.map(() => Math.ceil(16 + 256 * random.logNormal(0.8)) * 2 ** 20);
  const serviceOf = counts.flatMap((count, s) => new Array<number>(count).fill(s));

  const wanted = options.requested === undefined ? 1.2 + 0.8 * random.next() : 1 / options.requested;
  const weights = Array.from({ length: nodes }, () => (random.next() < 0.7 ? 1 : 1 + random.next()));
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const share = (all: number, m: number): number => (all * weights[m]!) / sum(weights);
  let capacity: { cpu: number; memory: number }[] = [];
  let hidden: number[] | null = null;
  const replicaCpu = serviceOf.map((s) => cpu[s]!);
  const replicaMemory = serviceOf.map((s) => memory[s]!);
  for (let slack = wanted; hidden === null; slack *= 1.04) {
    capacity = weights.map((_, m) => ({
      cpu: hundredth(share(slack * sum(replicaCpu), m)),
      memory: Math.ceil(share(slack * 1.2 * sum(replicaMemory), m) / 2 ** 20) * 2 ** 20,
    }));
    hidden = hiddenPlacement(replicaCpu, replicaMemory, capacity, random);
  }

  const nodeParts = capacity.map(
    (node, m): NodeParts => ({
      name: `n${m + 1}`,
      capacity: node,
      zone: `z${m % 2}`,
      labels: { disk: m % 3 === 0 ? "ssd" : "hdd" },
      // Of the effects, the one that may give way, so that the hidden placement stays possible.
      taints: rules && random.next() < 0.2 ? [{ key: "old", value: "", effect: "PreferNoSchedule" }] : [],
    }),
  );
  const nameOf = (s: number): string => `s${String(s).padStart(2, "0")}`;
  const whereabouts = counts.map((_, s) => serviceOf.flatMap((of, replica) => (of === s ? [hidden[replica]!] : [])));
  const serviceParts = counts.map(
    (count, s): ServiceParts => ({
      name: nameOf(s),
      replicas: count,
      requests: { cpu: cpu[s]!, memory: memory[s]! },
      moveBytes: memory[s]!,
      ...(rules && random.next() < 0.35 ? rulesFor(s, whereabouts, nodeParts, nameOf, random) : {}),
    }),
  );
  const traffic = pairsOf(shape, services, random).map(([from, to]): TrafficParts => {
    const messagesPerSecond = Math.round(1 + 100 * random.logNormal(1.2));
    return {
      from: nameOf(from),
      to: nameOf(to),
      messagesPerSecond,
      bytesPerSecond: messagesPerSecond * (64 + random.below(2000)),
      sources: ["generate:small"],
    };
  });
  const placedBefore = random.next() < 0.7;
  const names = serviceParts.flatMap(({ name, replicas }) => Array.from({ length: replicas as number }, (_, i) => `${name}-${i}`));
  return buildProblem({
    name: `small-${seed}-${shape}`,
    nodes: nodeParts,
    services: serviceParts,
    traffic,
    assignment: placedBefore ? Object.fromEntries(names.map((name, replica) => [name, nodeParts[hidden[replica]!]!.name!])) : {},
  });
}

/** One to three rules of a service, all of whose musts the hidden placement keeps. */
function rulesFor(
  s: number,
  whereabouts: readonly (readonly number[])[],
  nodes: readonly NodeParts[],
  nameOf: (service: number) => string,
  random: Random,
): Omit<ServiceParts, "name"> {
  const own = whereabouts[s]!;
  const other = random.below(whereabouts.length);
  const within = random.pick(["node", "node", "zone", "disk"]);
  const domainOf = (m: number): string =>
    within === "node" ? nodes[m]!.name : within === "zone" ? nodes[m]!.zone! : nodes[m]!.labels!.disk!;
  const theirs = new Set(whereabouts[other]!.map(domainOf));
  const weightUnless = (kept: boolean): number | null => (kept && random.next() < 0.7 ? null : 1 + random.below(100));
  const alone = other === s;
  const apart = alone ? new Set(own.map(domainOf)).size === own.length : own.every((m) => !theirs.has(domainOf(m)));
  const together = alone ? new Set(own.map(domainOf)).size === 1 : own.every((m) => theirs.has(domainOf(m)));
  const affinity = (kept: boolean): AffinityRule => ({ service: nameOf(other), within, weight: weightUnless(kept) });
  const spread = (): SpreadRule => {
    const counts = [...new Set(nodes.map((_, m) => domainOf(m)))].map((domain) => own.filter((m) => domainOf(m) === domain).length);
    const skew = Math.max(...counts) - Math.min(...counts);
    const maxSkew = 1 + random.below(2);
    return { over: within, maxSkew, weight: weightUnless(skew <= maxSkew) };
  };
  switch (random.below(7)) {
    case 0:
      return { nodes: nodes.filter((_, m) => own.includes(m) || random.next() < 0.5).map(({ name }) => name) };
    case 1:
      return { pinned: { [`${nameOf(s)}-0`]: nodes[own[0]!]!.name } };
    case 2: {
      const values = [...new Set(own.map((m) => nodes[m]!.labels!.disk!))];
      return { nodeSelector: [[{ key: "disk", operator: "In", values }]] };
    }
    case 3:
      return { preferredNodes: [{ weight: 1 + random.below(100), match: [{ key: "disk", operator: "In", values: ["ssd"] }] }] };
    case 4:
      return { affinity: [affinity(together)] };
    case 5:
      return { antiAffinity: [affinity(apart)] };
    default:
      return { spread: [spread()] };
  }
}
