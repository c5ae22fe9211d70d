/** Fills every default of a problem in: for importers, the profile, generators and tests, which know only parts. @module */
import { type CostModel, defaultCosts, type NodeSpec, type Problem, type Resource, type ServiceSpec, type TrafficEdge } from "./problem.ts";

/** A node of which only the name must be known. */
export type NodeParts = Partial<NodeSpec> & Pick<NodeSpec, "name">;

/** A service of which only the name must be known. */
export interface ServiceParts extends Partial<Omit<ServiceSpec, "replicas">> {
  readonly name: string;
  /** How many, named `web-0`, `web-1` after the service, or their names; 1 unless told. */
  readonly replicas?: number | readonly string[];
}

/** An edge; what is not given is 0, or known from nowhere. */
export type TrafficParts = Partial<TrafficEdge> & Pick<TrafficEdge, "from" | "to">;

/** What {@link buildProblem} takes: a problem with anything but nodes and services left out. */
export interface ProblemParts {
  readonly name?: string;
  readonly resources?: readonly Resource[];
  readonly nodes: readonly NodeParts[];
  readonly services: readonly ServiceParts[];
  readonly traffic?: readonly TrafficParts[];
  readonly assignment?: Readonly<Record<string, string>>;
  readonly costs?: CostModel;
}

/** Resources of a problem that names none: `cpu` in cores, `memory` in bytes. */
export const defaultResources: readonly Resource[] = [
  { name: "cpu", unit: "cores" },
  { name: "memory", unit: "bytes" },
];

/** Names of `count` replicas of a service: `web-0`, `web-1`. */
export function replicaNames(service: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${service}-${index}`);
}

/** What a service is unless its file says more. */
const serviceDefaults = {
  requests: {},
  demand: {},
  labels: {},
  application: "",
  nodes: null,
  nodeSelector: [],
  preferredNodes: [],
  tolerations: [],
  pinned: {},
  affinity: [],
  antiAffinity: [],
  spread: [],
  moveBytes: 0,
  images: [],
} as const satisfies Partial<ServiceSpec>;

/**
 * Builds a problem; references and figures are not checked here, see `problem-faults.ts`.
 *
 * @example
 * ```ts
 * buildProblem({ nodes: [{ name: "n1", capacity: { cpu: 4 } }], services: [{ name: "web", replicas: 2 }] }).services[0].replicas; // ["web-0", "web-1"]
 * ```
 */
export function buildProblem(parts: ProblemParts): Problem {
  return {
    version: 1,
    name: parts.name ?? "",
    resources: parts.resources ?? defaultResources,
    nodes: parts.nodes.map((node) => ({ capacity: {}, zone: null, labels: {}, taints: [], numa: [], images: [], ...node })),
    services: parts.services.map(({ replicas = 1, ...service }) => ({
      ...serviceDefaults,
      ...service,
      replicas: typeof replicas === "number" ? replicaNames(service.name, replicas) : replicas,
    })),
    traffic: (parts.traffic ?? []).map((edge) => ({ messagesPerSecond: 0, bytesPerSecond: 0, sources: [], ...edge })),
    assignment: parts.assignment ?? {},
    costs: parts.costs ?? defaultCosts,
  };
}
