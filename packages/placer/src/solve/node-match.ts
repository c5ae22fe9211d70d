/** Which nodes a service may run on, by labels and taints. [Kubernetes, component-helpers/scheduling/corev1] @module */
import type { NodeMatch, NodeSpec, ServiceSpec, Taint, Toleration } from "../problem/problem.ts";

/** Whether a node has what a condition asks of its labels; the node's name is its label `kubernetes.io/hostname` unless it has one. */
export function matches(node: NodeSpec, { key, operator, values }: NodeMatch): boolean {
  const value = labelOf(node, key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) < Number(values[0]);
  }
}

/** The value of a label, or of what a rule may name as one: `node` and `zone`, and Kubernetes' well-known labels of both. */
export function labelOf(node: NodeSpec, key: string): string | undefined {
  if (key === "node") return node.name;
  const own = node.labels[key];
  if (own !== undefined) return own;
  if (key === "zone" || key === "topology.kubernetes.io/zone") return node.zone ?? undefined;
  if (key === "kubernetes.io/hostname") return node.name;
  return undefined;
}

/** Whether a toleration bears a taint. */
export function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect !== null && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  return operator === "Exists" || (key !== "" && value === taint.value);
}

/** Why a service may not run on a node, in a few words; null when names, selector and taints allow it. */
export function refusal(service: ServiceSpec, node: NodeSpec): string | null {
  if (service.nodes !== null && !service.nodes.includes(node.name)) return "not among its nodes";
  const { nodeSelector } = service;
  if (nodeSelector.length > 0 && !nodeSelector.some((terms) => terms.every((term) => matches(node, term)))) return "nodeSelector";
  const taint = node.taints.find((one) => one.effect !== "PreferNoSchedule" && !service.tolerations.some((t) => tolerates(t, one)));
  return taint === undefined ? null : `taint ${taint.key}=${taint.value}:${taint.effect}`;
}

/** How little a service likes a node, 0 to 1: preferred terms that do not match, by weight, and half for each preferring taint it does not bear. */
export function dislike(service: ServiceSpec, node: NodeSpec): number {
  let sum = 0;
  for (const { weight, match } of service.preferredNodes) if (!match.every((term) => matches(node, term))) sum += weight / 100;
  for (const taint of node.taints)
    if (taint.effect === "PreferNoSchedule" && !service.tolerations.some((one) => tolerates(one, taint))) sum += 0.5;
  return Math.min(1, sum);
}
