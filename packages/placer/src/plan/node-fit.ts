/** Whether a service may run on a node, by names, labels and taints alone. @module */
import type { NodeMatch, NodeSpec, ServiceSpec, Taint, Toleration } from "../problem/problem.ts";

/** Whether a node's labels meet a condition; a missing label meets only `NotIn` and `DoesNotExist`. [Kubernetes, labels.Requirement.Matches] */
function matches(node: NodeSpec, { key, operator, values }: NodeMatch): boolean {
  const label = domainOf(node, key);
  switch (operator) {
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
    case "In":
      return label !== undefined && values.includes(label);
    case "NotIn":
      return label === undefined || !values.includes(label);
    default: {
      if (label === undefined || !/^-?\d+$/.test(label)) return false;
      const difference = Number(label) - Number(values[0]);
      return operator === "Gt" ? difference > 0 : difference < 0;
    }
  }
}

/** Whether a toleration bears a taint. [Kubernetes, core/v1 Toleration.ToleratesTaint] */
function bears(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== null && toleration.effect !== taint.effect) return false;
  if (toleration.key !== "" && toleration.key !== taint.key) return false;
  // An empty key bears all taints, and only with Exists.
  return toleration.operator === "Exists" || (toleration.key !== "" && toleration.value === taint.value);
}

/** The taints of a node that a service does not bear. */
function unborneTaints(service: ServiceSpec, node: NodeSpec): readonly Taint[] {
  return node.taints.filter((taint) => !service.tolerations.some((toleration) => bears(toleration, taint)));
}

/** Domain of a node: its name, its zone, or the value of a label, Kubernetes' well-known ones included; undefined for a node that belongs to none. */
export function domainOf(node: NodeSpec, within: string): string | undefined {
  if (within === "node") return node.name;
  if (Object.hasOwn(node.labels, within)) return node.labels[within];
  if (within === "zone" || within === "topology.kubernetes.io/zone") return node.zone ?? undefined;
  return within === "kubernetes.io/hostname" ? node.name : undefined;
}

/** How little a service likes a node, 0 to 1: its preferred terms that do not match, by weight, and half for each preferring taint that it does not bear. */
export function unwanted(service: ServiceSpec, node: NodeSpec): number {
  const terms = service.preferredNodes.filter(({ match }) => !match.every((one) => matches(node, one)));
  const taints = unborneTaints(service, node).filter(({ effect }) => effect === "PreferNoSchedule");
  return Math.min(1, terms.reduce((sum, { weight }) => sum + weight / 100, 0) + taints.length / 2);
}

/**
 * Why a service may not run on a node, as the end of a sentence; null when it may.
 *
 * @example
 * ```ts
 * refusal(web, node); // "has the taint gpu=yes:NoSchedule, which web does not tolerate"
 * ```
 */
export function refusal(service: ServiceSpec, node: NodeSpec): string | null {
  if (service.nodes && !service.nodes.includes(node.name)) return `is not among the nodes of ${service.name}`;
  const { nodeSelector } = service;
  if (nodeSelector.length > 0 && !nodeSelector.some((all) => all.every((match) => matches(node, match)))) {
    return `does not match the node selector of ${service.name}`;
  }
  const taint = unborneTaints(service, node).find(({ effect }) => effect !== "PreferNoSchedule");
  if (taint)
    return `has the taint ${taint.key}${taint.value && `=${taint.value}`}:${taint.effect}, which ${service.name} does not tolerate`;
  const spread = service.spread.find(({ over, weight }) => weight === null && domainOf(node, over) === undefined);
  return spread ? `has no ${spread.over === "zone" ? "zone" : `label ${spread.over}`}, over which ${service.name} must spread` : null;
}
