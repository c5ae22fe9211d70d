/** Problems at random that are in order, with everything a file can say. @module */
import fc from "fast-check";
import { buildProblem, type ServiceParts } from "../../../src/problem/build-problem.ts";
import type { NodeMatch, NodeSpec, Problem } from "../../../src/problem/problem.ts";

const word = fc.stringMatching(/^[a-z0-9][a-z0-9./_-]{0,6}[a-z0-9]$/);
const text = fc.oneof(
  word,
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom("yes", "true", "1", "null", "~", "- a", "a: b", " x ", "0x1"),
);
/** Names that YAML could take for something else, among plain ones. */
const name = fc.oneof(
  word,
  word,
  fc.constantFrom("true", "null", "007", "1e3", "a: b", "#x", "käse", "- a", "*", "&a", "<<", "0.5", "12:30"),
);
const figure = fc.oneof(
  fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0),
  fc.nat(1e9),
  fc.constantFrom(0, 0.5, 2 ** 30, 3.3e-6),
);
const weight = fc.option(fc.integer({ min: 1, max: 100 }));
const labels = fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true });
const condition: fc.Arbitrary<NodeMatch> = fc.oneof(
  fc.record({
    key: name,
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.array(text, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: name, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const), values: fc.constant([]) }),
  fc.record({ key: name, operator: fc.constantFrom("Gt" as const, "Lt" as const), values: fc.integer().map((value) => [String(value)]) }),
);
const conditions = fc.array(condition, { minLength: 1, maxLength: 3 });
const effect = fc.constantFrom("NoSchedule" as const, "PreferNoSchedule" as const, "NoExecute" as const);
const quantities = fc.record({ cpu: figure, memory: figure, gpu: figure }, { requiredKeys: [], noNullPrototype: true });
const demand = fc.tuple(figure, figure, figure, figure).map(([mean, ...rest]) => {
  const [p50, p95, p99] = rest.sort((a, b) => a - b) as [number, number, number];
  return { mean, p50, p95, p99 };
});
const toleration = fc.oneof(
  fc.record({ key: name, operator: fc.constantFrom("Equal" as const, "Exists" as const), value: text, effect: fc.option(effect) }),
  fc.record({ key: fc.constant(""), operator: fc.constant("Exists" as const), value: fc.constant(""), effect: fc.option(effect) }),
);

const node = fc.record({
  capacity: quantities,
  zone: fc.option(name),
  labels,
  taints: fc.array(fc.record({ key: name, value: text, effect: fc.constant("PreferNoSchedule" as const) }), { maxLength: 2 }),
  numa: fc.array(fc.record({ cpus: fc.constantFrom("0-3", "0", "0-3,8-11"), memory: figure }), { maxLength: 2 }),
  images: fc.array(name, { maxLength: 2 }),
}) satisfies fc.Arbitrary<Omit<NodeSpec, "name">>;

const service = fc.record({
  replicas: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant("named" as const)),
  requests: quantities,
  demand: fc.record({ cpu: demand, gpu: demand }, { requiredKeys: [], noNullPrototype: true }),
  labels,
  application: text,
  preferredNodes: fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), match: conditions }), { maxLength: 2 }),
  tolerations: fc.array(toleration, { maxLength: 2 }),
  spread: fc.array(fc.record({ over: name, maxSkew: fc.integer({ min: 1, max: 5 }), weight }), { maxLength: 2 }),
  moveBytes: figure,
  images: fc.array(fc.record({ name, bytes: figure }), { maxLength: 2 }),
});

/** What refers to others, by numbers that are taken modulo. */
const links = fc.record({
  pin: fc.option(fc.nat()),
  nodes: fc.option(fc.nat()),
  nodeSelector: fc.array(conditions, { maxLength: 2 }),
  affinity: fc.array(fc.record({ other: fc.nat(), within: name, weight }), { maxLength: 2 }),
  antiAffinity: fc.array(fc.record({ other: fc.nat(), within: name, weight }), { maxLength: 2 }),
  traffic: fc.option(fc.record({ messagesPerSecond: figure, bytesPerSecond: figure, sources: fc.array(text, { maxLength: 2 }) })),
  now: fc.option(fc.nat()),
});

/** Whole problems. */
export const problems: fc.Arbitrary<Problem> = fc
  .record({
    name: text,
    gpu: fc.constantFrom("count" as const, "share" as const),
    nodeNames: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    serviceNames: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    nodes: fc.array(node, { minLength: 4, maxLength: 4 }),
    services: fc.array(service, { minLength: 4, maxLength: 4 }),
    links: fc.array(links, { minLength: 4, maxLength: 4 }),
    costs: fc.record({ local: fc.record({ message: figure, byte: figure }), remote: fc.record({ message: figure, byte: figure }) }),
  })
  .map((parts) => {
    const { nodeNames, serviceNames } = parts;
    const pick = <T>(list: readonly T[], at: number): T => list[at % list.length]!;
    const services = serviceNames.map((own, index): ServiceParts => {
      const { replicas, ...rest } = parts.services[index]!;
      const link = parts.links[index]!;
      const names = replicas === "named" ? [`r ${index}`, `x${index}`] : Array.from({ length: replicas }, (_, at) => `${own}-${at}`);
      // Only to services before it, or its own: no circles.
      const rules = (list: (typeof link)["affinity"]) =>
        list.map(({ other, ...rule }) => ({ service: pick(serviceNames.slice(0, index + 1), other), ...rule }));
      const free = link.pin === null;
      return {
        ...rest,
        name: own,
        replicas: names,
        // A pinned service may run everywhere, so that its pin is allowed.
        nodes: free && link.nodes !== null ? [pick(nodeNames, link.nodes)] : null,
        nodeSelector: free ? link.nodeSelector : [],
        pinned: link.pin === null ? {} : { [names[0]!]: pick(nodeNames, link.pin) },
        affinity: rules(link.affinity),
        antiAffinity: rules(link.antiAffinity),
      };
    });
    const assignment = services.flatMap(({ replicas }, index): [string, string][] => {
      const { now } = parts.links[index]!;
      return now === null ? [] : [[(replicas as string[])[0]!, pick(nodeNames, now)]];
    });
    return buildProblem({
      name: parts.name,
      resources: [
        { name: "cpu", unit: "cores" },
        { name: "memory", unit: "bytes" },
        { name: "gpu", unit: parts.gpu },
      ],
      nodes: nodeNames.map((own, index) => ({ name: own, ...parts.nodes[index]! })),
      services,
      traffic: serviceNames.flatMap((from, index) => {
        const { traffic } = parts.links[index]!;
        return traffic === null ? [] : [{ from, to: pick(serviceNames, index + 1), ...traffic }];
      }),
      assignment: Object.fromEntries(assignment),
      costs: parts.costs,
    });
  })
  // Plain objects: fast-check's have no prototype.
  .map((problem) => structuredClone(problem));
