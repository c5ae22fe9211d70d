import test from "ava";
import { checkPlan, keepsRules } from "../../src/plan/check-plan.ts";
import { explainAll } from "../../src/plan/explain-reason.ts";
import { explainReplica } from "../../src/plan/explain-replica.ts";
import { planReport } from "../../src/plan/plan-report.ts";
import { node, problem, randomCase, service, shop, shopPlan } from "./fixture.ts";

const options = { weight: 0.05, maxUtilisation: 1, reserve: "requests" } as const;
const judged = { ...options, budget: null, proof: null } as const;

test("explainReplica() says where a replica is, with whom it talks, and how much of that stays", (t) => {
  const { node: where, present, reason, traffic, reserves } = explainReplica(shop, shopPlan, "cart-0", options);
  t.deepEqual([where, present, reason], ["n1", "n2", "beside db"]);
  t.deepEqual(traffic, [
    { service: "web", messagesPerSecond: 900, bytesPerSecond: 900_000, onNode: 0 },
    { service: "db", messagesPerSecond: 700, bytesPerSecond: 700_000, onNode: 1 },
  ]);
  t.deepEqual(reserves, { cpu: "1 core", memory: "1.00 GiB" });
});

test("explainReplica() gives a replica its even share of its service's traffic", (t) => {
  const [cart] = explainReplica(shop, shopPlan, "web-1", options).traffic;
  t.deepEqual(cart, { service: "cart", messagesPerSecond: 450, bytesPerSecond: 450_000, onNode: 0 });
});

test("explainReplica() names the resource, what is wanted and what is free where a node has no room", (t) => {
  const there = explainReplica(shop, shopPlan, "db-0", options).nodes.find((option) => option.node === "n2");
  t.deepEqual(there, { node: "n2", verdict: "forbidden", why: "no room: cpu: 2 cores wanted, 1 core free of 4 cores", change: null });
});

test("explainReplica() says that a replica is pinned, has one node only, or that nodes are equal", (t) => {
  const of = problem({
    nodes: [node("n1"), node("n2")],
    services: [service("a", 2, { pinned: { "a-0": "n1" } }), service("b", 1, { nodes: ["n2"] }), service("c", 1, { requests: {} })],
  });
  const plan = { "a-0": "n1", "a-1": "n2", "b-0": "n2", "c-0": "n1" };
  const a = explainReplica(of, plan, "a-0", options);
  t.deepEqual([a.reason, a.nodes[1]?.why], ["pinned", "a-0 is pinned to n1"]);
  const b = explainReplica(of, plan, "b-0", options);
  t.deepEqual([b.reason, b.nodes[1]?.why], ["only node", "is not among the nodes of b"]);
  const c = explainReplica(of, plan, "c-0", options);
  t.deepEqual(
    c.nodes.map(({ node: name, verdict }) => [name, verdict]),
    [
      ["n1", "here"],
      ["n2", "equal"],
    ],
  );
});

test("explainReplica() names the rule that a move would break", (t) => {
  const of = problem({
    nodes: [node("n1"), node("n2"), node("n3")],
    services: [service("a", 2, { antiAffinity: [{ service: "a", within: "node", weight: null }] })],
  });
  const { nodes, reason } = explainReplica(of, { "a-0": "n1", "a-1": "n2" }, "a-0", options);
  t.is(reason, "rule");
  t.is(nodes.find((option) => option.node === "n2")?.why, "breaks a rule: 2 replicas of a on n2, where only one may be");
  t.is(nodes.find((option) => option.node === "n3")?.verdict, "equal");
});

test("explainReplica() foretells what planReport() finds after the move, and forbids what checkPlan() finds broken, over 300 problems at random", (t) => {
  const seen = { allowed: 0, forbidden: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    const replica = of.services.flatMap(({ replicas }) => replicas)[seed % 3];
    if (replica === undefined) continue;
    const before = planReport(of, assignment, judged);
    const rules = keepsRules(before.checks.filter(({ name }) => name !== "placed"));
    const placedAll = before.checks[0]!.broken.length === 0;
    for (const { node: to, verdict, change, why } of explainReplica(of, assignment, replica, options).nodes) {
      const after = planReport(of, { ...assignment, [replica]: to }, judged);
      const about = `seed ${seed}, ${replica} to ${to}`;
      if (change === null) {
        seen.forbidden++;
        t.not(why, "", about);
        if (rules && placedAll) t.false(keepsRules(checkPlan(of, { ...assignment, [replica]: to }, judged)), `${about}: ${why}`);
        continue;
      }
      seen.allowed++;
      for (const key of ["objective", "onNode", "imbalance", "messageCores"] as const) {
        t.true(Math.abs(after[key] - before[key] - change[key]) < 1e-9, `${about}, ${key}: ${after[key] - before[key]} and ${change[key]}`);
      }
      if (rules && placedAll && verdict !== "here") t.true(keepsRules(after.checks), about);
    }
  }
  t.log(seen);
  t.true(seen.allowed > 300 && seen.forbidden > 300);
});

test("explainAll() gives each replica its reason in the problem's order, those that are nowhere too", (t) => {
  const { "mail-0": _, ...rest } = shopPlan;
  t.deepEqual(
    explainAll(shop, rest, options).map(({ replica, node: where, reason }) => `${replica} ${where} ${reason}`),
    [
      "web-0 n2 beside catalogue",
      "web-1 n2 beside catalogue",
      "cart-0 n1 beside db",
      "catalogue-0 n2 beside web",
      "db-0 n1 beside cart",
      "mail-0 null nowhere",
    ],
  );
  const quiet = problem({ nodes: [node("n1"), node("n2")], services: [service("a", 2)], assignment: { "a-0": "n1", "a-1": "n1" } });
  t.deepEqual(
    explainAll(quiet, { "a-0": "n1", "a-1": "n2" }, options).map(({ reason }) => reason),
    ["kept", "balance"],
  );
});
