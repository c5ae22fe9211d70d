/** What was measured, put into a problem. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, hostname, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseCatalog } from "@mitsu/catalog";
import { createLog, testEnv } from "@mitsu/cli";
import type { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";
import { demandOf } from "../../src/profile/demand.ts";
import { jaegerProblem } from "../../src/profile/jaeger-problem.ts";
import type { Observation } from "../../src/profile/observation.ts";
import { profileProblem } from "../../src/profile/profile-problem.ts";
import { tellNotices } from "../../src/profile/tell-notices.ts";
import { thisNode } from "../../src/profile/this-node.ts";

const seen = (parts: Partial<Observation>): Observation => ({
  source: "pcap:f",
  kind: "count",
  seconds: 1,
  edges: [],
  services: [],
  records: 0,
  skipped: 0,
  notices: [],
  ...parts,
});
const edge = (from: string, to: string, messagesPerSecond = 1): Observation["edges"][number] => ({
  from,
  to,
  messagesPerSecond,
  bytesPerSecond: 10 / 3,
  estimated: false,
});
const base = parseProblem(
  `name: before
nodes: [{ name: n1, capacity: { cpu: 4 } }, { name: n2 }]
services:
  - { name: a, replicas: 2, requests: { cpu: 500m }, demand: { cpu: 1, memory: 1MiB } }
  - { name: b, replicas: [c-0] }
  - { name: untouched }
traffic:
  - { from: a, to: b, messages: 100/s, sources: [old] }
  - { from: b, to: untouched, messages: 5/s, sources: [old] }
assignment: { a-0: n2 }
`,
  "base.yaml",
);

test("profileProblem() replaces edges and demand of a problem where they were measured, and keeps the rest", (t) => {
  const found = seen({
    edges: [edge("a", "b", 7), edge("a", "c")],
    services: [{ name: "a", replicas: 3, demand: { cpu: demandOf([2]) } }],
  });
  const { problem, notices } = profileProblem([found], { problem: base, nodes: base.nodes, catalog: undefined });
  t.deepEqual(
    problem.traffic.map(({ from, to, messagesPerSecond, bytesPerSecond, sources }) => [
      from,
      to,
      messagesPerSecond,
      bytesPerSecond,
      sources,
    ]),
    [
      ["a", "b", 7, 3.33333, ["pcap:f"]],
      ["a", "c", 1, 3.33333, ["pcap:f"]],
      ["b", "untouched", 5, 0, ["old"]],
    ],
  );
  t.like(problem.services[0], { name: "a", replicas: ["a-0", "a-1"], requests: { cpu: 0.5 } });
  t.is(problem.services[0]!.demand.cpu!.p99, 2);
  t.is(problem.services[0]!.demand.memory!.p99, 2 ** 20);
  t.deepEqual(
    problem.services.map(({ name }) => name),
    ["a", "b", "untouched", "c"],
  );
  // b has a replica of the name that c's first would have.
  t.deepEqual(problem.services[3]!.replicas, ["c-1"]);
  t.deepEqual(problem.assignment, { "a-0": "n2" });
  t.deepEqual(notices, [
    "a: 3 replicas were measured, the problem has 2; the problem's are kept",
    "1 of the problem's 2 edges were not measured and are kept as they were",
  ]);
  t.deepEqual(parseProblem(writeProblem(problem, "yaml"), "p.yaml"), problem);
});

test("profileProblem() has replicas and their nodes from the catalog", (t) => {
  const catalog = parseCatalog(`version: 1
nodes: { n1: { address: 10.0.0.1 }, far: { address: 10.0.0.2 } }
services:
  web: { ports: [80], replicas: [{ address: 10.0.0.1, node: n1 }, { address: 10.0.0.2, node: far }] }
`);
  const { problem } = profileProblem([seen({ edges: [edge("client", "web")] })], {
    problem: undefined,
    nodes: [thisNode({ name: "n1" })],
    catalog,
  });
  t.deepEqual(
    problem.services.map(({ name, replicas }) => [name, replicas]),
    [
      ["client", ["client-0"]],
      ["web", ["web-0", "web-1"]],
    ],
  );
  t.deepEqual(problem.assignment, { "web-0": "n1" });
});

test("profileProblem() writes names that a problem cannot have in another way, and leaves out what services say to themselves", (t) => {
  const odd = ["constructor", "  ", "a\u001b[31mb", "x".repeat(300)];
  const found = seen({ edges: [...odd.map((name) => edge(name, "b")), edge("b", "b"), edge("a\u0007[31mb", "b")] });
  const { problem, notices } = profileProblem([found], { problem: undefined, nodes: [thisNode()], catalog: undefined });
  t.deepEqual(
    problem.services.map(({ name }) => name).toSorted(),
    ["a [31mb", "b", "constructor-service", "unnamed", "x".repeat(240)].toSorted(),
  );
  t.is(problem.traffic.find(({ from }) => from === "a [31mb")!.messagesPerSecond, 2);
  t.is(notices.filter((notice) => notice.includes("is written as")).length, 5);
  t.true(notices.includes("1 services talk among their own replicas; that is in no edge"));
  t.deepEqual(parseProblem(writeProblem(problem, "yaml"), "p.yaml"), problem);
});

test("tellNotices() lets no name drive the terminal", (t) => {
  const env = testEnv();
  tellNotices(["a\u001b[31m\u0000b"], createLog(env));
  t.regex(env.err(), /WARN {2}a�\[31m�b\n$/);
});

test("thisNode() reads this host's cores and memory", (t) => {
  const node = thisNode();
  t.is(node.name, hostname());
  t.is(node.capacity.memory, totalmem());
  t.true(node.capacity.cpu! >= availableParallelism());
});

test("thisNode() reads NUMA nodes, in order, without those that have memory alone", (t) => {
  const root = mkdtempSync(join(tmpdir(), "mitsu-node-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "stat"), "cpu  1 2 3\ncpu0 1 2\ncpu1 1 2\ncpu3 1 2\nintr 5\n");
  writeFileSync(join(root, "meminfo"), "MemTotal:       2048 kB\nMemFree: 1 kB\n");
  for (const [node, cpus] of [
    ["node10", "8-9"],
    ["node2", "0-3,6"],
    ["node3", ""],
  ] as const) {
    const folder = join(root, "devices/system/node", node);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "cpulist"), `${cpus}\n`);
    writeFileSync(join(folder, "meminfo"), `Node 1 MemTotal:       1024 kB\nNode 1 MemFree:  1 kB\n`);
  }
  t.like(thisNode({ proc: root, sys: root, name: "x" }), {
    name: "x",
    zone: null,
    capacity: { cpu: 3, memory: 2 ** 21 },
    numa: [
      { cpus: "0-3,6", memory: 2 ** 20 },
      { cpus: "8-9", memory: 2 ** 20 },
    ],
  });
  t.deepEqual(thisNode({ proc: root, sys: "/nowhere" }).numa, []);
  t.is(t.throws<MitsuError>(() => thisNode({ proc: "/nowhere" }))?.code, "ERR_NODE_UNREADABLE");
});

test("jaegerProblem() is what `import jaeger` wants", async (t) => {
  const span = (id: string, parent: string | null, process: string): object => ({
    traceID: "1",
    spanID: id,
    operationName: "o",
    references: parent === null ? [] : [{ refType: "CHILD_OF", traceID: "1", spanID: parent }],
    startTime: 0,
    duration: 2000,
    tags: [],
    processID: process,
  });
  const trace = {
    traceID: "1",
    spans: [span("1", null, "a"), span("2", "1", "b")],
    processes: { a: { serviceName: "a" }, b: { serviceName: "b" } },
  };
  const env = testEnv({ stdin: JSON.stringify({ data: [trace] }) });
  const problem = await jaegerProblem(["-"], { perSecond: 50, nodes: base.nodes, env, log: createLog(env) });
  t.deepEqual(problem.nodes, base.nodes);
  t.like(problem.traffic[0], { from: "a", to: "b", messagesPerSecond: 100, sources: ["jaeger:stdin"] });
  t.is(problem.services[1]!.demand.cpu!.mean, 0.1);
  t.regex(env.err(), /tell no bytes/);
});
