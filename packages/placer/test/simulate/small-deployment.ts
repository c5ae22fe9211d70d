/** Small systems for tests of the simulation: a text of a model, put on nodes. @module */

import { buildProblem } from "../../src/problem/build-problem.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { type Deployment, deploy } from "../../src/simulate/deployment.ts";
import type { Model, ModelLaw } from "../../src/simulate/model.ts";
import { parseModel } from "../../src/simulate/parse-model.ts";

/** Parts of a model of services that call nothing. */
export interface QueueParts {
  readonly cpu: ModelLaw;
  readonly workers?: number;
  readonly cores?: number;
  readonly scheduler?: Model["scheduler"];
}

/** A queue: one service of one replica on one node; messages are free. */
export function queue({ cpu, workers = 1_000_000, cores = 1, scheduler = "sharing" }: QueueParts): Deployment {
  const free = { message: 0, byte: 0 };
  const model: Model = {
    ...parseModel(
      `{version: 1, services: {s: {workers: ${workers}}}, operations: {o: {service: s, cpu: {exponential: 1s}}}, requests: {r: {share: 1, call: o}}}`,
      "m",
    ),
    costs: { local: free, remote: free },
    scheduler,
  };
  return deploy({ ...model, operations: [{ ...model.operations[0]!, cpu }] }, problemOf(["n1"], { s: 1 }, cores), { "s-0": "n1" });
}

/** A problem of equal nodes, and services with so many replicas. */
export function problemOf(nodes: readonly string[], replicas: Readonly<Record<string, number>>, cores = 1): Problem {
  return buildProblem({
    nodes: nodes.map((name) => ({ name, capacity: { cpu: cores } })),
    services: Object.entries(replicas).map(([name, count]) => ({ name, replicas: count })),
  });
}
