/** What runs in a cluster, by its manifests: workloads with the pods they have, each to become a service. @module */
import type { Cursor } from "./cursor.ts";

/** A set of alike pods: a Deployment, a StatefulSet, a pod alone. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** The object, for messages. */
  readonly object: Cursor;
  /** Spec and labels of its pods. */
  readonly spec: Cursor;
  readonly labels: Readonly<Record<string, string>>;
  /** Pods wanted; null for one on each node that fits. */
  readonly wanted: number | null;
  /** Number in the name of the first pod, for StatefulSets. */
  readonly firstOrdinal: number;
  /** Pods that run, or wait for a node. */
  readonly pods: Pod[];
}

/** A pod that is there. */
export interface Pod {
  readonly name: string;
  readonly object: Cursor;
  /** The node it runs on; empty for none yet. */
  readonly nodeName: string;
}

/** Objects of an import by kind. */
export interface Objects {
  readonly workloads: readonly Cursor[];
  readonly pods: readonly Cursor[];
}

/** Kinds whose pods are placed, with a template for them. */
export const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"] as const;

/** Namespace of an object. */
export function namespaceOf(object: Cursor): string {
  return object.at("metadata", "namespace").text("default");
}

/** Kind and name of what controls an object, if anything does. */
function ownerOf(object: Cursor): { kind: string; name: string } | undefined {
  const owners = object.at("metadata", "ownerReferences").list();
  const owner = owners.find((one) => one.at("controller").value === true) ?? owners[0];
  return owner && { kind: owner.at("kind").text(), name: owner.at("name").text() };
}

/** Brings pods to their workloads; those whose workload is not in the manifests form one together. */
export function workloads({ workloads: objects, pods }: Objects): Workload[] {
  const key = (namespace: string, kind: string, name: string) => JSON.stringify([namespace, kind, name]);
  const found = new Map<string, Workload>();
  /** ReplicaSets that belong to a Deployment: its key. */
  const ownedBy = new Map<string, string>();
  const kindOf = (object: Cursor) => object.at("kind").text();
  const all = new Set(objects.map((object) => key(namespaceOf(object), kindOf(object), object.at("metadata", "name").text())));
  for (const object of objects) {
    const namespace = namespaceOf(object);
    const kind = kindOf(object);
    const name = object.at("metadata", "name").needText();
    const own = key(namespace, kind, name);
    const owner = ownerOf(object);
    const above = owner && key(namespace, owner.kind, owner.name);
    if (above !== undefined && all.has(above)) {
      ownedBy.set(own, above);
      continue;
    }
    const twice = found.has(own);
    if (twice) object.at("metadata", "name").fault(`${kind} ${name} is given twice; remove one`);
    const template = object.at("spec", "template");
    // The second is looked at all the same: it may have faults of its own.
    found.set(twice ? `${own} ${found.size}` : own, {
      kind,
      name,
      namespace,
      object,
      spec: template.at("spec"),
      labels: template.at("metadata", "labels").texts(),
      wanted: kind === "DaemonSet" ? null : object.at("spec", "replicas").count(0, 1),
      firstOrdinal: object.at("spec", "ordinals", "start").count(0, 0),
      pods: [],
    });
  }
  for (const object of pods) {
    const phase = object.at("status", "phase").text();
    if (phase === "Succeeded" || phase === "Failed") continue;
    const namespace = namespaceOf(object);
    const name = object.at("metadata", "name").needText();
    const labels = object.at("metadata", "labels").texts();
    const owner = controller(object, name, labels);
    const direct = key(namespace, owner.kind, owner.name);
    const place = ownedBy.get(direct) ?? direct;
    const spec = object.at("spec");
    const workload = found.get(place) ?? {
      ...owner,
      namespace,
      object,
      spec,
      labels,
      wanted: 0,
      firstOrdinal: 0,
      pods: [],
    };
    found.set(place, workload);
    workload.pods.push({ name, object, nodeName: spec.at("nodeName").text() });
  }
  return [...found.values()];
}

/** What a pod belongs to: its owner; for a ReplicaSet of a Deployment, whose name ends in the template's hash, the Deployment. */
function controller(pod: Cursor, name: string, labels: Readonly<Record<string, string>>): { kind: string; name: string } {
  const owner = ownerOf(pod);
  if (!owner || owner.kind === "Node") return { kind: "Pod", name };
  const hash = labels["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { kind: "Deployment", name: owner.name.slice(0, -hash.length - 1) };
  }
  return owner;
}
