/** Writes a problem as its file: defaults are left out, figures have units where that loses nothing. @module */
import { Document, isCollection, isPair, isScalar, visit } from "yaml";
import { defaultResources, replicaNames } from "./build-problem.ts";
import { writeFigure } from "./figure.ts";
import type {
  AffinityEntry,
  DemandEntry,
  FigureTexts,
  MatchEntry,
  NodeEntry,
  ProblemFile,
  ServiceEntry,
  TrafficEntry,
} from "./file-form.ts";
import { type Demand, defaultCosts, type NodeMatch, type PathCost, type Problem, type Quantities, type Resource } from "./problem.ts";

/** The form of a problem file by its name: JSON for `.json`, YAML for all others. */
export function formOf(path: string): "yaml" | "json" {
  return path.toLowerCase().endsWith(".json") ? "json" : "yaml";
}

/**
 * Writes a problem; {@link parseProblem} reads the very same back.
 *
 * @example
 * ```ts
 * await writeOutput(path, writeProblem(problem, formOf(path)), env);
 * ```
 */
export function writeProblem(problem: Problem, form: "yaml" | "json"): string {
  const file = fileOf(problem);
  if (form === "json") return jsonLines(file);
  const document = new Document(file, { aliasDuplicateObjects: false });
  // An edge, and a node of few fields, is a line; others have a line for each field.
  visit(document, {
    Collection(_, node, path) {
      const depth = path.filter(isCollection).length;
      const entry = depth === 2 ? node : path.filter(isCollection)[2];
      if (depth >= ((entry?.items.length ?? 0) > 5 || isService(path) ? 3 : 2)) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 140 });
}

function isService(path: readonly unknown[]): boolean {
  const field = path.find(isPair)?.key;
  return isScalar(field) && field.value === "services";
}

/** JSON with one line for each node, service and edge: it stays readable at any size, and a diff shows what changed. */
function jsonLines(file: ProblemFile): string {
  const fields = Object.entries(file).map(([name, value]) => {
    const list =
      Array.isArray(value) && value.length > 0 ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]` : undefined;
    const map =
      name === "assignment"
        ? `{\n${Object.entries(value as object)
            .map(([key, inner]) => `    ${JSON.stringify(key)}: ${JSON.stringify(inner)}`)
            .join(",\n")}\n  }`
        : undefined;
    return `  ${JSON.stringify(name)}: ${list ?? map ?? JSON.stringify(value)}`;
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}

/** Leaves out fields that are undefined, empty lists and empty maps. */
function lean<T extends object>(entry: T): T {
  const empty = (value: unknown) => value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => !empty(value))) as T;
}

/** The form in which a problem is written. */
export function fileOf(problem: Problem): ProblemFile {
  const unitOf = new Map(problem.resources.map(({ name, unit }) => [name, unit]));
  const figures = (quantities: Quantities): FigureTexts =>
    Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, writeFigure(value, unitOf.get(name) ?? "count")]));
  const costs = lean({
    local: pathCost(problem.costs.local, defaultCosts.local),
    remote: pathCost(problem.costs.remote, defaultCosts.remote),
  });
  return lean<ProblemFile>({
    version: 1,
    name: problem.name === "" ? undefined : problem.name,
    resources: Object.fromEntries(problem.resources.filter((one) => !isDefault(one)).map(({ name, unit }) => [name, { unit }])),
    nodes: problem.nodes.map((node) =>
      lean<NodeEntry>({
        name: node.name,
        capacity: figures(node.capacity),
        zone: node.zone ?? undefined,
        labels: { ...node.labels },
        taints: node.taints.map(({ key, value, effect }) => (value === "" ? { key, effect } : { key, value, effect })),
        numa: node.numa.map(({ cpus, memory }) => ({ cpus, memory: writeFigure(memory, "bytes") })),
        images: [...node.images],
      }),
    ),
    services: problem.services.map((service) =>
      lean<ServiceEntry>({
        name: service.name,
        replicas: replicas(service.name, service.replicas),
        requests: figures(service.requests),
        demand: Object.fromEntries(
          Object.entries(service.demand).map(([name, value]) => [name, demand(value, unitOf.get(name) ?? "count")]),
        ),
        labels: { ...service.labels },
        application: service.application === "" ? undefined : service.application,
        nodes: service.nodes === null ? undefined : [...service.nodes],
        nodeSelector: selector(service.nodeSelector),
        preferredNodes: service.preferredNodes.map(({ weight, match }) => ({ weight, match: matchEntry(match) })),
        tolerations: service.tolerations.map(({ key, operator, value, effect }) => ({
          ...(key === "" ? {} : { key }),
          ...(operator === "Equal" ? {} : { operator }),
          ...(value === "" ? {} : { value }),
          ...(effect === null ? {} : { effect }),
        })),
        pinned: { ...service.pinned },
        affinity: service.affinity.map(rule),
        antiAffinity: service.antiAffinity.map(rule),
        spread: service.spread.map(({ over, maxSkew, weight }) => ({ over, maxSkew, ...(weight === null ? {} : { weight }) })),
        moveSize: service.moveBytes === 0 ? undefined : writeFigure(service.moveBytes, "bytes"),
        images: service.images.map(({ name, bytes }) => ({ name, size: writeFigure(bytes, "bytes") })),
      }),
    ),
    traffic: problem.traffic.map(({ from, to, messagesPerSecond, bytesPerSecond, sources }) =>
      lean<TrafficEntry>({
        from,
        to,
        messages: messagesPerSecond === 0 ? undefined : writeFigure(messagesPerSecond, "messages/s"),
        bytes: bytesPerSecond === 0 ? undefined : writeFigure(bytesPerSecond, "bytes/s"),
        sources: [...sources],
      }),
    ),
    assignment: { ...problem.assignment },
    costs,
  });
}

function isDefault({ name, unit }: Resource): boolean {
  return defaultResources.some((one) => one.name === name && one.unit === unit);
}

function replicas(service: string, names: readonly string[]): ServiceEntry["replicas"] {
  const usual = replicaNames(service, names.length);
  if (!names.every((name, index) => name === usual[index])) return [...names];
  return names.length === 1 ? undefined : names.length;
}

function demand({ mean, p50, p95, p99 }: Demand, unit: Resource["unit"]): DemandEntry {
  if (p50 === mean && p95 === mean && p99 === mean) return writeFigure(mean, unit);
  return { mean: writeFigure(mean, unit), p50: writeFigure(p50, unit), p95: writeFigure(p95, unit), p99: writeFigure(p99, unit) };
}

function rule({ service, within, weight }: Problem["services"][number]["affinity"][number]): AffinityEntry {
  return { service, within, ...(weight === null ? {} : { weight }) };
}

function matchFull({ key, operator, values }: NodeMatch) {
  return values.length === 0 ? { key, operator } : { key, operator, values: [...values] };
}

function isPlain(match: readonly NodeMatch[]): boolean {
  const keys = new Set(match.map(({ key }) => key));
  // Whole numbers as keys would come out in another order.
  return (
    keys.size === match.length && match.every(({ key, operator, values }) => operator === "In" && values.length === 1 && !/^\d+$/.test(key))
  );
}

function matchEntry(match: readonly NodeMatch[]): MatchEntry {
  return isPlain(match) ? Object.fromEntries(match.map(({ key, values }) => [key, values[0]!])) : match.map(matchFull);
}

function selector(terms: ServiceEntry["nodeSelector"] | readonly (readonly NodeMatch[])[]): ServiceEntry["nodeSelector"] {
  const lists = terms as readonly (readonly NodeMatch[])[];
  if (lists.length === 1 && isPlain(lists[0]!)) return matchEntry(lists[0]!) as Record<string, string>;
  return lists.map((term) => term.map(matchFull));
}

function pathCost(cost: PathCost, usual: PathCost) {
  return lean({
    message: cost.message === usual.message ? undefined : writeFigure(cost.message, "seconds"),
    byte: cost.byte === usual.byte ? undefined : writeFigure(cost.byte, "seconds"),
  });
}
