import test from "ava";
import { planReport } from "../../src/plan/plan-report.ts";
import { compile } from "../../src/solve/compile.ts";
import { evaluate } from "../../src/solve/objective.ts";
import { edge, node, problem, randomCase, service, shop, shopPlan } from "./fixture.ts";

const options = { weight: 0.05, maxUtilisation: 1, reserve: "requests", budget: null, proof: null } as const;
const near = (one: number, other: number, by = 1e-12): boolean => Math.abs(one - other) <= by * Math.max(1, Math.abs(one), Math.abs(other));

test("planReport() gives the figures worked out by hand: half of a pair on one node", (t) => {
  // a has both replicas on n1, b one of two: min(1, 1/2) = 1/2 of the traffic stays. A message costs 2 there and 10 between nodes.
  const costs = { local: { message: 2, byte: 0 }, remote: { message: 10, byte: 0 } };
  const of = problem({
    nodes: [node("n1"), node("n2")],
    services: [service("a", 2), service("b", 2)],
    traffic: [edge("a", "b", 1, 100)],
    costs,
  });
  const report = planReport(of, { "a-0": "n1", "a-1": "n1", "b-0": "n1", "b-1": "n2" }, options);
  t.is(report.onNode, 0.5);
  t.is(report.onNodeMessages, 0.5);
  t.is(report.onNodeBytes, 0.5);
  t.deepEqual([report.messageCores, report.messageCoresRemote, report.messageCoresLocal], [6, 10, 2]);
  // n1: a's end ½·2/2 + ½·10/2, b's end ½·2/2; n2: b's end ½·10/2.
  t.deepEqual(
    report.nodes.map(({ node: name, replicas, messageCores }) => [name, replicas, messageCores]),
    [
      ["n1", 3, 3.5],
      ["n2", 1, 2.5],
    ],
  );
  t.deepEqual(
    report.nodes.map(({ utilisation }) => utilisation.cpu),
    [0.75, 0.25],
  );
  // Mean utilisation 0.5 of CPU, 0.25 of memory: deviations 0.25 and 0.125.
  t.is(report.imbalance, 0.1875);
  t.true(near(report.objective, 0.95 * 0.5 + 0.05 * 0.1875));
});

test("planReport() leaves a service's traffic with itself out, and keeps all of none", (t) => {
  const of = problem({ nodes: [node("n1")], services: [service("a", 1)], traffic: [edge("a", "a", 5)] });
  const report = planReport(of, { "a-0": "n1" }, options);
  t.deepEqual([report.onNode, report.onNodeMessages, report.onNodeBytes, report.messageCores], [1, 1, 1, 0]);
});

test("planReport() takes the share of messages for that of bytes where no bytes are known, and the other way round", (t) => {
  const of = (messages: number, bytes: number) =>
    problem({ nodes: [node("n1"), node("n2")], services: [service("a", 2), service("b", 2)], traffic: [edge("a", "b", messages, bytes)] });
  const plan = { "a-0": "n1", "a-1": "n1", "b-0": "n1", "b-1": "n2" };
  for (const [messages, bytes] of [
    [5, 0],
    [0, 5],
    [5, 5],
  ] as const) {
    const { onNodeMessages, onNodeBytes } = planReport(of(messages, bytes), plan, options);
    t.deepEqual([onNodeMessages, onNodeBytes], [0.5, 0.5]);
  }
});

test("planReport() tells moves from where replicas run now, the bound, and the gap to it", (t) => {
  const report = planReport(shop, shopPlan, { ...options, proof: { bound: 0.1, status: "bound", by: "pairs" } });
  t.deepEqual([report.moves, report.moveBytes, report.bound, report.proof, report.boundBy], [3, 1000, 0.1, "bound", "pairs"]);
  t.true(near(report.gap!, (report.objective - 0.1) / report.objective));
  t.is(planReport(shop, shopPlan, { ...options, proof: { bound: report.objective, status: "optimal", by: "highs" } }).gap, 0);
  const none = planReport(shop, shopPlan, options);
  t.deepEqual([none.bound, none.gap, none.proof, none.boundBy], [null, null, "none", ""]);
});

test("planReport() adds every node's message cores to the whole, over 200 problems at random", (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    if (seed % 4 === 0) continue; // replicas that are nowhere are charged to no node
    const { nodes, messageCores } = planReport(of, assignment, options);
    t.true(
      near(
        nodes.reduce((sum, one) => sum + one.messageCores, 0),
        messageCores,
      ),
      `seed ${seed}`,
    );
  }
});

test("planReport() agrees with solve/objective.ts, which solvers minimise, over 1000 problems at random", (t) => {
  const reserves = ["requests", "mean", "p95", "p99", "larger"] as const;
  for (let seed = 1; seed <= 1000; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    const reading = { maxUtilisation: seed % 3 === 0 ? 0.7 : 1, reserve: reserves[seed % 5]!, weight: (seed % 11) / 10 };
    const report = planReport(of, assignment, { ...options, ...reading });
    const instance = compile(of, reading);
    const index = new Map(of.nodes.map(({ name }, at) => [name, at]));
    const nodeOf = Int32Array.from(
      of.services.flatMap(({ replicas }) => replicas.map((replica) => index.get(assignment[replica] ?? "") ?? -1)),
    );
    const judged = evaluate(instance, nodeOf, reading.weight);
    t.true(near(report.onNode, judged.onNode), `onNode, seed ${seed}: ${report.onNode} ${judged.onNode}`);
    t.true(near(report.imbalance, judged.imbalance), `imbalance, seed ${seed}: ${report.imbalance} ${judged.imbalance}`);
    // `unwanted` has 32 bits there.
    t.true(near(report.objective, judged.objective, 1e-6), `objective, seed ${seed}: ${report.objective} ${judged.objective}`);
  }
});

test("planReport() takes 100 000 replicas on 2000 nodes in seconds", (t) => {
  const services = Array.from({ length: 2000 }, (_, at) => service(`s${at}`, 50));
  const traffic = Array.from({ length: 4000 }, (_, at) => edge(`s${at % 2000}`, `s${(at * 7 + 1) % 2000}`, at));
  const of = problem({
    nodes: Array.from({ length: 2000 }, (_, at) => node(`n${at}`, { capacity: { cpu: 64, memory: 256 * 1024 ** 3 } })),
    services,
    traffic,
  });
  const assignment = Object.fromEntries(
    services.flatMap(({ replicas }, at) => replicas.map((name, which) => [name, `n${(at + which * 40) % 2000}`])),
  );
  const began = performance.now();
  const report = planReport(of, assignment, options);
  t.log(`${((performance.now() - began) / 1000).toFixed(2)} s`);
  t.is(
    report.nodes.reduce((sum, { replicas }) => sum + replicas, 0),
    100_000,
  );
  t.true(report.checks.every(({ broken }) => broken.length === 0));
});
