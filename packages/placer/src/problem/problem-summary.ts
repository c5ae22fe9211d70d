/** What a problem is, in figures: for `placer check`. @module */
import { reserved } from "../plan/reserved.ts";
import type { CompileOptions } from "../solve/instance.ts";
import type { Problem, Resource } from "./problem.ts";

/** A resource over the whole cluster. */
export interface ResourceSummary extends Resource {
  readonly capacity: number;
  /** What all replicas reserve together, as `--reserve` says. */
  readonly reserved: number;
  /** reserved / (capacity × max utilisation); null without capacity. */
  readonly share: number | null;
}

/** A problem in figures. */
export interface ProblemSummary {
  readonly name: string;
  readonly nodes: number;
  readonly zones: number;
  readonly services: number;
  readonly replicas: number;
  readonly resources: readonly ResourceSummary[];
  readonly traffic: { readonly edges: number; readonly messagesPerSecond: number; readonly bytesPerSecond: number };
  /** Rules that must hold, and wishes. */
  readonly rules: Readonly<Record<"affinity" | "anti-affinity" | "spread" | "nodes", { readonly musts: number; readonly wishes: number }>>;
  /** Replicas that must run on a certain node. */
  readonly pinned: number;
  /** Replicas of which it is known where they run now. */
  readonly present: number;
  /** What is not known and would help, a sentence each. */
  readonly unknown: readonly string[];
}

/** Sums a problem up. */
export function problemSummary(problem: Problem, { maxUtilisation = 1, reserve = "requests" }: CompileOptions = {}): ProblemSummary {
  const { nodes, services, traffic } = problem;
  const replicas = services.reduce((sum, service) => sum + service.replicas.length, 0);
  const count = (rules: readonly { readonly weight: number | null }[]) => {
    const wishes = rules.filter(({ weight }) => weight !== null).length;
    return { musts: rules.length - wishes, wishes };
  };
  const resources = problem.resources.map(({ name, unit }): ResourceSummary => {
    const capacity = nodes.reduce((sum, node) => sum + (node.capacity[name] ?? 0), 0);
    const sum = services.reduce((total, service) => total + service.replicas.length * reserved(service, name, reserve), 0);
    return { name, unit, capacity, reserved: sum, share: capacity > 0 ? sum / (capacity * maxUtilisation) : null };
  });
  return {
    name: problem.name,
    nodes: nodes.length,
    zones: new Set(nodes.map(({ zone }) => zone).filter((zone) => zone !== null)).size,
    services: services.length,
    replicas,
    resources,
    traffic: {
      edges: traffic.length,
      messagesPerSecond: traffic.reduce((sum, edge) => sum + edge.messagesPerSecond, 0),
      bytesPerSecond: traffic.reduce((sum, edge) => sum + edge.bytesPerSecond, 0),
    },
    rules: {
      affinity: count(services.flatMap(({ affinity }) => affinity)),
      "anti-affinity": count(services.flatMap(({ antiAffinity }) => antiAffinity)),
      spread: count(services.flatMap(({ spread }) => spread)),
      nodes: {
        musts: services.filter((service) => service.nodes !== null || service.nodeSelector.length > 0).length,
        wishes: services.reduce((sum, { preferredNodes }) => sum + preferredNodes.length, 0),
      },
    },
    pinned: services.reduce((sum, { pinned }) => sum + Object.keys(pinned).length, 0),
    present: Object.keys(problem.assignment).length,
    unknown: unknown(problem, resources, replicas),
  };
}

function unknown({ services, nodes, traffic, assignment }: Problem, resources: readonly ResourceSummary[], replicas: number): string[] {
  const said: string[] = [];
  const some = (names: readonly string[]) => `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;
  for (const { name } of resources) {
    const silent = services.filter((service) => service.requests[name] === undefined && service.demand[name] === undefined);
    if (silent.length > 0)
      said.push(`${name} of ${some(silent.map((service) => service.name))}: neither requested nor measured, taken as 0`);
    const without = nodes.filter(({ capacity }) => capacity[name] === undefined);
    if (without.length > 0 && silent.length < services.length)
      said.push(`${name} of ${some(without.map((node) => node.name))}: no capacity, taken as 0`);
  }
  if (traffic.length === 0) said.push("traffic: nothing keeps services together; measure it with placer profile");
  else {
    const talking = new Set(traffic.flatMap(({ from, to }) => [from, to]));
    const quiet = services.filter(({ name }) => !talking.has(name)).map(({ name }) => name);
    if (quiet.length > 0) said.push(`traffic of ${some(quiet)}: none`);
  }
  const nowhere = replicas - Object.keys(assignment).length;
  if (nowhere > 0) said.push(`where ${nowhere} of ${replicas} replicas run now: a budget does not count them`);
  return said;
}
