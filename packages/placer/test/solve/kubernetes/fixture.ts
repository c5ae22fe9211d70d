/** Small clusters in the middle of being scheduled, for tests of one plugin at a time. @module */
import { buildProblem, type ProblemParts } from "../../../src/problem/build-problem.ts";
import { compile } from "../../../src/solve/compile.ts";
import { type Cluster, createCluster } from "../../../src/solve/kubernetes/cluster.ts";
import { scorePlugins } from "../../../src/solve/kubernetes/kubernetes.ts";
import type { SolveOptions } from "../../../src/solve/strategy.ts";

export const GiB: number = 2 ** 30;
export const MiB: number = 2 ** 20;

/** Options of a strategy that need not be told. */
export function solveOptions(seed = 1): SolveOptions {
  return {
    seed,
    deadlineMs: 60_000,
    startedAtMs: Date.now(),
    weight: 0.05,
    budget: null,
    workers: 1,
    progress: () => {},
  };
}

/** A cluster in which replicas, by name, are on nodes, by name. */
export function clusterOf(parts: ProblemParts, placed: Readonly<Record<string, string>> = {}): Cluster {
  const problem = buildProblem(parts);
  const cluster = createCluster(compile(problem));
  const replicas = problem.services.flatMap((service) => service.replicas);
  for (const [replica, node] of Object.entries(placed))
    cluster.place(
      replicas.indexOf(replica),
      problem.nodes.findIndex(({ name }) => name === node),
    );
  return cluster;
}

/** One plugin's scores for a pod of a service, by node, all nodes being feasible; null when it is skipped. */
export function scoresOf(cluster: Cluster, plugin: string, service: string, version: "1.35" | "1.36" = "1.36"): number[] | null {
  const { problem, nodes } = cluster.instance;
  const scores = new Float64Array(nodes);
  const cycle = {
    cluster,
    service: problem.services.findIndex(({ name }) => name === service),
    feasible: Int32Array.from({ length: nodes }, (_, m) => m),
    count: nodes,
  };
  return scorePlugins(version).get(plugin)!.plugin(cycle, scores) ? [...scores] : null;
}
