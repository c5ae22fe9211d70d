import { readFileSync } from "node:fs";
import test from "ava";
import { importBytedance } from "../../src/import/bytedance.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";

const corpus = new URL("../corpus/import/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, corpus), "utf8");
const small = JSON.parse(read("bytedance-small.json")) as Record<string, Record<string, unknown>[]>;

test("importBytedance() keeps figures as they are, as shares of the cluster", (t) => {
  const { problem } = importBytedance(read("bytedance-small.json"), "data/bytedance-small.json");
  t.is(problem.name, "bytedance-small");
  t.deepEqual(problem.resources, [
    { name: "cpu", unit: "share" },
    { name: "memory", unit: "share" },
  ]);
  t.deepEqual(
    problem.services.map(({ name, replicas, requests }) => [name, replicas, requests]),
    [
      ["S1", ["c1", "c2"], { cpu: 0.0125, memory: 0.01 }],
      ["S2", ["c3"], { cpu: 0.05, memory: 0.02 }],
      ["S3", ["c4"], { cpu: 0, memory: 0.001 }],
      ["S4", ["c5"], { cpu: 0.001, memory: 0.001 }],
    ],
  );
  t.deepEqual(
    problem.nodes.map(({ name, capacity }) => [name, capacity]),
    [
      ["10.0.0.1", { cpu: 0.5, memory: 0.5 }],
      ["10.0.0.2", { cpu: 0.5, memory: 0.5 }],
    ],
  );
  t.deepEqual(problem.assignment, { c1: "10.0.0.1", c3: "10.0.0.1", c2: "10.0.0.2", c4: "10.0.0.2", c5: "10.0.0.2" });
});

test("importBytedance() takes figures in quotes, as the published reader does", (t) => {
  const quoted = read("bytedance-small.json").replaceAll(/("(?:RequestCPU|TotalMem|Traffic)": *)([\d.eE+-]+)/g, '$1"$2"');
  t.not(quoted, read("bytedance-small.json"));
  t.deepEqual(importBytedance(quoted, "b.json").problem, importBytedance(read("bytedance-small.json"), "b.json").problem);
});

test('importBytedance() takes "*", ["*"], and every machine as any machine', (t) => {
  const { problem } = importBytedance(read("bytedance-small.json"), "b.json");
  t.deepEqual(
    problem.services.map(({ nodes }) => nodes),
    [null, ["10.0.0.1"], null, null],
  );
});

test("importBytedance() takes traffic as messages a second, adds a pair that is listed twice, and says so", (t) => {
  const { problem, warnings } = importBytedance(read("bytedance-small.json"), "b.json");
  const edge = (from: string, to: string, messagesPerSecond: number) => ({
    from,
    to,
    messagesPerSecond,
    bytesPerSecond: 0,
    sources: ["import:bytedance"],
  });
  t.deepEqual(problem.traffic, [edge("S1", "S2", 1), edge("S2", "S3", 0.125), edge("S3", "S3", 3), edge("S3", "S1", 0)]);
  t.deepEqual(warnings, [
    { file: "b.json", line: 15, column: 5, field: "TrafficList[2]", message: "this pair is listed before; its traffic is added" },
  ]);
});

test("importBytedance() tells all faults of corpus/import/bytedance-bad.json", (t) => {
  const error = t.throws(() => importBytedance(read("bytedance-bad.json"), "b.json"), { instanceOf: ProblemError })!;
  const lines = [
    "3:38: ServiceList[0].RequestCPU: -0.1 is no share",
    '3:58: ServiceList[0].RequestMem: "x" is no share',
    "3:116: ServiceList[0].CompatibleMachines: names no machine of MachineList",
    "4:5: ServiceList[1].RequestCPU: is missing",
    '8:103: MachineList[0].InitialDeployingContainers[1]: container "c9" is in no service',
    '9:97: MachineList[1].InitialDeployingContainers[0]: container "c1" is on 10.0.0.1 already',
  ];
  const said = error.message.split("\n");
  t.is(said.length, lines.length, error.message);
  for (const [index, line] of lines.entries()) t.true(said[index]?.startsWith(`b.json:${line}`), said[index]);
  t.is(error.exit, 2);
});

for (const [what, change, says] of [
  [
    "a service of a TrafficList that is not listed",
    { TrafficList: [{ Service1: "S1", Service2: "S9", Traffic: 1 }] },
    /traffic\[0\]\.to: unknown service "S9"/,
  ],
  [
    "a container of two services",
    { ServiceList: [...small.ServiceList!, { ...small.ServiceList![0], Service: "S9" }] },
    /replica "c1" is given twice, first as a replica of S1/,
  ],
  [
    "a machine that is listed twice",
    { MachineList: [...small.MachineList!, { ...small.MachineList![0], InitialDeployingContainers: [] }] },
    /node "10\.0\.0\.1" is given twice/,
  ],
  ["no ServiceList", { ServiceList: undefined }, /ServiceList is missing/],
  ["a MachineList that is none", { MachineList: 7 }, /MachineList: 7 is not a list/],
] as const) {
  test(`importBytedance() refuses ${what}`, (t) => {
    const error = t.throws(() => importBytedance(JSON.stringify({ ...small, ...change }), "b.json"), { instanceOf: ProblemError })!;
    t.regex(error.message, says);
    t.regex(error.message, /^b\.json:\d+:\d+: /);
  });
}

test("importBytedance() takes a cluster of thousands of containers in a moment", (t) => {
  const machines = Array.from({ length: 100 }, (_, index) => ({
    MachineIP: `10.0.0.${index}`,
    TotalCPU: 0.01,
    TotalMem: 0.01,
    InitialDeployingContainers: [] as string[],
  }));
  const services = Array.from({ length: 550 }, (_, index) => {
    const containers = Array.from({ length: 1 + (index % 12) }, (_, at) => `c${index}-${at}`);
    for (const container of containers) machines[index % 100]!.InitialDeployingContainers.push(container);
    return { Service: `S${index}`, RequestCPU: 1e-5, RequestMem: 1e-5, ContainerList: containers, CompatibleMachines: "*" };
  });
  const begin = performance.now();
  const { problem } = importBytedance(JSON.stringify({ ServiceList: services, MachineList: machines, TrafficList: [] }), "b.json");
  t.is(
    Object.keys(problem.assignment).length,
    services.reduce((sum, { ContainerList }) => sum + ContainerList.length, 0),
  );
  t.true(performance.now() - begin < 5000);
});

test("importBytedance() leaves services without containers out, and machines that are not in the cluster, and says so", (t) => {
  const odd = { Service: "S5", RequestCPU: 0, RequestMem: 0, ContainerList: [], CompatibleMachines: "*" };
  const far = { ...small.ServiceList![1], CompatibleMachines: ["10.9.9.9", "10.0.0.1"] };
  const traffic = [...small.TrafficList!, { Service1: "S5", Service2: "S1", Traffic: 1 }];
  const cluster = { ...small, ServiceList: [small.ServiceList![0], far, ...small.ServiceList!.slice(2), odd], TrafficList: traffic };
  const { problem, warnings } = importBytedance(JSON.stringify(cluster), "b.json");
  t.deepEqual([problem.services.length, problem.traffic.length, problem.services[1]?.nodes], [4, 4, ["10.0.0.1"]] as never);
  t.deepEqual(
    warnings.map(({ field, message }) => `${field}: ${message}`),
    [
      "ServiceList[4].ContainerList: has no container; the service is left out, and its traffic",
      "ServiceList[1].CompatibleMachines[0]: this machine is not in MachineList; left out",
      "TrafficList[2]: this pair is listed before; its traffic is added",
    ],
  );
});
