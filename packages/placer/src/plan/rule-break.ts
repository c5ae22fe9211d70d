/** How far a rule between replicas is broken: the one place that says what affinity, anti-affinity and spread mean for the judge. @module */
import type { AffinityRule, NodeSpec, Problem, ServiceSpec, SpreadRule } from "../problem/problem.ts";
import { domainOf, refusal } from "./node-fit.ts";
import type { Placement } from "./placement.ts";

/** What a rule's check found. */
export interface Break {
  /** One sentence a case; empty when the rule holds. */
  readonly broken: readonly string[];
  /** Share of the service's replicas for which it does not hold, 0 to 1; what a wish costs. */
  readonly share: number;
}

/** Replicas of a service by domain; `none` counts those on nodes that belong to no domain. Replicas that are nowhere count nowhere. */
function byDomain(
  nodes: readonly NodeSpec[],
  counts: ReadonlyMap<number, number>,
  within: string,
): { domains: Map<string, number>; none: number } {
  const domains = new Map<string, number>();
  let none = 0;
  for (const [node, count] of counts) {
    const domain = domainOf(nodes[node]!, within);
    if (domain === undefined) none += count;
    else domains.set(domain, (domains.get(domain) ?? 0) + count);
  }
  return { domains, none };
}

const replicas = (count: number): string => `${count} ${count === 1 ? "replica" : "replicas"}`;
const place = (within: string, domain: string): string => (within === "node" ? domain : `${within} ${domain}`);
const unlabelled = (within: string): string => (within === "zone" ? "nodes without a zone" : `nodes without the label ${within}`);

/** Each replica of the service stands in a domain that has one of the other; of itself: all in one domain. A node without the label never satisfies it. */
export function affinityBreak(problem: Problem, placement: Placement, service: ServiceSpec, rule: AffinityRule): Break {
  const own = placement.serviceIndex.get(service.name)!;
  const here = byDomain(problem.nodes, placement.counts[own]!, rule.within);
  const all = Math.max(1, service.replicas.length);
  const broken: string[] = [];
  let apart = here.none;
  if (here.none > 0) broken.push(`${replicas(here.none)} of ${service.name} on ${unlabelled(rule.within)}, so not beside ${rule.service}`);
  if (rule.service === service.name) {
    apart = service.replicas.length - [...here.domains.values()].reduce((most, count) => Math.max(most, count), 0);
    if (here.domains.size > 1)
      broken.push(`${service.name} is on ${here.domains.size} different ${plural(rule.within)}, and must be within one`);
    return { broken, share: apart / all };
  }
  const there = byDomain(problem.nodes, placement.counts[placement.serviceIndex.get(rule.service)!]!, rule.within);
  for (const [domain, count] of here.domains) {
    if (there.domains.has(domain)) continue;
    apart += count;
    broken.push(`${replicas(count)} of ${service.name} on ${place(rule.within, domain)}, which has none of ${rule.service}`);
  }
  return { broken, share: apart / all };
}

/** No domain has replicas of both; of itself: at most one a domain. A node without the label always satisfies it. */
export function antiAffinityBreak(problem: Problem, placement: Placement, service: ServiceSpec, rule: AffinityRule): Break {
  const own = placement.serviceIndex.get(service.name)!;
  const here = byDomain(problem.nodes, placement.counts[own]!, rule.within);
  const all = Math.max(1, service.replicas.length);
  const broken: string[] = [];
  let together = 0;
  const same = rule.service === service.name;
  const there = same ? here : byDomain(problem.nodes, placement.counts[placement.serviceIndex.get(rule.service)!]!, rule.within);
  for (const [domain, count] of here.domains) {
    const others = there.domains.get(domain) ?? 0;
    const bad = same ? count - 1 : others > 0 ? count : 0;
    if (bad === 0) continue;
    together += bad;
    broken.push(
      same
        ? `${replicas(count)} of ${service.name} on ${place(rule.within, domain)}, where only one may be`
        : `${replicas(count)} of ${service.name} on ${place(rule.within, domain)} beside ${replicas(others)} of ${rule.service}`,
    );
  }
  return { broken, share: together / all };
}

/**
 * Over the domains that hold at least one node allowed for the service, fullest less emptiest is at most the skew. [Kubernetes, PodTopologySpread]
 *
 * @param fits Whether a node is large enough for one replica: domains of nothing but smaller nodes do not count.
 */
export function spreadBreak(
  problem: Problem,
  placement: Placement,
  service: ServiceSpec,
  rule: SpreadRule,
  fits: (service: ServiceSpec, node: NodeSpec) => boolean,
): Break {
  const { domains } = byDomain(problem.nodes, placement.counts[placement.serviceIndex.get(service.name)!]!, rule.over);
  const counts = new Map<string, number>();
  for (const node of problem.nodes) {
    const domain = domainOf(node, rule.over);
    if (domain !== undefined && refusal(service, node) === null && fits(service, node)) counts.set(domain, domains.get(domain) ?? 0);
  }
  let [fullest, emptiest] = ["", ""];
  let [most, least] = [-1, Number.POSITIVE_INFINITY];
  for (const [domain, count] of counts) {
    if (count > most) [most, fullest] = [count, domain];
    if (count < least) [least, emptiest] = [count, domain];
  }
  const excess = Math.max(0, most - least - rule.maxSkew);
  const sentence = `${service.name}: ${most} on ${place(rule.over, fullest)} but ${least} on ${place(rule.over, emptiest)}, and they may differ by ${rule.maxSkew}`;
  return {
    broken: counts.size > 0 && excess > 0 ? [sentence] : [],
    share: counts.size > 0 ? excess / Math.max(1, service.replicas.length) : 0,
  };
}

function plural(within: string): string {
  return within === "node" ? "nodes" : within === "zone" ? "zones" : `values of ${within}`;
}
