/** Which workloads a label selector of a pod rule means. [Kubernetes, meta/v1 LabelSelector; core/v1 PodAffinityTerm] @module */
import type { Cursor } from "./cursor.ts";
import type { Workload } from "./kubernetes-workload.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether labels match a selector; a missing selector matches nothing, an empty one everything. */
export function selects(selector: Cursor, labels: Labels): boolean {
  if (!selector.given) return false;
  const exact = Object.entries(selector.at("matchLabels").texts());
  return (
    exact.every(([key, value]) => labelOf(labels, key) === value) &&
    selector
      .at("matchExpressions")
      .list()
      .every((expression) => meets(expression, labels))
  );
}

function meets(expression: Cursor, labels: Labels): boolean {
  const value = labelOf(labels, expression.at("key").needText());
  const values = expression
    .at("values")
    .list()
    .map((one) => one.text());
  const operator = expression.at("operator").text();
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      expression.fault(`operator ${JSON.stringify(operator)} is unknown; use In, NotIn, Exists or DoesNotExist`);
      return false;
  }
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Finds the workloads that a term of pod affinity, or a spread constraint, speaks of. */
export class WorkloadFinder {
  readonly #workloads: readonly Workload[];
  /** Labels of namespaces that are in the manifests. */
  readonly #namespaces: ReadonlyMap<string, Labels>;

  constructor(workloads: readonly Workload[], namespaces: ReadonlyMap<string, Labels>) {
    this.#workloads = workloads;
    this.#namespaces = namespaces;
  }

  /** @param own The workload that has the rule: its namespace counts unless the term names others. */
  find(term: Cursor, own: Workload): Workload[] {
    const inNamespace = this.#namespaceTest(term, own);
    const same = this.#keyLabels(term.at("matchLabelKeys"), own);
    const other = this.#keyLabels(term.at("mismatchLabelKeys"), own);
    return this.#workloads.filter(
      ({ namespace, labels }) =>
        inNamespace(namespace) &&
        selects(term.at("labelSelector"), labels) &&
        same.every(([key, value]) => labelOf(labels, key) === value) &&
        other.every(([key, value]) => labelOf(labels, key) !== value),
    );
  }

  #namespaceTest(term: Cursor, own: Workload): (namespace: string) => boolean {
    const named = term
      .at("namespaces")
      .list()
      .map((one) => one.text());
    const selector = term.at("namespaceSelector");
    if (!selector.given) return named.length === 0 ? (namespace) => namespace === own.namespace : (namespace) => named.includes(namespace);
    return (namespace) =>
      named.includes(namespace) || selects(selector, { "kubernetes.io/metadata.name": namespace, ...this.#namespaces.get(namespace) });
  }

  /** Labels that pods of one revision share, such as pod-template-hash, are on no template: all replicas are of one revision here. */
  #keyLabels(keys: Cursor, own: Workload): [string, string][] {
    return keys.list().flatMap((one): [string, string][] => {
      const value = labelOf(own.labels, one.text());
      return value === undefined ? [] : [[one.text(), value]];
    });
  }
}
