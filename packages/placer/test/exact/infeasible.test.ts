import test from "ava";
import { type Constraint, constraintsOf, keyOf } from "../../src/exact/constraint.ts";
import { Highs } from "../../src/exact/highs.ts";
import { infeasibility, infeasibleError } from "../../src/exact/infeasible.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { compile } from "../../src/solve/compile.ts";
import { bruteForce, someKept } from "./brute-force.ts";
import { problemOf, randomFrom, type Spice, tinyProblem } from "./tiny-problem.ts";

const highs = new Highs();
test.after.always(() => highs.close());

const GiB = 2 ** 30;
const node = (name: string, cpu = 8, memory = 16 * GiB): { name: string; capacity: Record<string, number> } => ({
  name,
  capacity: { cpu, memory },
});
const rule = (service: string, within = "node"): { service: string; within: string; weight: null } => ({ service, within, weight: null });

async function clashOf(problem: Problem): Promise<readonly string[]> {
  const { status, clash, smallness } = await infeasibility(compile(problem), { deadlineMs: 20_000, highs });
  return [status, smallness, ...clash];
}

test.serial("infeasibility() is feasible, with no clash, when there is a placement", async (t) => {
  t.deepEqual(await clashOf(problemOf([node("n1")], [{ name: "web", count: 1, requests: { cpu: 2 } }])), ["feasible", "smallest"]);
});

test.serial("infeasibility() names a service that may run on no node, with each node's reason", async (t) => {
  const problem = problemOf(
    [node("n1"), { ...node("n2"), taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] }],
    [
      { name: "web", count: 1, nodes: ["n2"] },
      { name: "other", count: 3, requests: { cpu: 1 } },
    ],
  );
  t.deepEqual(await clashOf(problem), [
    "infeasible",
    "smallest",
    "web: 1 replica",
    "web may run on no node (not among its nodes: n1; taint gpu=yes:NoSchedule: n2)",
  ]);
});

test.serial("infeasibility() names a replica that is larger than every node it may run on", async (t) => {
  const problem = problemOf(
    [node("n1", 4), node("n2", 2), node("n3", 8)],
    [
      { name: "cart", count: 1, requests: { cpu: 6 }, nodes: ["n1", "n2"] },
      { name: "other", count: 3, requests: { cpu: 0.5 } },
    ],
  );
  t.deepEqual(await clashOf(problem), [
    "infeasible",
    "smallest",
    "cart: 1 replica of 6 cores",
    "node n1: 4 cores",
    "node n2: 2 cores",
    "cart may run on n1 or n2 only (not among its nodes: n3)",
  ]);
});

test.serial("infeasibility() names services that together request more than their nodes have", async (t) => {
  const services = ["a", "b", "c"].map((name, at) => ({ name, count: 2, requests: { cpu: 3 + at / 8 }, nodes: ["n1", "n2"] }));
  const [status, , ...clash] = await clashOf(
    problemOf([node("n1"), node("n2"), node("n3")], [...services, { name: "d", count: 1, requests: { cpu: 1 } }]),
  );
  t.is(status, "infeasible");
  t.true(clash.includes("node n1: 8 cores") && clash.includes("node n2: 8 cores"));
  t.true(clash.includes("a: 2 replicas of 3 cores"));
  t.false(clash.some((line) => line.includes("n3: 8 cores") || line.startsWith("d")));
});

test.serial("infeasibility() names more replicas than nodes that may not share one", async (t) => {
  const problem = problemOf(
    [node("n1"), node("n2")],
    [
      { name: "web", count: 3, requests: { cpu: 1 }, antiAffinity: [rule("web")] },
      { name: "db", count: 1, requests: { cpu: 1 } },
    ],
  );
  t.deepEqual(await clashOf(problem), ["infeasible", "smallest", "web: 3 replicas", "web: no two replicas on one node"]);
});

test.serial("infeasibility() names rules that contradict each other", async (t) => {
  const zones = [
    { ...node("n1"), zone: "z1" },
    { ...node("n2"), zone: "z2" },
  ];
  const problem = problemOf(zones, [
    { name: "web", count: 2, requests: { cpu: 1 }, affinity: [rule("db")] },
    { name: "db", count: 1, requests: { cpu: 1 }, antiAffinity: [rule("web", "zone")] },
  ]);
  t.deepEqual(await clashOf(problem), [
    "infeasible",
    "smallest",
    "web: 2 replicas",
    "web: each replica on one node with db",
    "db and web: never in one zone",
  ]);
});

test.serial("infeasibility() names a spread that a capacity does not allow", async (t) => {
  const zones = [
    { ...node("n1", 1.5), zone: "z1" },
    { ...node("n2"), zone: "z2" },
  ];
  const problem = problemOf(zones, [{ name: "web", count: 4, requests: { cpu: 1 }, spread: [{ over: "zone", maxSkew: 1, weight: null }] }]);
  t.deepEqual(await clashOf(problem), [
    "infeasible",
    "smallest",
    "web: 4 replicas of 1 core",
    "node n1: 1.5 cores",
    "web: spread over zones, which may differ by 1; not where it is missing",
  ]);
});

test.serial("infeasibility() names pins that are too much for their node, and pins to a node that refuses", async (t) => {
  const full = problemOf(
    [node("n1", 4), node("n2")],
    [{ name: "web", count: 2, requests: { cpu: 3 }, pinned: { "web-0": "n1", "web-1": "n1" } }],
  );
  t.deepEqual(await clashOf(full), ["infeasible", "smallest", "node n1: 4 cores", "web: pinned, web-0 on n1 and web-1 on n1"]);
  const refused = problemOf([node("n1"), node("n2")], [{ name: "web", count: 1, pinned: { "web-0": "n1" }, nodes: ["n2"] }]);
  t.deepEqual(await clashOf(refused), [
    "infeasible",
    "smallest",
    "web may run on n2 only (not among its nodes: n1)",
    "web: pinned, web-0 on n1",
  ]);
});

test.serial("infeasibility() sums up what is too much for the whole of a large cluster", async (t) => {
  const nodes = Array.from({ length: 60 }, (_, at) => node(`n${at}`));
  const services = Array.from({ length: 60 }, (_, at) => ({ name: `s${at}`, count: 9, requests: { cpu: 1, memory: GiB } }));
  t.deepEqual(await clashOf(problemOf(nodes, services)), [
    "infeasible",
    "reduced",
    "all 60 services: 540 replicas, which request 540 cores together",
    "all 60 nodes: 480 cores together",
  ]);
});

test.serial("infeasibility() finds the few that clash among many services", async (t) => {
  const nodes = Array.from({ length: 60 }, (_, at) => node(`n${at}`));
  const services = Array.from({ length: 60 }, (_, at) => ({
    name: `s${at}`,
    count: 4,
    requests: { cpu: 1, memory: GiB },
    ...(at === 7 ? { nodes: ["n3", "n4"], antiAffinity: [rule("s7")] } : {}),
  }));
  t.deepEqual(await clashOf(problemOf(nodes, services)), [
    "infeasible",
    "minimal",
    "s7: 4 replicas",
    `s7 may run on n3 or n4 only (not among its nodes: n0, n1, n2, n5 and 54 more)`,
    "s7: no two replicas on one node",
  ]);
});

test.serial("infeasibility() says that nothing is proven when its time is up", async (t) => {
  // 6 + 3 + 3 and 4 + 4 + 4 fit; putting large ones first misses it.
  const services = [6, 4, 4, 4, 3, 3].map((cpu, at) => ({ name: `s${at}`, count: 1, requests: { cpu } }));
  const instance = compile(problemOf([node("n1", 12.1), node("n2", 12.1)], services));
  const { status, clash } = await infeasibility(instance, { deadlineMs: 0, highs });
  t.is(status, "unknown");
  t.is((await infeasibility(instance, { deadlineMs: 10_000, highs })).status, "feasible");
  t.regex(clash[0]!, /99 % of the cpu/);
});

test("infeasibleError() has a code, exit status 1, the set and a hint", (t) => {
  const error = infeasibleError(["web: 3 replicas", "web: no two replicas on one node"]);
  t.is(error.code, "ERR_PLACER_INFEASIBLE");
  t.is(error.exit, 1);
  t.is(error.message, "no placement keeps all of these: web: 3 replicas; web: no two replicas on one node");
  t.truthy(error.hint);
});

const spices: readonly Spice[] = ["affinity", "antiAffinity", "spread", "nodes", "pinned"];
const runs = process.env.MITSU_TEST_ALL === "1" ? 300 : 50;

test.serial(
  "infeasibility() names the smallest clash: it cannot be kept, without any of it the rest can, and no fewer constraints clash",
  async (t) => {
    let infeasible = 0;
    for (let seed = 0; seed < runs; seed++) {
      const instance = compile(
        tinyProblem(
          seed,
          spices.filter((_, at) => (seed >> at) & 1),
          0.9 + (seed % 5) / 5,
        ),
      );
      const { status, constraints, smallness, clash } = await infeasibility(instance, { deadlineMs: 20_000, highs });
      t.is(status, bruteForce(instance, 0.05) === null ? "infeasible" : "feasible", `seed ${seed}`);
      if (status === "feasible") continue;
      infeasible++;
      t.is(smallness, "smallest");
      t.true(clash.length > 0);
      t.false(someKept(instance, constraints), `seed ${seed}: ${clash.join("; ")}`);
      for (const one of constraints) {
        t.true(
          someKept(
            instance,
            constraints.filter((other) => other !== one),
          ),
          `seed ${seed}: ${keyOf(one)} of ${clash.join("; ")}`,
        );
      }
      if (constraints.length <= 3 || seed % 5 > 0) continue;
      // A sample of the sets that have one constraint less.
      const random = randomFrom(seed);
      const all = constraintsOf(instance);
      for (let time = 0; time < 30; time++) {
        const some = new Set<Constraint>();
        while (some.size < constraints.length - 1) some.add(all[Math.floor(random() * all.length)]!);
        t.true(someKept(instance, [...some]), `seed ${seed}`);
      }
    }
    t.true(infeasible > runs / 4);
    t.log(`${infeasible} of ${runs} infeasible`);
  },
);
