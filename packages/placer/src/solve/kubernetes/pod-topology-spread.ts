/** PodTopologySpread: spreads a service's pods over nodes and zones. [Kubernetes, podtopologyspread/filtering.go, scoring.go, plugin.go] @module */
import type { Rule, Topology } from "../instance.ts";
import { matches } from "../node-match.ts";
import type { Cluster } from "./cluster.ts";
import { maxNodeScore, type ScorePlugin } from "./score-plugin.ts";

type SpreadRule = Extract<Rule, { kind: "spread" }>;

interface Constraint {
  /** Null for hostname, where a node is its own domain. */
  readonly topology: Topology | null;
  readonly maxSkew: number;
}

const isSpread = (rule: Rule): rule is SpreadRule => rule.kind === "spread";

/** Filter for one pod: null when nothing must hold, else whether a node keeps every DoNotSchedule. */
export function spreadFilter(cluster: Cluster, service: number): ((node: number) => boolean) | null {
  const { instance } = cluster;
  const hard = cluster.rulesOf(service).filter((rule) => isSpread(rule) && rule.weight === null) as SpreadRule[];
  if (hard.length === 0) return null;
  const topologies = hard.map(({ topology }) => instance.topologies[topology]!);
  // The least is over domains of nodes that the pod's node affinity allows (NodeAffinityPolicy Honor); taints do not matter (NodeTaintsPolicy Ignore).
  const spec = instance.problem.services[service]!;
  const names = spec.nodes === null ? null : new Set(spec.nodes);
  const eligible = instance.problem.nodes.map(
    (node, m) =>
      (names === null || names.has(node.name)) &&
      (spec.nodeSelector.length === 0 || spec.nodeSelector.some((terms) => terms.every((term) => matches(node, term)))) &&
      topologies.every(({ domainOf }) => domainOf[m]! >= 0),
  );
  const limits = hard.map(({ maxSkew }, i) => {
    const { domainOf } = topologies[i]!;
    const counts = cluster.inDomains(service, topologies[i]!);
    let least = Number.POSITIVE_INFINITY;
    for (let m = 0; m < instance.nodes; m++) if (eligible[m]) least = Math.min(least, counts[domainOf[m]!]!);
    return { domainOf, counts, most: maxSkew + least - 1 };
  });
  return (node) => limits.every(({ domainOf, counts, most }) => domainOf[node]! >= 0 && counts[domainOf[node]!]! <= most);
}

/** What a service that states no constraint gets: hostname within 3, zone within 5, ScheduleAnyway. */
function constraintsOf(cluster: Cluster, service: number): { readonly constraints: readonly Constraint[]; readonly stated: boolean } {
  const stated = cluster.rulesOf(service).filter(isSpread);
  if (stated.length === 0) {
    const zone = cluster.zones === null ? [] : [{ topology: cluster.zones, maxSkew: 5 }];
    return { stated: false, constraints: [{ topology: null, maxSkew: 3 }, ...zone] };
  }
  const soft = stated.filter(({ weight }) => weight !== null);
  const topologies = cluster.instance.topologies;
  return {
    stated: true,
    constraints: soft.map(({ topology, maxSkew }) => ({
      topology: topologies[topology]!.name === "node" ? null : topologies[topology]!,
      maxSkew,
    })),
  };
}

/**
 * Score plugin: raw = round(Σ over constraints of pods in the domain · ln(domains + 2) + maxSkew − 1), where domains are those of the feasible
 * nodes; then 100 · (most + least − raw) / most, or 100 when most is 0. A node without the label of a stated constraint gets 0.
 */
export const podTopologySpread: ScorePlugin = ({ cluster, service, feasible, count }, scores) => {
  const { constraints, stated } = constraintsOf(cluster, service);
  if (constraints.length === 0) return false;
  const { nodes } = cluster.instance;
  const ignored = (node: number): boolean =>
    stated && constraints.some(({ topology }) => topology !== null && topology.domainOf[node]! < 0);
  let scorable = 0;
  for (let i = 0; i < count; i++) if (!ignored(feasible[i]!)) scorable++;
  const terms = constraints.map(({ topology, maxSkew }) => {
    if (topology === null) return { topology, maxSkew, counts: null, weight: Math.log(scorable + 2) };
    const seen = new Set<number>();
    for (let i = 0; i < count; i++) if (!ignored(feasible[i]!)) seen.add(topology.domainOf[feasible[i]!]!);
    return { topology, maxSkew, counts: cluster.inDomains(service, topology), weight: Math.log(seen.size + 2) };
  });
  let most = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const node = feasible[i]!;
    if (ignored(node)) {
      scores[i] = -1;
      continue;
    }
    let raw = 0;
    for (const { topology, counts, maxSkew, weight } of terms) {
      const domain = topology === null ? node : topology.domainOf[node]!;
      if (domain < 0) continue;
      raw += (counts === null ? cluster.counts[service * nodes + node]! : counts[domain]!) * weight + maxSkew - 1;
    }
    scores[i] = Math.round(raw);
    most = Math.max(most, scores[i]!);
    least = Math.min(least, scores[i]!);
  }
  for (let i = 0; i < count; i++) {
    if (scores[i] === -1) scores[i] = 0;
    else scores[i] = most === 0 ? maxNodeScore : Math.floor((maxNodeScore * (most + least - scores[i]!)) / most);
  }
  return true;
};
