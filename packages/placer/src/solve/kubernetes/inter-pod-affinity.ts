/**
 * InterPodAffinity: pods beside others, or not. [Kubernetes, interpodaffinity/filtering.go, scoring.go]
 *
 * A term here selects the pods of one service. Where a pod has several required terms, each is looked at for itself; Kubernetes wants one pod that
 * matches all of them, which pods of different services never do. @module
 */
import type { Rule } from "../instance.ts";
import type { Cluster } from "./cluster.ts";
import { maxNodeScore, type ScorePlugin } from "./score-plugin.ts";

type PairRule = Exclude<Rule, { kind: "spread" }>;
/** What a required term of a pod that is there counts for a pod it speaks of. [InterPodAffinityArgs.HardPodAffinityWeight] */
const hardPodAffinityWeight = 1;

const isPair = (rule: Rule): rule is PairRule => rule.kind !== "spread";
const isMust = ({ weight }: Rule): boolean => weight === null;

/** Filter for one pod: null when no required term concerns it, else whether a node keeps them all. */
export function affinityFilter(cluster: Cluster, service: number): ((node: number) => boolean) | null {
  const own = cluster.rulesOf(service).filter((rule): rule is PairRule => isPair(rule) && isMust(rule));
  const about = cluster.rulesAbout(service).filter((rule): rule is PairRule => rule.kind === "antiAffinity" && isMust(rule));
  if (own.length === 0 && about.length === 0) return null;
  const { topologies } = cluster.instance;
  const look = (rule: PairRule, whose: number) => {
    const topology = topologies[rule.topology]!;
    return { domainOf: topology.domainOf, counts: cluster.inDomains(whose, topology) };
  };
  const away = [
    ...own.filter(({ kind }) => kind === "antiAffinity").map((rule) => look(rule, rule.other)),
    // Symmetry: a pod that is there and wants none of this service beside it keeps it away.
    ...about.map((rule) => look(rule, rule.service)),
  ];
  const near = own.filter(({ kind }) => kind === "affinity");
  const beside = near.map((rule) => look(rule, rule.other));
  // The first of pods that want each other may go anywhere that has the label.
  const first = near.every(({ other }) => other === service) && beside.every(({ counts }) => counts.every((one) => one === 0));
  return (node) =>
    away.every(({ domainOf, counts }) => domainOf[node]! < 0 || counts[domainOf[node]!] === 0) &&
    beside.every(({ domainOf, counts }) => domainOf[node]! >= 0 && (first || counts[domainOf[node]!]! > 0));
}

/**
 * Score plugin: the sum, over pods in the node's domains, of the weights of the pod's preferred terms that select them and of their terms that
 * select the pod, those of anti-affinity subtracted; then 100 · (sum − least) / (most − least), 0 when all are equal.
 */
export const interPodAffinity: ScorePlugin = ({ cluster, service, feasible, count }, scores) => {
  const { topologies } = cluster.instance;
  const terms: { domainOf: Int32Array; counts: Int32Array; weight: number }[] = [];
  const add = (rule: PairRule, whose: number, weight: number): void => {
    const topology = topologies[rule.topology]!;
    terms.push({
      domainOf: topology.domainOf,
      counts: cluster.inDomains(whose, topology),
      weight: rule.kind === "affinity" ? weight : -weight,
    });
  };
  for (const rule of cluster.rulesOf(service))
    if (isPair(rule) && rule.weight !== null) add(rule, rule.other, Math.round(rule.weight * 100));
  for (const rule of cluster.rulesAbout(service)) {
    if (!isPair(rule)) continue;
    if (rule.weight !== null) add(rule, rule.service, Math.round(rule.weight * 100));
    else if (rule.kind === "affinity") add(rule, rule.service, hardPodAffinityWeight);
  }
  if (terms.length === 0) return false;
  let most = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (const { domainOf, counts, weight } of terms) {
      const domain = domainOf[feasible[i]!]!;
      if (domain >= 0) sum += weight * counts[domain]!;
    }
    scores[i] = sum;
    most = Math.max(most, sum);
    least = Math.min(least, sum);
  }
  for (let i = 0; i < count; i++) scores[i] = most > least ? Math.floor(maxNodeScore * ((scores[i]! - least) / (most - least))) : 0;
  return true;
};
