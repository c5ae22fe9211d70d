/**
 * The baseline `kubernetes`: what the default scheduler would decide, pod by pod. [Kubernetes, pkg/scheduler/schedule_one.go, apis/config/v1/default_plugins.go]
 *
 * Of its default plugins, those that concern what a problem can say. Filters: NodeName, TaintToleration, NodeAffinity, NodeResourcesFit,
 * PodTopologySpread, InterPodAffinity. There are no volumes, ports or preemption. @module
 */
import { createRandom } from "../../generate/random.ts";
import type { Strategy } from "../strategy.ts";
import { type BalancedAllocationVersion, balancedAllocation } from "./balanced-allocation.ts";
import { type Cluster, createCluster } from "./cluster.ts";
import { nodeOrder, nodesToFind } from "./feasible-nodes.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { leastAllocated } from "./node-resources-fit.ts";
import { type Chooser, placePods } from "./place-pods.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import type { Cycle, ScorePlugin } from "./score-plugin.ts";
import { taintToleration } from "./taint-toleration.ts";

/** Score plugins with their default weights, by name. */
export function scorePlugins(
  version: BalancedAllocationVersion,
): ReadonlyMap<string, { readonly weight: number; readonly plugin: ScorePlugin }> {
  return new Map([
    ["TaintToleration", { weight: 3, plugin: taintToleration }],
    ["NodeAffinity", { weight: 2, plugin: nodeAffinity }],
    ["PodTopologySpread", { weight: 2, plugin: podTopologySpread }],
    ["InterPodAffinity", { weight: 2, plugin: interPodAffinity }],
    ["NodeResourcesFit", { weight: 1, plugin: leastAllocated }],
    ["NodeResourcesBalancedAllocation", { weight: 1, plugin: balancedAllocation(version) }],
    ["ImageLocality", { weight: 1, plugin: imageLocality }],
  ]);
}

/** The weighted sums of all plugins, `Float64Array` of at least `cycle.count`, in the order of `cycle.feasible`. */
export function totalScores(cycle: Cycle, plugins: ReturnType<typeof scorePlugins>, totals: Float64Array, scratch: Float64Array): void {
  totals.fill(0, 0, cycle.count);
  for (const { weight, plugin } of plugins.values()) {
    if (!plugin(cycle, scratch)) continue;
    for (let i = 0; i < cycle.count; i++) totals[i]! += weight * scratch[i]!;
  }
}

function chooser(cluster: Cluster, version: BalancedAllocationVersion, seed: number): Chooser {
  const { nodes } = cluster.instance;
  const random = createRandom(seed);
  const order = nodeOrder(cluster);
  const wanted = nodesToFind(nodes);
  const plugins = scorePlugins(version);
  const feasible = new Int32Array(nodes);
  const totals = new Float64Array(nodes);
  const scratch = new Float64Array(nodes);
  /** Where the next pod's search begins, so that all nodes are looked at equally often. */
  let start = 0;
  return (service, may) => {
    let count = 0;
    let looked = 0;
    for (; looked < nodes && count < wanted; looked++) {
      const node = order[(start + looked) % nodes]!;
      if (may(node)) feasible[count++] = node;
    }
    start = (start + looked) % nodes;
    if (count <= 1) return count === 0 ? -1 : feasible[0]!;
    totalScores({ cluster, service, feasible, count }, plugins, totals, scratch);
    // The highest wins; of several, each is equally likely to.
    let best = 0;
    let ties = 1;
    for (let i = 1; i < count; i++) {
      if (totals[i]! > totals[best]!) {
        best = i;
        ties = 1;
      } else if (totals[i] === totals[best] && random.below(++ties) === 0) best = i;
    }
    return feasible[best]!;
  };
}

/**
 * The baseline with one of the two BalancedAllocations. Deterministic by `seed`, which breaks ties.
 *
 * @example
 * ```ts
 * const { nodeOf, notes } = await kubernetesWith("1.35")(compile(problem), options);
 * ```
 */
export function kubernetesWith(version: BalancedAllocationVersion): Strategy {
  return async (instance, options) => {
    const cluster = createCluster(instance);
    return placePods(cluster, chooser(cluster, version, options.seed), options);
  };
}

/** The baseline as of 1.36. */
export const kubernetes: Strategy = kubernetesWith("1.36");
