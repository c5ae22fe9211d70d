/** What a plan puts on one node: replicas, by application, with what they reserve. @module */
import type { Problem, ServiceSpec } from "../problem/problem.ts";
import { reserved } from "../solve/compile.ts";
import type { CompileOptions } from "../solve/instance.ts";

/** A replica on the node. */
export interface LoadedReplica {
  readonly name: string;
  readonly service: ServiceSpec;
  /** Its number within the service. */
  readonly index: number;
  /** In the resource's own unit: cores, or a share. */
  readonly cpu: number;
  readonly memory: MemoryLimits;
}

/** Bytes; null where nothing is known. */
export interface MemoryLimits {
  /** What was asked for. */
  readonly request: number | null;
  /** Above it the kernel reclaims: the larger of the request and a tenth above the measured p99. */
  readonly high: number | null;
  /** Above it the kernel kills: a quarter above `high`, only where memory was measured. */
  readonly max: number | null;
}

/** An application's part of a node. */
export interface LoadedApplication {
  /** Its name; the problem's for services without one. */
  readonly name: string;
  readonly replicas: readonly LoadedReplica[];
  readonly cpu: number;
  /** Sums; null as soon as one replica's is not known. */
  readonly memory: MemoryLimits;
}

/** Limits of memory: measured where it was, else requested; none is made up. */
export function memoryLimits(problem: Problem, service: ServiceSpec): MemoryLimits {
  if (problem.resources.find(({ name }) => name === "memory")?.unit !== "bytes") return { request: null, high: null, max: null };
  const request = service.requests.memory ?? null;
  const p99 = service.demand.memory?.p99;
  const high = p99 === undefined ? request : Math.max(request ?? 0, p99 * 1.1);
  const whole = (bytes: number | null): number | null => (bytes === null || bytes <= 0 ? null : Math.ceil(bytes));
  // A limit that kills wants evidence: a request alone says what is promised, not what is too much.
  return { request: whole(request), high: whole(high), max: p99 === undefined || high === null ? null : whole(high * 1.25) };
}

/** Applications on a node, in the order of the problem's services. */
export function loadOfNode(
  problem: Problem,
  assignment: Readonly<Record<string, string>>,
  node: string,
  reserve: NonNullable<CompileOptions["reserve"]>,
): readonly LoadedApplication[] {
  const applications = new Map<string, LoadedReplica[]>();
  for (const service of problem.services) {
    const name = service.application || problem.name || "services";
    const cpu = reserved(service, "cpu", reserve);
    const memory = memoryLimits(problem, service);
    for (const [index, replica] of service.replicas.entries()) {
      if (assignment[replica] !== node) continue;
      const list = applications.get(name) ?? [];
      applications.set(name, list);
      list.push({ name: replica, service, index, cpu, memory });
    }
  }
  return [...applications].map(([name, replicas]) => ({
    name,
    replicas,
    cpu: replicas.reduce((sum, { cpu }) => sum + cpu, 0),
    memory: {
      request: sum(replicas.map(({ memory }) => memory.request)),
      high: sum(replicas.map(({ memory }) => memory.high)),
      max: sum(replicas.map(({ memory }) => memory.max)),
    },
  }));
}

function sum(values: readonly (number | null)[]): number | null {
  let total = 0;
  for (const value of values) {
    if (value === null) return null;
    total += value;
  }
  return total;
}
