/** Nodes of a cluster, and which of them a pod may run on, by their manifests. @module */
import type { NodeParts } from "../problem/build-problem.ts";
import type { NodeMatch, ServiceSpec, Taint, Toleration } from "../problem/problem.ts";
import type { Cursor } from "./cursor.ts";
import { quantities } from "./kubernetes-requests.ts";

const zoneLabels = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];
const effects: readonly string[] = ["NoSchedule", "PreferNoSchedule", "NoExecute"] satisfies Taint["effect"][];

/** A node, with everything it can give to pods. */
export function nodeParts(node: Cursor): NodeParts & { readonly images: readonly string[] } {
  const labels = node.at("metadata", "labels").texts();
  const status = node.at("status");
  const given = status.at("allocatable").given ? status.at("allocatable") : status.at("capacity");
  if (!given.given) status.warn("no allocatable and no capacity; nothing can be placed there");
  const taints = node.at("spec", "taints").list().flatMap(taint);
  if (node.at("spec", "unschedulable").value === true && !taints.some(({ key }) => key === "node.kubernetes.io/unschedulable"))
    taints.push({ key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" });
  const images = status.at("images").list();
  return {
    name: node.at("metadata", "name").needText(),
    capacity: Object.fromEntries(quantities(given)),
    zone: zoneLabels.map((key) => labels[key]).find((zone) => zone !== undefined && zone !== "") ?? null,
    labels,
    taints,
    images: images.flatMap((image) =>
      image
        .at("names")
        .list()
        .map((name) => name.text()),
    ),
  };
}

function taint(entry: Cursor): Taint[] {
  const effect = entry.at("effect").text();
  if (!effects.includes(effect)) {
    entry.fault(`effect ${JSON.stringify(effect)} is unknown; use ${effects.join(", ")}`);
    return [];
  }
  return [{ key: entry.at("key").needText(), value: entry.at("value").text(), effect: effect as Taint["effect"] }];
}

/** Sizes of the images that nodes have, by every name they are known by. */
export function imageSizes(nodes: readonly Cursor[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const image of nodes.flatMap((node) => node.at("status", "images").list())) {
    const bytes = image.at("sizeBytes").value;
    if (typeof bytes !== "number" || !(bytes >= 0)) continue;
    for (const name of image.at("names").list()) sizes.set(name.text(), bytes);
  }
  return sizes;
}

/** What a pod's spec says of nodes: selector, affinity, tolerations. */
export function nodeRules(spec: Cursor): Pick<ServiceSpec, "nodeSelector" | "preferredNodes" | "tolerations"> {
  const exact = Object.entries(spec.at("nodeSelector").texts()).map(
    ([key, value]): NodeMatch => ({ key, operator: "In", values: [value] }),
  );
  const affinity = spec.at("affinity", "nodeAffinity");
  const required = affinity.at("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
  const terms = required.list().flatMap((term) => {
    const match = nodeTerm(term);
    if (match.length === 0) term.warn("an empty term matches no node; left out");
    return match.length === 0 ? [] : [[...exact, ...match]];
  });
  if (required.given && terms.length === 0) required.fault("no term can match any node; give one that can");
  return {
    nodeSelector: terms.length > 0 ? terms : exact.length > 0 ? [exact] : [],
    preferredNodes: affinity
      .at("preferredDuringSchedulingIgnoredDuringExecution")
      .list()
      .flatMap((wish) => {
        const match = nodeTerm(wish.at("preference"));
        return match.length === 0 ? [] : [{ weight: weightOf(wish), match }];
      }),
    tolerations: spec.at("tolerations").list().map(toleration),
  };
}

/** Weight of a preferred term, 1 to 100. */
export function weightOf(wish: Cursor): number {
  const weight = wish.at("weight").count(1, 1);
  if (weight > 100) wish.at("weight").fault(`${weight} is no weight; use 1 to 100`);
  return weight;
}

function nodeTerm(term: Cursor): NodeMatch[] {
  return [...term.at("matchExpressions").list().flatMap(condition), ...term.at("matchFields").list().flatMap(fieldCondition)];
}

const operators: readonly string[] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] satisfies NodeMatch["operator"][];

function condition(entry: Cursor): NodeMatch[] {
  const operator = entry.at("operator").text() as NodeMatch["operator"];
  const values = entry
    .at("values")
    .list()
    .map((value) => value.text());
  if (!operators.includes(operator)) {
    entry.fault(`operator ${JSON.stringify(operator)} is unknown; use ${operators.join(", ")}`);
    return [];
  }
  const wants =
    operator === "In" || operator === "NotIn"
      ? values.length > 0
      : operator === "Gt" || operator === "Lt"
        ? values.length === 1
        : values.length === 0;
  if (!wants) entry.at("values").fault(`${operator} does not take ${values.length} values`);
  return [{ key: entry.at("key").needText(), operator, values }];
}

/** The only field there is: the node's name. [pkg/apis/core/validation, nodeFieldSelectorValidators] */
function fieldCondition(entry: Cursor): NodeMatch[] {
  if (entry.at("key").text() === "metadata.name") return condition(entry).map((match) => ({ ...match, key: "node" }));
  entry.fault(`field ${JSON.stringify(entry.at("key").value)} cannot be matched; use metadata.name`);
  return [];
}

function toleration(entry: Cursor): Toleration {
  const effect = entry.at("effect").text();
  if (effect !== "" && !effects.includes(effect))
    entry.at("effect").fault(`${JSON.stringify(effect)} is unknown; use ${effects.join(", ")}`);
  const operator = entry.at("operator").text("Equal") || "Equal";
  const key = entry.at("key").text();
  if (operator !== "Equal" && operator !== "Exists")
    entry.at("operator").fault(`${JSON.stringify(operator)} is unknown; use Equal or Exists`);
  else if (key === "" && operator !== "Exists") entry.fault("has no key; give one, or operator: Exists for every taint");
  return {
    key,
    operator: operator === "Exists" ? "Exists" : "Equal",
    value: entry.at("value").text(),
    effect: effect === "" ? null : (effect as Taint["effect"]),
  };
}
