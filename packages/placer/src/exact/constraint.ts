/** Constraints as people see them: what a row of the model belongs to. @module */
import type { Instance } from "../solve/instance.ts";

/** One constraint of a problem. */
export type Constraint =
  /** All replicas of the service run. */
  | { readonly kind: "placement"; readonly service: number }
  /** Names, selector and taints of the service. */
  | { readonly kind: "nodes"; readonly service: number }
  | { readonly kind: "pinned"; readonly service: number }
  | { readonly kind: "capacity"; readonly node: number; readonly resource: number }
  /** A rule that must hold, by its index in {@link Instance.rules}. */
  | { readonly kind: "rule"; readonly rule: number };

/** All constraints that an instance has, the ones that a clash is least likely about first. */
export function constraintsOf(instance: Instance): readonly Constraint[] {
  const { services, nodes, resources, rules, pinned, serviceOf, demand, problem } = instance;
  const all: Constraint[] = [];
  const each = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
  for (const [rule, { weight }] of rules.entries()) if (weight === null) all.push({ kind: "rule", rule });
  const tainted = problem.nodes.some(({ taints }) => taints.length > 0);
  for (const service of each(services)) {
    const { nodes: names, nodeSelector } = problem.services[service]!;
    if (tainted || names !== null || nodeSelector.length > 0) all.push({ kind: "nodes", service });
  }
  for (const service of new Set(serviceOf.filter((_, replica) => pinned[replica]! >= 0))) all.push({ kind: "pinned", service });
  for (const resource of each(resources)) {
    if (!each(services).some((service) => demand[service * resources + resource]! > 0)) continue;
    for (const node of each(nodes)) all.push({ kind: "capacity", node, resource });
  }
  for (const service of each(services)) all.push({ kind: "placement", service });
  return all;
}

/** A name for a set or a map. */
export function keyOf(constraint: Constraint): string {
  switch (constraint.kind) {
    case "capacity":
      return `capacity ${constraint.node} ${constraint.resource}`;
    case "rule":
      return `rule ${constraint.rule}`;
    default:
      return `${constraint.kind} ${constraint.service}`;
  }
}
