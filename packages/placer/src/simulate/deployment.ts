/** A model on the nodes of a plan, as a simulation wants it: numbers for names, every call's replicas and costs worked out. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Draws, meanOf, samplerOf } from "@mitsu/simulation";
import type { CostModel, PathCost, Problem } from "../problem/problem.ts";
import type { Model, ModelNode } from "./model.ts";
import type { Scheduler } from "./node-cpu.ts";
import { routeShares } from "./routing.ts";

/** A call, and what its two messages cost each end. */
export interface DeployedCall {
  readonly operation: number;
  readonly times: number;
  readonly probability: number;
  /** CPU seconds at either end, half of the message's cost: of the request and of the answer, on one node and between nodes. */
  readonly request: { readonly local: number; readonly remote: number };
  readonly response: { readonly local: number; readonly remote: number };
}

/** An operation. */
export interface DeployedOperation {
  readonly service: number;
  /** Mean of {@link cpu}, CPU seconds. */
  readonly cpuMean: number;
  readonly cpu: (draws: Draws) => number;
  readonly waitMean: number;
  readonly wait: ((draws: Draws) => number) | null;
  readonly steps: readonly (readonly DeployedCall[])[];
}

/** Where calls go from one node: nodes with their shares, cumulated, ending in 1. */
export interface Route {
  readonly nodes: Int32Array;
  readonly upTo: Float64Array;
}

/** What is simulated. */
export interface Deployment {
  readonly nodeNames: readonly string[];
  readonly nodes: readonly ModelNode[];
  readonly serviceNames: readonly string[];
  /** `Int32Array[services]`. */
  readonly workers: Int32Array;
  /** `Uint8Array[services]`: 1 where a worker is kept while its calls are out. */
  readonly holding: Uint8Array;
  readonly operations: readonly DeployedOperation[];
  /** The calls that clients make, with cumulated shares. */
  readonly requests: readonly { readonly call: DeployedCall; readonly upTo: number }[];
  /** `Int32Array[replicas]`: node and service of each. */
  readonly replicaNode: Int32Array;
  readonly replicaService: Int32Array;
  /** Replicas by service, then by node. */
  readonly replicasOn: readonly (readonly (readonly number[])[])[];
  /** By caller's service, callee's service, and caller's node; null for pairs that make no calls. The caller after the last service is the client. */
  readonly routes: readonly (readonly (readonly Route[] | null)[])[];
  readonly latency: { readonly local: number; readonly remote: number };
  /** CPU seconds. */
  readonly wake: number;
  readonly scheduler: Scheduler;
  readonly overhead: number;
}

/**
 * Puts a model on nodes.
 *
 * @param assignment Replica's name to node's name, as a plan has it.
 * @param idle Services that the model does not know are taken to be idle; otherwise they are refused.
 * @throws {MitsuError} `ERR_MODEL_UNKNOWN`, exit status 2, when model and problem do not speak of the same services or nodes.
 */
export function deploy(model: Model, problem: Problem, assignment: Readonly<Record<string, string>>, idle = false): Deployment {
  refuseUnknown(model, problem, idle);
  const nodeNumber = new Map(problem.nodes.map(({ name }, n) => [name, n]));
  const serviceNumber = new Map(model.services.map(({ name }, s) => [name, s]));
  const operationNumber = new Map(model.operations.map(({ name }, o) => [name, o]));
  const replicaNode: number[] = [];
  const replicaService: number[] = [];
  const replicasOn = model.services.map(({ name }, s) => {
    const on = problem.nodes.map((): number[] => []);
    for (const replica of problem.services.find((service) => service.name === name)!.replicas) {
      const node = nodeNumber.get(assignment[replica] ?? "");
      if (node === undefined)
        throw unknown(
          `replica ${replica} of ${name} ${assignment[replica] === undefined ? "is on no node" : `is on ${assignment[replica]}, which is no node of the problem`}`,
          "a simulation needs a node for every replica",
        );
      on[node]!.push(replicaNode.length);
      replicaNode.push(node);
      replicaService.push(s);
    }
    return on;
  });
  const costs = model.costs ?? problem.costs;
  const call = (of: { call: string; times?: number; probability?: number; requestBytes: number; responseBytes: number }): DeployedCall => ({
    operation: operationNumber.get(of.call)!,
    times: of.times ?? 1,
    probability: of.probability ?? 1,
    request: halves(costs, of.requestBytes),
    response: halves(costs, of.responseBytes),
  });
  const operations = model.operations.map(({ service, cpu, wait, steps }): DeployedOperation => {
    const number = serviceNumber.get(service)!;
    const { scale } = model.services[number]!;
    const draw = samplerOf(cpu);
    return {
      service: number,
      cpuMean: meanOf(cpu) * scale,
      cpu: (draws) => draw(draws) * scale,
      waitMean: wait === null ? 0 : meanOf(wait),
      wait: wait === null ? null : samplerOf(wait),
      steps: steps.map((step) => step.map(call)),
    };
  });
  let upTo = 0;
  const requests = model.requests.map((request) => {
    upTo += request.share;
    return { call: call(request), upTo };
  });
  requests[requests.length - 1]!.upTo = 1;
  return {
    nodeNames: problem.nodes.map(({ name }) => name),
    nodes: problem.nodes.map(({ name, capacity }) => model.nodes?.[name] ?? { cores: capacity.cpu ?? 1, speed: 1 }),
    serviceNames: model.services.map(({ name }) => name),
    workers: Int32Array.from(model.services, ({ workers }) => workers),
    holding: Uint8Array.from(model.services, ({ waits }) => Number(waits === "holding")),
    operations,
    requests,
    replicaNode: Int32Array.from(replicaNode),
    replicaService: Int32Array.from(replicaService),
    replicasOn,
    routes: routesOf(operations, requests, replicasOn),
    latency: model.network,
    wake: model.wake,
    scheduler: model.scheduler,
    overhead: model.overhead,
  };
}

function unknown(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_MODEL_UNKNOWN", hint, exit: exitStatus.usage });
}

function refuseUnknown(model: Model, problem: Problem, idle: boolean): void {
  const list = (names: readonly string[]): string =>
    `${names.slice(0, 8).join(", ")}${names.length > 8 ? ` and ${names.length - 8} more` : ""}`;
  const known = new Set(model.services.map(({ name }) => name));
  const placed = new Set(problem.services.filter(({ replicas }) => replicas.length > 0).map(({ name }) => name));
  const missing = [...known].filter((name) => !placed.has(name));
  if (missing.length > 0)
    throw unknown(`the problem has no replicas of ${list(missing)}, which the model calls`, "give the model of this problem's services");
  const extra = [...placed].filter((name) => !known.has(name));
  if (extra.length > 0 && !idle)
    throw unknown(`the model says nothing of ${list(extra)}`, "add it to the model, or take it for idle with --extrapolate");
  const nodes = model.nodes;
  const strange = nodes === null ? [] : problem.nodes.filter(({ name }) => !Object.hasOwn(nodes, name)).map(({ name }) => name);
  if (strange.length > 0) throw unknown(`the model does not know node ${list(strange)}`, "add it to nodes of the model");
  if (nodes === null && problem.resources.some(({ name, unit }) => name === "cpu" && unit !== "cores"))
    throw unknown("the problem's nodes do not say how many cores they have", "give nodes with cores in the model");
  const without = nodes === null ? problem.nodes.filter(({ capacity }) => !((capacity.cpu ?? 0) > 0)).map(({ name }) => name) : [];
  if (without.length > 0) throw unknown(`node ${list(without)} has no cpu`, "give its capacity.cpu in the problem, or nodes in the model");
}

function halves(costs: CostModel, bytes: number): { readonly local: number; readonly remote: number } {
  const half = (path: PathCost): number => (path.message + path.byte * bytes) / 2;
  return { local: half(costs.local), remote: half(costs.remote) };
}

function routesOf(
  operations: readonly DeployedOperation[],
  requests: readonly { readonly call: DeployedCall }[],
  replicasOn: readonly (readonly (readonly number[])[])[],
): (readonly Route[] | null)[][] {
  const counts = replicasOn.map((on) => on.map((replicas) => replicas.length));
  const services = replicasOn.length;
  const nowhere = counts[0]?.map(() => 0) ?? [];
  const routes: (readonly Route[] | null)[][] = Array.from({ length: services + 1 }, () => Array.from({ length: services }, () => null));
  const add = (from: number, { operation }: DeployedCall): void => {
    const to = operations[operation]!.service;
    routes[from]![to] ??= nowhere.map((_, node) => routeFrom(counts[from] ?? nowhere, counts[to]!, node));
  };
  for (const { service, steps } of operations) for (const call of steps.flat()) add(service, call);
  for (const { call } of requests) add(services, call);
  return routes;
}

function routeFrom(callers: readonly number[], callees: readonly number[], node: number): Route {
  const shares = routeShares(callers, callees, node);
  const nodes = Int32Array.from([...shares.keys()].filter((m) => shares[m]! > 1e-12));
  let sum = 0;
  const upTo = Float64Array.from(nodes, (m) => (sum += shares[m]!));
  upTo[upTo.length - 1] = 1;
  return { nodes, upTo };
}
