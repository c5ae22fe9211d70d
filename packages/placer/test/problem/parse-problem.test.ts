import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { parseNodes, parseProblem } from "../../src/problem/parse-problem.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";

const corpus = new URL("../corpus/problem/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, corpus), "utf8");

/** Of each bad file, all that is said of it: places, fields, and the beginning of each message. */
const said: Readonly<Record<string, readonly string[]>> = {
  "bad-anchors.yaml": ["2:36: no anchor &b before this alias"],
  "bad-binary.yaml": ["1:8: holds a byte 0, so it is no text"],
  "bad-brackets.json": ["1:65: nested too deep"],
  "bad-comma.json": ['1:27: nodes[1]: not valid JSON: "]" cannot stand here'],
  "bad-comment.yaml": ["1:1: is empty; give a map with nodes and services"],
  "bad-conditions.yaml": [
    "4:21: services[0].nodeSelector[0][0].values: is empty; In takes at least one value",
    "4:83: services[0].nodeSelector[0][1].values: Exists takes no values",
    "4:122: services[0].nodeSelector[0][2].values: Lt takes exactly one whole number",
    "5:19: services[0].tolerations[0]: has no key",
  ],
  "bad-cut.json": ["2:24: services[0].name: not valid JSON: this text has no end"],
  "bad-cycle.yaml": ["5:27: services[2].affinity[0]: affinity goes round in a circle: a → b → c → a; leave one out"],
  "bad-duplicates.yaml": [
    '1:31: nodes[1].name: node "n1" is given twice, first as nodes[0]',
    '3:35: services[0].replicas[2]: replica "a" is given twice, first as a replica of web',
    '4:13: services[1].name: service "web" is given twice, first as services[0]',
    '5:30: services[2].replicas[0]: replica "b" is given twice, first as a replica of web',
    "6:36: traffic[1]: traffic from web to cart is given twice, first as traffic[0]; add them up",
  ],
  "bad-empty-lists.yaml": ["1:8: nodes: is empty", "2:11: services: is empty"],
  "bad-empty.yaml": ["1:1: is empty"],
  "bad-fields.yaml": [
    '1:21: nodes[0].capcity: unknown field "capcity"; did you mean "capacity"?',
    '3:18: services[0].replica: unknown field "replica"; did you mean "replicas"?',
    '3:50: services[0].requests.memroy: unknown resource "memroy"; did you mean "memory"?',
    '4:1: trafic: unknown field "trafic"; did you mean "traffic"?',
  ],
  "bad-figures.json": [
    "1:47: nodes[0].capacity.cpu: Infinity is not a figure",
    "2:51: services[0].requests.cpu: -0.5 is negative",
    '2:67: services[0].requests.memory: "lots" is not a figure',
    "2:94: services[0].demand.cpu: is empty",
  ],
  "bad-figures.yaml": [
    "1:38: nodes[0].capacity.cpu: -1 is negative",
    "3:35: services[0].requests.cpu: NaN is not a figure",
    '3:49: services[0].requests.memory: "-5MiB" is negative',
    "3:81: services[0].demand.cpu.mean: Infinity is not a figure",
    "3:125: services[0].demand.memory.p95: is below a lower percentile",
    "4:43: traffic[0].messages: 12 needs a unit: 12/s?",
    '4:54: traffic[0].bytes: "5/s" needs a unit: 5MB/s?',
    "5:28: costs.local.message: 3 needs a unit: 3us?",
  ],
  "bad-indent.yaml": ["3:1: not valid YAML: "],
  "bad-key-twice.json": ['3:3: assignment.web-0: "web-0" is given twice'],
  "bad-key-twice.yaml": ['3:26: assignment.web-0: "web-0" is given twice'],
  "bad-list.yaml": ["1:1: a list is not a problem"],
  "bad-memory-unit.yaml": [
    "1:41: nodes[0].capacity.memory: 32 needs a unit: 32MiB?",
    "2:45: services[0].requests.memory: 256 needs a unit: 256MiB?",
  ],
  "bad-names.json": [
    '1:21: nodes[0].name: "constructor" is not allowed as a name',
    '1:46: nodes[1].name: " n1" is not a name',
    '1:63: nodes[2].name: "" is not a name',
    '1:91: services[0].name: "a\\nb" is not a name',
  ],
  "bad-null.json": ["1:1: is empty; give a map with nodes and services"],
  "bad-pinned.yaml": [
    "3:48: services[0].pinned.web-0: web-0 may not run on n2: ",
    "4:37: services[1].pinned.cart-0: cart-0 may not run on n2: taint gpu",
  ],
  "bad-proto.json": ['1:69: services[0].labels.__proto__: "__proto__" is not allowed'],
  "bad-references.yaml": [
    '3:26: services[0].nodes[0]: unknown node "n2"; did you mean "n1"?',
    '3:53: services[0].affinity[0].service: unknown service "crat"; did you mean "cart"?',
    '3:88: services[0].antiAffinity[0].service: unknown service "dbb"',
    '3:113: services[0].pinned.web-0: unknown node "n9"',
    '3:117: services[0].pinned.web-7: "web-7" is no replica of web; did you mean "web-0"?',
    "3:124: services[0].pinned.web-7: web-7 may not run on n1: not among its nodes",
    '5:28: traffic[0].to: unknown service "crat"; did you mean "cart"?',
    '6:22: assignment.web-0: unknown node "n3"',
    '6:26: assignment.wbe-0: unknown replica "wbe-0"; did you mean "web-0"?',
  ],
  "bad-too-many.yaml": ["2:65: services[1].replicas: more than 1000000 replicas in all"],
  "bad-two-documents.yaml": ["2:1: not valid YAML: a file holds one document"],
  "bad-types.yaml": [
    "1:10: version: 2 is not a version that is known; write 1",
    "2:8: nodes: a map is not a list",
    "4:13: services[0].name: 7 is not a name",
    "4:26: services[0].replicas: 0 is not replicas; give a number from 1, or a list of names",
    '5:28: services[1].replicas: "many" is not replicas',
    "5:47: services[1].labels.a: 1 is not text",
    '5:86: services[1].tolerations[0].operator: "Is" is not allowed here; use Equal, Exists',
    "5:113: services[1].spread[0].maxSkew: 0 is not a skew",
    "6:54: services[2].affinity[0].weight: 0 is not a weight",
    "6:75: services[2].nodeSelector[0]: is empty",
    "6:107: services[2].preferredNodes[0].weight: 101 is not a weight",
  ],
};

for (const name of readdirSync(corpus)) {
  if (name.startsWith("good")) {
    test(`parseProblem() takes corpus/problem/${name}`, (t) => {
      t.is(parseProblem(read(name), name).version, 1);
    });
  } else {
    test(`parseProblem() tells all faults of corpus/problem/${name}, with their places`, (t) => {
      const error = t.throws(() => parseProblem(read(name), name), { instanceOf: ProblemError, code: "ERR_PROBLEM_INVALID" })!;
      const lines = error.message.split("\n");
      t.is(error.exit, 2);
      t.is(lines.length, said[name]?.length ?? 0, error.message);
      for (const [index, line] of lines.entries())
        t.true(line.startsWith(`${name}:${said[name]?.[index]}`), `${line}\nis not\n${said[name]?.[index]}`);
    });
  }
}

test("parseProblem() reads every field of corpus/problem/good-shop.yaml", (t) => {
  const problem = parseProblem(read("good-shop.yaml"), "shop.yaml");
  const [web, cart, db] = problem.services;
  t.deepEqual(problem.resources, [
    { name: "cpu", unit: "cores" },
    { name: "memory", unit: "bytes" },
    { name: "gpu", unit: "count" },
  ]);
  t.deepEqual(problem.nodes[0], {
    name: "n1",
    capacity: { cpu: 8, memory: 32 * 2 ** 30, gpu: 1 },
    zone: "a",
    labels: { disk: "ssd" },
    taints: [{ key: "gpu", value: "yes", effect: "PreferNoSchedule" }],
    numa: [
      { cpus: "0-3", memory: 2 ** 34 },
      { cpus: "4-7", memory: 2 ** 34 },
    ],
    images: ["shop/web:1"],
  });
  t.deepEqual(web, {
    name: "web",
    replicas: ["web-0", "web-1", "web-2"],
    requests: { cpu: 0.5, memory: 2 ** 28 },
    demand: { cpu: { mean: 0.2, p50: 0.15, p95: 0.4, p99: 0.45 }, memory: { mean: 2e8, p50: 2e8, p95: 2e8, p99: 2e8 } },
    labels: { app: "web" },
    application: "shop",
    nodes: null,
    nodeSelector: [],
    preferredNodes: [],
    tolerations: [],
    pinned: { "web-0": "n1" },
    affinity: [{ service: "cart", within: "node", weight: 80 }],
    antiAffinity: [{ service: "web", within: "node", weight: 50 }],
    spread: [{ over: "zone", maxSkew: 1, weight: null }],
    moveBytes: 200 * 2 ** 20,
    images: [{ name: "shop/web:1", bytes: 1.8e8 }],
  });
  t.like(cart, {
    replicas: ["cart-blue", "cart-green"],
    requests: { cpu: 1, memory: 0 },
    nodes: ["n1", "n2"],
    nodeSelector: [[{ key: "disk", operator: "In", values: ["ssd", "nvme"] }], [{ key: "disk", operator: "DoesNotExist", values: [] }]],
    preferredNodes: [
      { weight: 10, match: [{ key: "disk", operator: "In", values: ["ssd"] }] },
      { weight: 5, match: [{ key: "cores", operator: "Gt", values: ["4"] }] },
    ],
    tolerations: [
      { key: "", operator: "Exists", value: "", effect: null },
      { key: "gpu", operator: "Equal", value: "yes", effect: "PreferNoSchedule" },
    ],
  });
  t.deepEqual(db, buildProblem({ nodes: [], services: [{ name: "db" }] }).services[0]);
  t.deepEqual(problem.traffic, [
    { from: "web", to: "cart", messagesPerSecond: 1200, bytesPerSecond: 3.4e6, sources: ["sockhijack"] },
    { from: "cart", to: "db", messagesPerSecond: 1, bytesPerSecond: 0, sources: [] },
    { from: "cart", to: "cart", messagesPerSecond: 0, bytesPerSecond: 1024, sources: [] },
  ]);
  t.deepEqual(problem.costs, { local: { message: 3.3e-6, byte: 1e-10 }, remote: { message: 9.2e-6, byte: 4e-10 } });
});

for (const [given, whole] of [
  ["{ mean: 2 }", { mean: 2, p50: 2, p95: 2, p99: 2 }],
  ["{ mean: 0.2, p95: 0.4 }", { mean: 0.2, p50: 0.2, p95: 0.4, p99: 0.4 }],
  ["{ p99: 4 }", { mean: 4, p50: 4, p95: 4, p99: 4 }],
  ["{ mean: 9, p95: 4 }", { mean: 9, p50: 4, p95: 4, p99: 4 }],
  ["500m", { mean: 0.5, p50: 0.5, p95: 0.5, p99: 0.5 }],
] as const) {
  test(`parseProblem() fills the demand ${given} up`, (t) => {
    const { services } = parseProblem(`nodes: [{ name: n }]\nservices: [{ name: s, demand: { cpu: ${given} } }]`, "p.yaml");
    t.deepEqual(services[0]?.demand.cpu, whole);
  });
}

test("parseProblem() shows 20 faults and counts the rest", (t) => {
  const services = Array.from({ length: 3000 }, (_, index) => ({ name: `s${index}`, requests: { memory: 5 } }));
  const error = t.throws(() => parseProblem(JSON.stringify({ nodes: [{ name: "n" }], services }), "p.json"), { instanceOf: ProblemError });
  const lines = error!.message.split("\n");
  t.is(lines.length, 21);
  t.is(lines[20], "and 2980 more");
});

test("parseNodes() takes a list of nodes, or the nodes of a problem", (t) => {
  const list = parseNodes("- { name: n1, capacity: { cpu: 2 } }\n- { name: n2 }", "nodes.yaml");
  t.deepEqual(
    list.nodes.map(({ name, capacity }) => [name, capacity]),
    [
      ["n1", { cpu: 2 }],
      ["n2", {}],
    ],
  );
  const { nodes, resources } = parseNodes(read("good-shop.yaml"), "shop.yaml");
  t.deepEqual([nodes.length, resources.map(({ name }) => name)], [2, ["cpu", "memory", "gpu"]]);
});

test("parseNodes() tells faults with their places", (t) => {
  t.is(
    t.throws(() => parseNodes("- { name: n1, capacity: { memory: 2 } }", "n.yaml"))!.message,
    "n.yaml:1:35: [0].capacity.memory: 2 needs a unit: 2MiB?",
  );
  t.regex(t.throws(() => parseNodes("services: []", "n.yaml"))!.message, /nodes: is missing/);
});
