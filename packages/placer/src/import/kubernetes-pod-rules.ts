/** What pods want of each other: affinity, anti-affinity, spread, and ports of the host that only one can have. @module */
import type { AffinityRule, SpreadRule } from "../problem/problem.ts";
import type { Cursor } from "./cursor.ts";
import type { WorkloadFinder } from "./kubernetes-label-selector.ts";
import { weightOf } from "./kubernetes-nodes.ts";
import type { Workload } from "./kubernetes-workload.ts";

/** Weight of a spread that need not hold: in the middle, as Kubernetes gives it none. */
const anywayWeight = 50;

/** Rules of one workload. */
export interface PodRules {
  readonly affinity: readonly AffinityRule[];
  readonly antiAffinity: readonly AffinityRule[];
  readonly spread: readonly SpreadRule[];
}

/** Reads the rules of a workload; `nameOf` gives the service that a workload becomes. */
export function podRules(workload: Workload, finder: WorkloadFinder, nameOf: (workload: Workload) => string): PodRules {
  const { spec } = workload;
  const rules = (kind: "podAffinity" | "podAntiAffinity"): AffinityRule[] => {
    const musts = spec.at("affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution").list();
    const wishes = spec.at("affinity", kind, "preferredDuringSchedulingIgnoredDuringExecution").list();
    return [
      ...musts.flatMap((term) => termRules(term, null, kind)),
      ...wishes.flatMap((wish) => termRules(wish.at("podAffinityTerm"), weightOf(wish), kind)),
    ];
  };
  const termRules = (term: Cursor, weight: number | null, kind: "podAffinity" | "podAntiAffinity"): AffinityRule[] => {
    const found = finder.find(term, workload).map(nameOf);
    const within = topologyOf(term.at("topologyKey"));
    if (found.length === 0) term.warn("matches no workload of these manifests; left out");
    if (weight === null && kind === "podAffinity" && found.length > 1) {
      term.warn(`means beside any of ${found.join(", ")}, which no rule of ours says; taken as a strong wish for each`);
      return found.map((service) => ({ service, within, weight: 100 }));
    }
    return found.map((service) => ({ service, within, weight }));
  };
  return {
    affinity: unique(rules("podAffinity")),
    antiAffinity: unique(rules("podAntiAffinity")),
    spread: spec
      .at("topologySpreadConstraints")
      .list()
      .flatMap((constraint) => spreadRule(constraint, finder.find(constraint, workload), workload)),
  };
}

function spreadRule(constraint: Cursor, found: readonly Workload[], own: Workload): SpreadRule[] {
  if (!found.includes(own)) {
    constraint.warn("does not count the workload's own pods; left out");
    return [];
  }
  if (found.length > 1) constraint.warn("counts pods of other workloads, too; only its own are spread");
  const defaults: Readonly<Record<string, unknown>> = { minDomains: 1, nodeAffinityPolicy: "Honor", nodeTaintsPolicy: "Ignore" };
  for (const [field, usual] of Object.entries(defaults)) {
    const given = constraint.at(field);
    if (given.given && given.value !== usual) given.warn("is not taken over");
  }
  const when = constraint.at("whenUnsatisfiable");
  if (when.given && when.value !== "DoNotSchedule" && when.value !== "ScheduleAnyway")
    when.fault("is unknown; use DoNotSchedule or ScheduleAnyway");
  return [
    {
      over: topologyOf(constraint.at("topologyKey")),
      maxSkew: constraint.at("maxSkew").count(1, 1),
      weight: when.value === "ScheduleAnyway" ? anywayWeight : null,
    },
  ];
}

/** Kubernetes' labels of hosts and zones are our node and zone. */
function topologyOf(key: Cursor): string {
  const label = key.needText();
  if (label === "kubernetes.io/hostname") return "node";
  return label === "topology.kubernetes.io/zone" || label === "failure-domain.beta.kubernetes.io/zone" ? "zone" : label;
}

function unique(rules: readonly AffinityRule[]): AffinityRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify([rule.service, rule.within, rule.weight]), rule])).values()];
}

/** Pairs of services that cannot share a node, as both take the same port of the host; a service with itself included. */
export function hostPortRules(workloads: readonly Workload[], nameOf: (workload: Workload) => string): Map<Workload, AffinityRule[]> {
  const takers = new Map<string, Set<Workload>>();
  for (const workload of workloads) {
    const onHost = workload.spec.at("hostNetwork").value === true;
    for (const port of workload.spec
      .at("containers")
      .list()
      .flatMap((container) => container.at("ports").list())) {
      const number = port.at("hostPort").given ? port.at("hostPort").value : onHost ? port.at("containerPort").value : undefined;
      if (number === undefined || number === 0) continue;
      const key = `${String(number)}/${port.at("protocol").text("TCP")}`;
      takers.set(key, (takers.get(key) ?? new Set()).add(workload));
    }
  }
  const rules = new Map<Workload, AffinityRule[]>();
  for (const set of takers.values()) {
    const list = [...set];
    for (const [index, workload] of list.entries()) {
      const more = list.slice(index).map((other) => ({ service: nameOf(other), within: "node", weight: null }));
      rules.set(workload, unique([...(rules.get(workload) ?? []), ...more]));
    }
  }
  return rules;
}
