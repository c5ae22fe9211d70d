/** Reads Kubernetes manifests: nodes, workloads, pods, and what they ask for. @module */
import { buildProblem, defaultResources, type NodeParts, type ServiceParts } from "../problem/build-problem.ts";
import { readDocuments } from "../problem/document-text.ts";
import type { NodeSpec, Quantities, Resource, ServiceSpec } from "../problem/problem.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { refusal } from "../solve/node-match.ts";
import { Cursor } from "./cursor.ts";
import { type Imported, ImportNotes } from "./import-notes.ts";
import { WorkloadFinder } from "./kubernetes-label-selector.ts";
import { imageSizes, nodeParts, nodeRules } from "./kubernetes-nodes.ts";
import { hostPortRules, podRules } from "./kubernetes-pod-rules.ts";
import { podRequests } from "./kubernetes-requests.ts";
import { type Workload, workloadKinds, workloads } from "./kubernetes-workload.ts";
import { uniqueNames } from "./service-names.ts";

/** A file of an import. */
export interface ImportFile {
  readonly file: string;
  readonly text: string;
}

/** What an import is told besides its files. */
export interface KubernetesOptions {
  /** Nodes and their resources, in place of the manifests'. */
  readonly nodes?: { readonly nodes: readonly NodeSpec[]; readonly resources: readonly Resource[] };
}

/** Taints that every DaemonSet bears. [pkg/controller/daemon/util, AddOrUpdateDaemonPodTolerations] */
const daemonTolerations: ServiceSpec["tolerations"] = [
  ...["not-ready", "unreachable"].map((key) => ({ key, effect: "NoExecute" as const })),
  ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((key) => ({ key, effect: "NoSchedule" as const })),
].map(({ key, effect }) => ({ key: `node.kubernetes.io/${key}`, operator: "Exists", value: "", effect }));

/** Fields of a pod's spec that bear on placement and are not taken over, with what that means. */
const leftOut: Readonly<Record<string, string>> = {
  priorityClassName: "is not taken over: nothing is evicted for it",
  resourceClaims: "is not taken over: devices are not placed",
  schedulingGates: "is not taken over: placed as if it were open",
};

/**
 * Turns manifests into a problem: workloads become services, pods that run give replicas their names and the present assignment.
 *
 * @throws {ProblemError} with every fault and its place.
 */
export function importKubernetes(files: readonly ImportFile[], options: KubernetesOptions = {}): Imported {
  const notes = new ImportNotes();
  const objects = files.flatMap(({ file, text }) => objectsOf(file, text, notes));
  const whole = objects[0]?.origin ?? new Cursor(null, { value: null, faults: [], locate: () => [] }, [], notes);
  const ofKind = (...kinds: string[]) => objects.filter(({ kind }) => kinds.includes(kind)).map(({ object }) => object);
  warnOfOthers(objects, whole);
  const nodeObjects = options.nodes ? [] : ofKind("Node");
  if (!options.nodes && nodeObjects.length === 0)
    whole.fault("there is no Node in these manifests; add some (kubectl get nodes -o yaml), or give --nodes");
  const all = workloads({ workloads: ofKind(...workloadKinds), pods: ofKind("Pod") }).filter((workload) => {
    const none = workload.wanted === 0 && workload.pods.length === 0;
    if (none) workload.object.warn(`${workload.kind} ${workload.name} has 0 replicas; left out`);
    return !none;
  });
  const names = uniqueNames(
    all.map(({ kind, name, namespace }) => [name, `${name}.${namespace}`, `${name}.${namespace}.${kind.toLowerCase()}`]),
  );
  const nameOf = new Map(all.map((workload, index) => [workload, names[index]!]));
  const nameFor = (workload: Workload) => nameOf.get(workload)!;
  const nodes: NodeParts[] = options.nodes ? [...options.nodes.nodes] : nodeObjects.map(nodeParts);

  const namespaces = new Map(
    ofKind("Namespace").map((object) => [object.at("metadata", "name").text(), object.at("metadata", "labels").texts()]),
  );
  const finder = new WorkloadFinder(all, namespaces);
  const hostPorts = hostPortRules(all, nameFor);
  const sizes = imageSizes(nodeObjects);
  const podNames = new Set<string>();
  const assignment: Record<string, string> = {};
  const origins: Workload[] = [];
  const nodeSpecs = buildProblem({ nodes, services: [] }).nodes;
  const nodeNames = new Set(nodes.map(({ name }) => name));
  const countPods = nodes.some(({ capacity }) => capacity?.pods !== undefined);
  const services = all.flatMap((workload): ServiceParts[] => {
    const name = nameFor(workload);
    const { spec } = workload;
    for (const [field, message] of Object.entries(leftOut)) if (spec.at(field).given) spec.at(field).warn(message);
    const scheduler = spec.at("schedulerName");
    if (scheduler.given && scheduler.value !== "default-scheduler") scheduler.warn("is not taken over: its own rules are not known here");
    for (const volume of spec.at("volumes").list())
      if (volume.at("persistentVolumeClaim").given) volume.warn("a volume claim may tie the pod to a node or zone; pin it if so");
    const rules = nodeRules(spec);
    const pods = podRules(workload, finder, nameFor);
    const service: ServiceParts = {
      name,
      requests: { ...podRequests(spec), ...(countPods ? { pods: 1 } : {}) },
      labels: workload.labels,
      application: workload.labels["app.kubernetes.io/part-of"] ?? (workload.namespace === "default" ? "" : workload.namespace),
      ...rules,
      ...pods,
      antiAffinity: [...pods.antiAffinity, ...(hostPorts.get(workload) ?? [])],
      images: containerImages(spec, sizes),
    };
    const podName = (pod: string) => {
      const unique = podNames.has(pod) ? `${pod}.${workload.namespace}` : pod;
      podNames.add(unique);
      return unique;
    };
    const running = workload.pods.map((pod) => {
      const replica = podName(pod.name);
      if (pod.nodeName !== "" && nodeNames.has(pod.nodeName)) assignment[replica] = pod.nodeName;
      else if (pod.nodeName !== "")
        pod.object.at("spec", "nodeName").warn(`runs on ${pod.nodeName}, which is not among the nodes; where it runs is left out`);
      return { replica, nodeName: pod.nodeName };
    });
    if (
      workload.wanted === null ||
      workload.kind === "DaemonSet" ||
      workload.object.at("metadata", "annotations", "kubernetes.io/config.mirror").given
    ) {
      const daemon = onEachNode(workload, service, running, nodeSpecs);
      if (daemon.replicas.length === 0) {
        workload.object.warn(`${workload.kind} ${workload.name} fits on no node; left out`);
        return [];
      }
      origins.push(workload);
      return [{ ...service, ...daemon }];
    }
    // A pod's own nodeName says where it runs now, a template's where its pods must.
    const nodeName = workload.pods[0]?.object === workload.object ? "" : spec.at("nodeName").text();
    const replicas = [...running.map(({ replica }) => replica), ...missing(workload, running.length, podName, name)];
    origins.push(workload);
    return [
      { ...service, replicas, ...(nodeName === "" ? {} : { pinned: Object.fromEntries(replicas.map((replica) => [replica, nodeName])) }) },
    ];
  });
  const resources = resourcesOf(services, options.nodes?.resources ?? [], countPods);
  const known = new Set(resources.map((resource) => resource.name));
  const problem = buildProblem({
    name: "",
    resources,
    nodes: nodes.map((node) => ({
      ...node,
      capacity: only(node.capacity ?? {}, known),
      images: wantedImages(node.images ?? [], services),
    })),
    services,
    assignment,
  });
  return notes.finish(problem, { nodes: nodeObjects, services: origins.map(({ object }) => object), whole });
}

interface FoundObject {
  readonly kind: string;
  readonly object: Cursor;
  readonly origin: Cursor;
}

/** Objects of a file, out of Lists and documents. */
function objectsOf(file: string, text: string, notes: ImportNotes): FoundObject[] {
  const documents = readDocuments(text, file);
  const faults = documents.flatMap((document) => document.faults);
  if (faults.length > 0) throw new ProblemError(faults);
  return documents.flatMap((document) => {
    const root = new Cursor(document.value, document, [], notes);
    const open = (object: Cursor): FoundObject[] => {
      if (!object.given) return [];
      const kind = object.at("kind");
      if (!kind.given) object.fault("has no kind; give a Kubernetes object");
      // `items` is what makes a List one: kubectl writes List, servers PodList.
      else if (kind.text().endsWith("List") && Array.isArray(object.at("items").value)) return object.at("items").list().flatMap(open);
      return [{ kind: kind.text(), object, origin: root }];
    };
    return open(root);
  });
}

function warnOfOthers(objects: readonly FoundObject[], whole: Cursor): void {
  const handled = new Set<string>([...workloadKinds, "Pod", "Node", "Namespace"]);
  const counts = new Map<string, number>();
  for (const { kind } of objects) if (!handled.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (counts.size === 0) return;
  const first = objects.find(({ kind }) => !handled.has(kind))!.object;
  const list = [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
  (first.document === whole.document ? first : whole).warn(`left out, as nothing in them is placed: ${list}`);
}

/** A replica for each node that fits, pinned to it; pods that run keep their names. */
function onEachNode(
  workload: Workload,
  service: ServiceParts,
  running: readonly { replica: string; nodeName: string }[],
  nodes: readonly NodeSpec[],
): {
  replicas: string[];
  pinned: Record<string, string>;
  tolerations: ServiceSpec["tolerations"];
  nodeSelector: ServiceSpec["nodeSelector"];
} {
  const tolerations = [...(service.tolerations ?? []), ...daemonTolerations];
  // A pod of a DaemonSet is tied to its own node by its spec: of all of them only the pins hold.
  const nodeSelector = workload.wanted === null ? (service.nodeSelector ?? []) : [];
  const podOn = new Map(running.map(({ replica, nodeName }) => [nodeName, replica]));
  const [asked] = buildProblem({ nodes: [], services: [{ ...service, tolerations, nodeSelector }] }).services;
  const fitting = nodes.filter((node) => (workload.wanted === null ? refusal(asked!, node) === null : podOn.has(node.name)));
  const pinned = Object.fromEntries(fitting.map(({ name }) => [podOn.get(name) ?? `${service.name}-${name}`, name]));
  return { replicas: Object.keys(pinned), pinned, tolerations, nodeSelector };
}

/** Names of the pods that are wanted and not there: as a StatefulSet names them, or numbered likewise. */
function missing(workload: Workload, running: number, podName: (name: string) => string, service: string): string[] {
  const wanted = Math.max(workload.wanted ?? 0, running);
  const taken = new Set(workload.pods.map(({ name }) => name));
  const names: string[] = [];
  for (let ordinal = workload.firstOrdinal; names.length < wanted - running; ordinal++) {
    const usual = workload.kind === "StatefulSet" ? `${workload.name}-${ordinal}` : `${service}-${ordinal}`;
    if (!taken.has(usual)) names.push(podName(usual));
  }
  return names;
}

function containerImages(spec: Cursor, sizes: ReadonlyMap<string, number>): ServiceSpec["images"] {
  const names = spec
    .at("containers")
    .list()
    .map((container) => container.at("image").text())
    .filter((name) => name !== "");
  return [...new Set(names)].map((name) => ({ name, bytes: sizes.get(name) ?? 0 }));
}

/** cpu and memory, and what else is requested: capacity of what nobody asks for does not matter. */
function resourcesOf(services: readonly ServiceParts[], known: readonly Resource[], countPods: boolean): Resource[] {
  const asked = new Set(services.flatMap(({ requests }) => Object.keys(requests ?? {})));
  const usual = known.length > 0 ? known : defaultResources;
  const more = [...asked].filter((name) => !usual.some((one) => one.name === name) && (name !== "pods" || countPods));
  return [...usual, ...more.map((name): Resource => ({ name, unit: isBytes(name) ? "bytes" : "count" }))];
}

function isBytes(name: string): boolean {
  return name === "ephemeral-storage" || name.startsWith("hugepages-");
}

function only(quantities: Quantities, names: ReadonlySet<string>): Quantities {
  return Object.fromEntries(Object.entries(quantities).filter(([name]) => names.has(name)));
}

function wantedImages(images: readonly string[], services: readonly ServiceParts[]): string[] {
  const wanted = new Set(services.flatMap((service) => (service.images ?? []).map(({ name }) => name)));
  return images.filter((name) => wanted.has(name));
}
