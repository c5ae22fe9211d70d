/** From a file as written to a problem: reads units and fills defaults in. @module */
import type { FieldPath, Finding } from "@mitsu/catalog/document";
import { didYouMean } from "@mitsu/cli";
import { buildProblem, defaultResources, replicaNames } from "./build-problem.ts";
import { type FigureKind, readFigure } from "./figure.ts";
import type { DemandEntry, FigureText, FigureTexts, MatchEntry, MatchFull, NodeEntry, ProblemFile, ServiceEntry } from "./file-form.ts";
import { type Demand, defaultCosts, type NodeMatch, type Problem, type Quantities, type Resource } from "./problem.ts";

/** More replicas than this over all services are a slip, such as a figure that stands in the wrong field. */
const mostReplicas = 1_000_000;

/** Where findings go, and the units that figures are read with. */
interface Reading {
  readonly findings: Finding[];
  readonly resources: ReadonlyMap<string, Resource>;
}

/** Builds the problem; it is whole only when `findings` gets nothing. Fields that are not well-formed must be missing. */
export function fileProblem(file: ProblemFile, findings: Finding[]): Problem {
  const resources = new Map(defaultResources.map((resource) => [resource.name, resource]));
  for (const [name, { unit }] of Object.entries(file.resources ?? {})) {
    if ((name === "cpu" && unit === "bytes") || (name === "memory" && unit === "cores"))
      findings.push({
        path: ["resources", name, "unit"],
        at: "value",
        message: `${name} cannot be in ${unit}; use ${name === "cpu" ? "cores" : "bytes"}, share or count`,
      });
    resources.set(name, { name, unit });
  }
  const reading = { findings, resources };
  let sum = 0;
  const over = file.services.findIndex(({ replicas }) => {
    sum += typeof replicas === "number" ? replicas : 0;
    return sum > mostReplicas;
  });
  if (over >= 0)
    findings.push({ path: ["services", over, "replicas"], at: "value", message: `more than ${mostReplicas} replicas in all; give fewer` });
  // Names are not even made of more than one can be kept.
  const services = file.services.map((entry, index) => service(entry, ["services", index], reading, over >= 0));
  const figure = (value: FigureText | undefined, kind: FigureKind, path: FieldPath, otherwise = 0) =>
    readAt(value, kind, path, reading, otherwise);
  return buildProblem({
    name: file.name ?? "",
    resources: [...resources.values()],
    nodes: file.nodes.map((entry, index) => node(entry, ["nodes", index], reading)),
    services,
    traffic: (file.traffic ?? []).map(({ from = "", to = "", messages, bytes, sources = [] }, index) => ({
      from,
      to,
      messagesPerSecond: figure(messages, "messages/s", ["traffic", index, "messages"]),
      bytesPerSecond: figure(bytes, "bytes/s", ["traffic", index, "bytes"]),
      sources,
    })),
    assignment: file.assignment ?? {},
    costs: {
      local: {
        message: figure(file.costs?.local?.message, "seconds", ["costs", "local", "message"], defaultCosts.local.message),
        byte: figure(file.costs?.local?.byte, "seconds", ["costs", "local", "byte"], defaultCosts.local.byte),
      },
      remote: {
        message: figure(file.costs?.remote?.message, "seconds", ["costs", "remote", "message"], defaultCosts.remote.message),
        byte: figure(file.costs?.remote?.byte, "seconds", ["costs", "remote", "byte"], defaultCosts.remote.byte),
      },
    },
  });
}

function readAt(value: FigureText | undefined, kind: FigureKind, path: FieldPath, { findings }: Reading, otherwise: number): number {
  if (value === undefined) return otherwise;
  const figure = readFigure(value, kind);
  if (typeof figure === "number") return figure;
  findings.push({ path, at: "value", message: figure });
  return otherwise;
}

function quantities(entry: FigureTexts | undefined, path: FieldPath, reading: Reading): Quantities {
  const known: [string, number][] = [];
  for (const [name, value] of Object.entries(entry ?? {})) {
    const unit = unitOf(name, [...path, name], reading);
    if (unit) known.push([name, readAt(value, unit, [...path, name], reading, 0)]);
  }
  return Object.fromEntries(known);
}

function unitOf(name: string, path: FieldPath, { findings, resources }: Reading): Resource["unit"] | undefined {
  const unit = resources.get(name)?.unit;
  if (unit === undefined) {
    const near = didYouMean(name, [...resources.keys()]);
    const meant = near === undefined ? "" : `did you mean ${JSON.stringify(near)}? `;
    findings.push({
      path,
      at: "key",
      message: `unknown resource ${JSON.stringify(name)}; ${meant}add it under resources, such as ${name}: {unit: count}`,
    });
  }
  return unit;
}

function node(entry: NodeEntry, path: FieldPath, reading: Reading): Problem["nodes"][number] {
  return {
    name: entry.name ?? "",
    capacity: quantities(entry.capacity, [...path, "capacity"], reading),
    zone: entry.zone ?? null,
    labels: entry.labels ?? {},
    taints: (entry.taints ?? []).map(({ key, value = "", effect }) => ({ key, value, effect })),
    numa: (entry.numa ?? []).map(({ cpus, memory }, at) => ({
      cpus: String(cpus),
      memory: readAt(memory, "bytes", [...path, "numa", at, "memory"], reading, 0),
    })),
    images: entry.images ?? [],
  };
}

function service(entry: ServiceEntry, path: FieldPath, reading: Reading, tooMany: boolean): Problem["services"][number] {
  const { name = "", replicas = 1 } = entry;
  const rules = (list: ServiceEntry["affinity"]) =>
    (list ?? []).map(({ service: other, within = "node", weight = null }) => ({ service: other, within, weight }));
  return {
    name,
    replicas: typeof replicas === "number" ? replicaNames(name, tooMany ? 1 : replicas) : replicas,
    requests: quantities(entry.requests, [...path, "requests"], reading),
    demand: demands(entry.demand, [...path, "demand"], reading),
    labels: entry.labels ?? {},
    application: entry.application ?? "",
    nodes: entry.nodes ?? null,
    nodeSelector: selector(entry.nodeSelector, [...path, "nodeSelector"], reading),
    preferredNodes: (entry.preferredNodes ?? []).map(({ weight, match }, at) => ({
      weight,
      match: conditions(match, [...path, "preferredNodes", at, "match"], reading),
    })),
    tolerations: (entry.tolerations ?? []).map(({ key = "", operator = "Equal", value = "", effect = null }, at) => {
      if (key === "" && operator !== "Exists")
        reading.findings.push({
          path: [...path, "tolerations", at],
          at: "value",
          message: "has no key; give one, or operator: Exists for every taint",
        });
      return { key, operator, value, effect };
    }),
    pinned: entry.pinned ?? {},
    affinity: rules(entry.affinity),
    antiAffinity: rules(entry.antiAffinity),
    spread: (entry.spread ?? []).map(({ over = "node", maxSkew = 1, weight = null }) => ({ over, maxSkew, weight })),
    moveBytes: readAt(entry.moveSize, "bytes", [...path, "moveSize"], reading, 0),
    images: (entry.images ?? []).map(({ name: image, size }, at) => ({
      name: image,
      bytes: readAt(size, "bytes", [...path, "images", at, "size"], reading, 0),
    })),
  };
}

function selector(entry: ServiceEntry["nodeSelector"], path: FieldPath, reading: Reading): NodeMatch[][] {
  if (entry === undefined) return [];
  if (Array.isArray(entry)) return entry.map((term, at) => conditions(term, [...path, at], reading));
  const match = conditions(entry, path, reading);
  return match.length === 0 ? [] : [match];
}

function conditions(entry: MatchEntry, path: FieldPath, reading: Reading): NodeMatch[] {
  if (!Array.isArray(entry)) return Object.entries(entry).map(([key, value]) => ({ key, operator: "In", values: [value] }));
  return entry.map((condition, at) => {
    const fault = conditionFault(condition);
    if (fault !== undefined) reading.findings.push({ path: [...path, at, "values"], at: "value", message: fault });
    return { key: condition.key, operator: condition.operator, values: condition.values ?? [] };
  });
}

/** [Kubernetes, validation.ValidateNodeSelectorRequirement] */
function conditionFault({ operator, values = [] }: MatchFull): string | undefined {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length === 0 ? `is empty; ${operator} takes at least one value` : undefined;
    case "Gt":
    case "Lt":
      return values.length === 1 && /^-?\d+$/.test(values[0]!) ? undefined : `${operator} takes exactly one whole number, in quotes`;
    default:
      return values.length > 0 ? `${operator} takes no values` : undefined;
  }
}

function demands(entry: Record<string, DemandEntry> | undefined, path: FieldPath, reading: Reading): Record<string, Demand> {
  const known: [string, Demand][] = [];
  for (const [name, value] of Object.entries(entry ?? {})) {
    const unit = unitOf(name, [...path, name], reading);
    if (unit) known.push([name, demand(value, unit, [...path, name], reading)]);
  }
  return Object.fromEntries(known);
}

/** Fills what is missing from what is there: the median from the mean and the reverse, a percentile from the one below. */
function demand(entry: DemandEntry, unit: Resource["unit"], path: FieldPath, reading: Reading): Demand {
  if (typeof entry !== "object") {
    const all = readAt(entry, unit, path, reading, 0);
    return { mean: all, p50: all, p95: all, p99: all };
  }
  const given = (field: keyof Demand) =>
    entry[field] === undefined ? undefined : readAt(entry[field], unit, [...path, field], reading, 0);
  const [mean, p50, p95, p99] = [given("mean"), given("p50"), given("p95"), given("p99")];
  const least = p50 ?? Math.min(...[mean, p95, p99].filter((one) => one !== undefined));
  if (least === Number.POSITIVE_INFINITY) {
    reading.findings.push({ path, at: "value", message: "is empty; give at least one of mean, p50, p95, p99" });
    return { mean: 0, p50: 0, p95: 0, p99: 0 };
  }
  const most = p95 ?? Math.min(Math.max(mean ?? least, least), p99 ?? Number.POSITIVE_INFINITY);
  const whole = { mean: mean ?? least, p50: least, p95: most, p99: p99 ?? most };
  if (whole.p50 > whole.p95 || whole.p95 > whole.p99) {
    const field = whole.p50 > whole.p95 && p95 !== undefined ? "p95" : "p99";
    reading.findings.push({ path: [...path, field], at: "value", message: "is below a lower percentile; p50 ≤ p95 ≤ p99" });
  }
  return whole;
}
