import { spawnSync } from "node:child_process";
import test from "ava";
import { parse } from "yaml";
import { allotCores } from "../../src/apply/allot-cores.ts";
import { composeFiles } from "../../src/apply/compose-files.ts";
import { formatCpuList, parseCpuList } from "../../src/apply/cpu-list.ts";
import { fileDiff } from "../../src/apply/file-diff.ts";
import { fileNames } from "../../src/apply/file-name.ts";
import { kubernetesFiles } from "../../src/apply/kubernetes-files.ts";
import { moveScript } from "../../src/apply/move-script.ts";
import { loadOfNode, memoryLimits } from "../../src/apply/node-load.ts";
import { nomadFiles } from "../../src/apply/nomad-files.ts";
import type { TargetInput } from "../../src/apply/target.ts";
import { escapeUnit, sliceName, unitName } from "../../src/apply/unit-name.ts";
import { buildProblem } from "../../src/problem/build-problem.ts";

const gibibyte = 1024 ** 3;
const quiet = { mean: 0, p50: 0, p95: 0 };

const shop = buildProblem({
  name: "shop",
  nodes: [
    {
      name: "n1",
      capacity: { cpu: 8, memory: 16 * gibibyte },
      numa: [
        { cpus: "0-3", memory: 8 * gibibyte },
        { cpus: "4-7", memory: 8 * gibibyte },
      ],
    },
    { name: "n2", capacity: { cpu: 8, memory: 16 * gibibyte } },
  ],
  services: [
    { name: "web", replicas: 3, application: "front-end", requests: { cpu: 1.5, memory: gibibyte } },
    {
      name: "cart",
      replicas: 2,
      application: "back",
      requests: { cpu: 1, memory: gibibyte },
      demand: { memory: { ...quiet, p99: 2 * gibibyte } },
    },
    { name: "db", application: "", requests: {} },
  ],
  traffic: [{ from: "web", to: "cart", messagesPerSecond: 100 }],
});
const input: TargetInput = {
  problem: shop,
  assignment: { "web-0": "n1", "web-1": "n1", "web-2": "n2", "cart-0": "n1", "cart-1": "n2", "db-0": "n2" },
  reserve: "requests",
  node: null,
  directory: "/out",
  cpuset: false,
  unit: "{replica}.service",
};

test("escapeUnit() escapes as systemd-escape does", (t) => {
  for (const text of ["a-b", "shop", "a/b.c", ".hidden", "käse", "a b%c", "x_y:z", "-"]) {
    const real = spawnSync("systemd-escape", ["--", text], { encoding: "utf8" });
    if (real.error) {
      t.log("skipped: there is no systemd-escape");
      return t.pass();
    }
    t.is(escapeUnit(text), real.stdout.trim(), text);
  }
});

test("sliceName() keeps an application directly below mitsu.slice", (t) => {
  t.is(sliceName("front-end"), "mitsu-front\\x2dend.slice");
});

test("unitName() fills its pattern and refuses what is no service's name", (t) => {
  const parts = { replica: "web-0", service: "web", index: 0 };
  t.is(unitName("{replica}.service", parts), "web-0.service");
  t.is(unitName("{service}@{index}.service", parts), "web@0.service");
  t.is(unitName("{replica}.service", { ...parts, replica: "a/../b" }), "a\\x2f..\\x2fb.service");
  for (const pattern of ["{replica}", ".service", "../{replica}.service", "{replica}.socket"])
    t.throws(() => unitName(pattern, parts), { code: "ERR_USAGE" });
});

test("parseCpuList() and formatCpuList() are the kernel's form", (t) => {
  t.deepEqual(parseCpuList("0-2, 8"), [0, 1, 2, 8]);
  t.is(formatCpuList([8, 2, 1, 0]), "0-2,8");
  t.is(formatCpuList([]), "");
  for (const wrong of ["a", "3-1", "1-", "-1", "1-999999999"]) t.throws(() => parseCpuList(wrong), { instanceOf: RangeError });
});

test("memoryLimits() makes no limit up, and kills only above what was measured", (t) => {
  const [web, cart, db] = shop.services;
  t.deepEqual(memoryLimits(shop, web!), { request: gibibyte, high: gibibyte, max: null });
  t.deepEqual(memoryLimits(shop, cart!), { request: gibibyte, high: Math.ceil(2.2 * gibibyte), max: Math.ceil(2.2 * 1.25 * gibibyte) });
  t.deepEqual(memoryLimits(shop, db!), { request: null, high: null, max: null });
});

test("memoryLimits() knows no bytes where memory is a share of the cluster", (t) => {
  const shares = { ...shop, resources: [{ name: "memory", unit: "share" as const }] };
  t.deepEqual(memoryLimits(shares, shares.services[0]!), { request: null, high: null, max: null });
});

test("allotCores() gives whole cores next to each other in one NUMA node, talkers together, the rest shared", (t) => {
  const [n1] = shop.nodes;
  const { of, notes } = allotCores(shop, n1!, loadOfNode(shop, input.assignment, "n1", "requests"));
  t.deepEqual(of.get("front-end"), { cpus: "0-2", numa: [0] });
  t.deepEqual(of.get("back"), { cpus: "3", numa: [0] });
  t.deepEqual(notes, []);
});

test("allotCores() leaves a shared core for what reserves less than one, and says who gave it", (t) => {
  const problem = buildProblem({
    nodes: [{ name: "n1", capacity: { cpu: 4 } }],
    services: [
      { name: "a", application: "a", requests: { cpu: 4 } },
      { name: "b", application: "b", requests: {} },
    ],
  });
  const { of, notes } = allotCores(problem, problem.nodes[0]!, loadOfNode(problem, { "a-0": "n1", "b-0": "n1" }, "n1", "requests"));
  t.deepEqual([of.get("a")?.cpus, of.get("b")?.cpus], ["0-3", "3"]);
  t.deepEqual(notes, ["n1: a has one core less of its own, so that there are shared ones"]);
});

test("allotCores() says when an application is larger than a NUMA node, and refuses where cores are not known", (t) => {
  const problem = buildProblem({
    nodes: [{ name: "n1", capacity: { cpu: 8 }, numa: shop.nodes[0]!.numa }, { name: "n2" }],
    services: [{ name: "a", application: "a", requests: { cpu: 6 } }],
  });
  const { of, notes } = allotCores(problem, problem.nodes[0]!, loadOfNode(problem, { "a-0": "n1" }, "n1", "requests"));
  t.deepEqual(of.get("a"), { cpus: "0-5", numa: [0, 1] });
  t.is(notes.length, 1);
  t.throws(() => allotCores(problem, problem.nodes[1]!, []), { code: "ERR_PLACER_NO_CORES" });
});

test("composeFiles() scales each service on each node, to 0 where it is not", (t) => {
  const { files } = composeFiles({ ...input, cpuset: true });
  t.deepEqual(
    files.map(({ path }) => path),
    ["/out/n1/compose.placer.yaml", "/out/n2/compose.placer.yaml"],
  );
  t.deepEqual(parse(files[0]!.contents!), {
    services: {
      web: { deploy: { replicas: 2 }, cpu_shares: 1536, cpuset: "0-2", mem_reservation: `${gibibyte}b` },
      cart: {
        deploy: { replicas: 1 },
        cpu_shares: 1024,
        cpuset: "3",
        mem_reservation: `${gibibyte}b`,
        mem_limit: `${Math.ceil(2.75 * gibibyte)}b`,
      },
      db: { deploy: { replicas: 0 } },
    },
  });
});

test("composeFiles() with a node writes its file alone, under its plain name", (t) => {
  t.deepEqual(
    composeFiles({ ...input, node: "n2" }).files.map(({ path }) => path),
    ["/out/compose.placer.yaml"],
  );
});

test("nomadFiles() ties a group of each service to each node, and says what is to be merged", (t) => {
  const { files, notes } = nomadFiles(input);
  t.deepEqual(
    files.map(({ path }) => path),
    ["/out/front-end.nomad.json", "/out/back.nomad.json", "/out/shop.nomad.json"],
  );
  const { Job } = JSON.parse(files[1]!.contents!);
  t.is(Job.ID, "back");
  t.deepEqual(Job.TaskGroups[0], {
    Name: "cart-n1",
    Count: 1,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation
    Constraints: [{ LTarget: "${node.unique.name}", RTarget: "n1", Operand: "=" }],
    Tasks: [{ Name: "cart", Resources: { CPU: 1000, MemoryMB: 1024, MemoryMaxMB: 2816 } }],
  });
  t.true(notes.some((note) => note.startsWith("merge these groups")) && notes.some((note) => note.includes("1000 MHz for a core")));
});

test("kubernetesFiles() ties a workload to its nodes, spreads it by its counts, and says what cannot be said", (t) => {
  const { files, notes, commands } = kubernetesFiles(input);
  const web = parse(files[0]!.contents!);
  t.is(web.spec.replicas, 3);
  const { affinity, topologySpreadConstraints } = web.spec.template.spec;
  t.deepEqual(affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms, [
    { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1", "n2"] }] },
  ]);
  t.like(topologySpreadConstraints[0], { maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: { app: "web" } } });
  t.true(notes.some((note) => note.startsWith("web: 2 on n1, 1 on n2 cannot be said exactly")));
  t.false(notes.some((note) => note.startsWith("cart: 1 on n1")));
  t.is(parse(files[2]!.contents!).spec.template.spec.topologySpreadConstraints, undefined);
  t.deepEqual(
    parse(files.at(-1)!.contents!).patches.map(({ path }: { path: string }) => path),
    ["web.patch.yaml", "cart.patch.yaml", "db.patch.yaml"],
  );
  t.is(commands[0], "kubectl patch deployment web --patch-file /out/web.patch.yaml");
});

test("fileNames() makes names that leave no directory and are not alike", (t) => {
  const nameOf = fileNames();
  t.deepEqual(["../a", "a/b", "a_b", "", ".x"].map(nameOf), ["_._a", "a_b", "a_b_2", "_", "_x"]);
});

test("fileDiff() shows changes with three lines around", (t) => {
  const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  t.deepEqual(fileDiff(before, before.replace("6\n", "six\n")), [" 3", " 4", " 5", "-6", "+six", " 7", " 8", " 9"]);
  t.deepEqual(fileDiff(before, before.replace("1\n", "one\n").replace("9\n", "")), [
    "-1",
    "+one",
    " 2",
    " 3",
    " 4",
    "…",
    " 6",
    " 7",
    " 8",
    "-9",
  ]);
  t.deepEqual(fileDiff(null, "a\n"), ["+a"]);
  t.deepEqual(fileDiff("a\n", null), ["-a"]);
  t.deepEqual(fileDiff("a\n", "a\n"), []);
});

test("moveScript() starts before it stops, waits for other nodes, and is valid for sh", (t) => {
  const order = {
    waves: [
      [{ kind: "move", replica: "a", from: "n1", to: "n2", hop: false, breaks: [] }],
      [{ kind: "move", replica: "b", from: "n2", to: "n1", hop: false, breaks: [] }],
    ],
    ...{ moves: 2, starts: 0, hops: 0, pauses: 0, leftAlone: [], notes: [] },
  } as const;
  const unitOf = (replica: string) => `${replica}@\\x2d.service`;
  const script = moveScript(order, "n1", unitOf)!;
  const lines = script.split("\n").filter((line) => /^(systemctl|ready )/.test(line));
  t.deepEqual(lines, [
    "systemctl daemon-reload",
    "ready 'what goes elsewhere in wave 1 runs there'",
    "systemctl stop 'a@\\x2d.service' # a goes to n2",
    "ready 'wave 1 has ended on every node'",
    "systemctl start 'b@\\x2d.service' # b comes from n2",
  ]);
  t.is(spawnSync("sh", ["-n"], { input: script, encoding: "utf8" }).stderr, "");
  t.is(moveScript(order, "n3", unitOf), null);
});
