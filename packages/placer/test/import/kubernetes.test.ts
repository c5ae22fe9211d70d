import { readFileSync } from "node:fs";
import { formatProblem } from "@mitsu/catalog/document";
import test from "ava";
import { stringify } from "yaml";
import type { Imported } from "../../src/import/import-notes.ts";
import { importKubernetes } from "../../src/import/kubernetes.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";

const corpus = new URL("../corpus/import/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, corpus), "utf8");

/** Imports objects, with nodes n1 (zone a, disk ssd) and n2 (zone b) beside them. */
function imported(...objects: object[]): Imported {
  const nodes = [
    {
      kind: "Node",
      metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "a", disk: "ssd" } },
      status: { allocatable: { cpu: "4", memory: "8Gi" } },
    },
    {
      kind: "Node",
      metadata: { name: "n2", labels: { "topology.kubernetes.io/zone": "b" } },
      status: { allocatable: { cpu: "4", memory: "8Gi" } },
    },
  ];
  return importKubernetes([{ file: "m.yaml", text: [...nodes, ...objects].map((object) => stringify(object)).join("---\n") }]);
}

/** A workload whose pods have such a spec. */
function workload(name: string, spec: object = {}, more: { kind?: string; replicas?: number; namespace?: string; labels?: object } = {}) {
  const { kind = "Deployment", replicas, namespace, labels = { app: name } } = more;
  return {
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      template: { metadata: { labels }, spec: { containers: [{ name: "c" }], ...spec } },
    },
  };
}

function pod(name: string, owner: { kind: string; name: string } | undefined, nodeName: string, more: object = {}) {
  return {
    kind: "Pod",
    metadata: {
      name,
      labels: { app: "x", "pod-template-hash": "5f6d" },
      ...(owner ? { ownerReferences: [{ ...owner, controller: true }] } : {}),
    },
    spec: { nodeName, containers: [{ name: "c" }], ...more },
  };
}

const term = (app: string, topologyKey = "kubernetes.io/hostname") => ({ topologyKey, labelSelector: { matchLabels: { app } } });
const required = (kind: "podAffinity" | "podAntiAffinity", ...terms: object[]) => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});

test("importKubernetes() reads the shop of corpus/import/k8s-boutique.yaml, as k8s-boutique.expected.yaml has it", (t) => {
  const { problem, warnings } = importKubernetes([{ file: "k8s-boutique.yaml", text: read("k8s-boutique.yaml") }]);
  t.deepEqual(problem, parseProblem(read("k8s-boutique.expected.yaml"), "expected.yaml"));
  t.deepEqual(warnings.map(formatProblem), [
    "k8s-boutique.yaml:2:1: left out, as nothing in them is placed: 1 Service",
    "k8s-boutique.yaml:136:1: Deployment idle has 0 replicas; left out",
    "k8s-boutique.yaml:61:160: spec.template.spec.topologySpreadConstraints[1].minDomains: is not taken over",
    "k8s-boutique.yaml:85:26: spec.template.spec.priorityClassName: is not taken over: nothing is evicted for it",
    "k8s-boutique.yaml:87:17: spec.template.spec.volumes[0]: a volume claim may tie the pod to a node or zone; pin it if so",
    "k8s-boutique.yaml:129:19: spec.nodeName: runs on n9, which is not among the nodes; where it runs is left out",
  ]);
});

test("importKubernetes() adds containers, sidecars and overhead, and takes the most demanding moment of the start", (t) => {
  // Worked out by hand: containers 300m, sidecars 100m and 50m. init-1 runs beside the first sidecar: 500m + 100m = 600m, more than all together
  // (450m). With 10m overhead: 610m. Memory: 100Mi of the container, as its limit says.
  const { problem } = imported(
    workload("web", {
      initContainers: [
        { name: "s1", restartPolicy: "Always", resources: { requests: { cpu: "100m" } } },
        { name: "init-1", resources: { requests: { cpu: "500m" } } },
        { name: "s2", restartPolicy: "Always", resources: { requests: { cpu: "50m" } } },
      ],
      containers: [
        { name: "a", resources: { requests: { cpu: "200m" }, limits: { memory: "100Mi" } } },
        { name: "b", resources: { requests: { cpu: "100m" } } },
      ],
      overhead: { cpu: "10m" },
    }),
  );
  t.is(problem.services[0]?.requests.cpu?.toFixed(6), "0.610000");
  t.is(problem.services[0]?.requests.memory, 100 * 2 ** 20);
});

test("importKubernetes() takes figures of the whole pod before those of its containers", (t) => {
  const { problem } = imported(
    workload("web", {
      resources: { requests: { cpu: "2" } },
      containers: [{ name: "a", resources: { requests: { cpu: "1", memory: "1Gi" } } }],
    }),
  );
  t.deepEqual(problem.services[0]?.requests, { cpu: 2, memory: 2 ** 30 });
});

test("importKubernetes() joins the node selector with each term of node affinity", (t) => {
  const { problem } = imported(
    workload("web", {
      nodeSelector: { disk: "ssd" },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: "cores", operator: "Gt", values: ["4"] }] },
              { matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] },
            ],
          },
        },
      },
    }),
  );
  const disk = { key: "disk", operator: "In", values: ["ssd"] };
  t.deepEqual(problem.services[0]?.nodeSelector, [
    [disk, { key: "cores", operator: "Gt", values: ["4"] }],
    [disk, { key: "node", operator: "In", values: ["n1"] }],
  ] as never);
});

test("importKubernetes() finds the services of a label selector in the pod's own namespace, or in those named", (t) => {
  const far = { ...term("db"), namespaces: ["data"] };
  const { problem, warnings } = imported(
    workload("web", required("podAntiAffinity", term("db"), far)),
    workload("db"),
    workload("db", {}, { namespace: "data" }),
  );
  t.deepEqual(
    problem.services.map(({ name }) => name),
    ["web", "db.default", "db.data"],
  );
  t.deepEqual(problem.services[0]?.antiAffinity, [
    { service: "db.default", within: "node", weight: null },
    { service: "db.data", within: "node", weight: null },
  ]);
  t.deepEqual(warnings, []);
});

test("importKubernetes() finds namespaces by their labels", (t) => {
  const namespace = { kind: "Namespace", metadata: { name: "data", labels: { team: "storage" } } };
  const rule = { ...term("db"), namespaceSelector: { matchLabels: { team: "storage" } } };
  const { problem } = imported(namespace, workload("web", required("podAffinity", rule)), workload("db", {}, { namespace: "data" }));
  t.deepEqual(problem.services[0]?.affinity, [{ service: "db", within: "node", weight: null }]);
});

test("importKubernetes() warns of a must that means any of several services, and takes it as wishes", (t) => {
  const { problem, warnings } = imported(
    workload("web", required("podAffinity", term("x", "topology.kubernetes.io/zone"), term("nobody"))),
    workload("a", {}, { labels: { app: "x" } }),
    workload("b", {}, { labels: { app: "x" } }),
  );
  t.deepEqual(problem.services[0]?.affinity, [
    { service: "a", within: "zone", weight: 100 },
    { service: "b", within: "zone", weight: 100 },
  ]);
  t.deepEqual(
    warnings.map(({ field, message }) => `${field}: ${message}`),
    [
      "spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]: means beside any of a, b, which no rule of ours says; taken as a strong wish for each",
      "spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1]: matches no workload of these manifests; left out",
    ],
  );
});

test("importKubernetes() refuses affinity that goes round in a circle, at the workload that closes it", (t) => {
  const error = t.throws(() => importKubernetes([{ file: "k8s-bad-cycle.yaml", text: read("k8s-bad-cycle.yaml") }]), {
    instanceOf: ProblemError,
  });
  t.is(
    error!.message,
    "k8s-bad-cycle.yaml:13:1: services[1].affinity[0]: affinity goes round in a circle: a → b → a; leave one out, or give it a weight",
  );
});

test("importKubernetes() brings pods to their workload: names, present nodes, and names for those that are missing", (t) => {
  const replicaSet = {
    kind: "ReplicaSet",
    metadata: { name: "web-5f6d", ownerReferences: [{ kind: "Deployment", name: "web", controller: true }] },
    spec: {},
  };
  const { problem } = imported(
    workload("web", {}, { replicas: 3 }),
    replicaSet,
    pod("web-5f6d-a", { kind: "ReplicaSet", name: "web-5f6d" }, "n1"),
    workload("db", {}, { kind: "StatefulSet", replicas: 3 }),
    pod("db-1", { kind: "StatefulSet", name: "db" }, "n2"),
    pod("other-5f6d-b", { kind: "ReplicaSet", name: "other-5f6d" }, "n2"),
    pod("alone", undefined, ""),
  );
  t.deepEqual(Object.fromEntries(problem.services.map(({ name, replicas }) => [name, replicas])), {
    web: ["web-5f6d-a", "web-0", "web-1"],
    db: ["db-1", "db-0", "db-2"],
    other: ["other-5f6d-b"],
    alone: ["alone"],
  });
  t.deepEqual(problem.assignment, { "web-5f6d-a": "n1", "db-1": "n2", "other-5f6d-b": "n2" });
});

test("importKubernetes() pins a DaemonSet's replica to each node that fits", (t) => {
  const { problem } = imported(
    workload("logs", { nodeSelector: { disk: "ssd" } }, { kind: "DaemonSet" }),
    workload("all", {}, { kind: "DaemonSet" }),
  );
  t.deepEqual(
    problem.services.map(({ pinned }) => pinned),
    [{ "logs-n1": "n1" }, { "all-n1": "n1", "all-n2": "n2" }],
  );
});

test("importKubernetes() pins pods of a DaemonSet that is not there to where they run", (t) => {
  const { problem } = imported(
    pod("logs-x", { kind: "DaemonSet", name: "logs" }, "n1"),
    pod("logs-y", { kind: "DaemonSet", name: "logs" }, "n2"),
  );
  t.deepEqual(problem.services[0]?.pinned, { "logs-x": "n1", "logs-y": "n2" });
});

test("importKubernetes() keeps services apart that take the same port of the host", (t) => {
  const port = (hostPort: number) => ({ containers: [{ name: "c", ports: [{ containerPort: 8080, hostPort }] }] });
  const { problem } = imported(workload("a", port(80)), workload("b", port(80)), workload("c", port(81)));
  t.deepEqual(
    problem.services.map(({ antiAffinity }) => antiAffinity.map(({ service }) => service)),
    [["a", "b"], ["b"], ["c"]],
  );
});

test("importKubernetes() takes nodes from elsewhere before the manifests'", (t) => {
  const { nodes, resources } = parseProblem("nodes: [{ name: x, capacity: { cpu: 1 } }]\nservices: [{ name: a }]", "p.yaml");
  const { problem } = importKubernetes([{ file: "k8s-bad-no-nodes.yaml", text: read("k8s-bad-no-nodes.yaml") }], {
    nodes: { nodes, resources },
  });
  t.deepEqual(problem.nodes, nodes);
});

for (const [name, lines] of [
  [
    "k8s-bad.yaml",
    [
      '4:31: status.allocatable.cpu: "lots" is not a quantity',
      '4:45: status.allocatable.memory: "-1Gi" is not a quantity',
      '9:13: spec.replicas: "many" cannot stand here',
      '12:52: spec.template.spec.containers[0].resources.requests.cpu: "1.5.0" is not a quantity',
      '13:33: spec.template.spec.tolerations[0].operator: "Is" is unknown',
      "16:19: metadata.name: Deployment web is given twice",
      "17:41: spec.template.spec.containers: a map is not a list",
      "19:1: has no kind",
    ],
  ],
  ["k8s-bad-no-nodes.yaml", ["1:1: there is no Node in these manifests"]],
] as const) {
  test(`importKubernetes() tells all faults of corpus/import/${name}`, (t) => {
    const error = t.throws(() => importKubernetes([{ file: name, text: read(name) }]), { instanceOf: ProblemError })!;
    const said = error.message.split("\n");
    t.is(said.length, lines.length, error.message);
    for (const [index, line] of lines.entries()) t.true(said[index]?.startsWith(`${name}:${line}`), said[index]);
  });
}
