import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { exact, solveExactly, solveWith } from "../../src/exact/exact.ts";
import { firstFit } from "../../src/exact/first-fit.ts";
import { Highs } from "../../src/exact/highs.ts";
import type { TrafficEdge } from "../../src/problem/problem.ts";
import { compile } from "../../src/solve/compile.ts";
import type { Instance } from "../../src/solve/instance.ts";
import { evaluate } from "../../src/solve/objective.ts";
import type { Budget, SolveOptions } from "../../src/solve/strategy.ts";
import { bruteForce, keepsAll } from "./brute-force.ts";
import { problemOf, randomFrom, type Spice, tinyProblem } from "./tiny-problem.ts";

function options(weight: number, budget: Budget | null = null): SolveOptions {
  return { seed: 1, deadlineMs: 20_000, startedAtMs: Date.now(), weight, budget, workers: 1, progress() {} };
}

const runs = process.env.MITSU_TEST_ALL === "1" ? 400 : 20;
const kinds: Readonly<Record<string, readonly Spice[]>> = {
  "capacities alone": [],
  affinity: ["affinity"],
  "anti-affinity": ["antiAffinity"],
  spread: ["spread"],
  "allowed nodes and pins": ["nodes", "pinned"],
  "wishes of every kind": ["affinity", "antiAffinity", "spread", "wishes"],
  everything: ["affinity", "antiAffinity", "spread", "nodes", "pinned", "wishes"],
};

const highs = new Highs();
test.after.always(() => highs.close());

for (const [name, spices] of Object.entries(kinds)) {
  for (const weight of [0.05, 0.6]) {
    test.serial(`exact() answers as trying every placement does, with ${name}, weight ${weight}`, async (t) => {
      let feasible = 0;
      for (let seed = 0; seed < runs; seed++) {
        const instance = compile(tinyProblem(seed, spices, 1.3 + (seed % 5) / 4, seed % 2 === 0));
        const budget =
          seed % 4 === 1
            ? { moves: 2, bytes: Number.POSITIVE_INFINITY }
            : seed % 4 === 3
              ? { moves: Number.POSITIVE_INFINITY, bytes: 6 }
              : null;
        const best = bruteForce(instance, weight, budget);
        if (best === null) {
          const error = await t.throwsAsync(
            solveWith(highs, instance, options(weight, budget), null),
            { instanceOf: MitsuError },
            `seed ${seed}`,
          );
          t.is(error?.code, "ERR_PLACER_INFEASIBLE", `seed ${seed}`);
          continue;
        }
        feasible++;
        const { nodeOf, proof } = await solveWith(highs, instance, options(weight, budget), null);
        t.true(keepsAll(instance, nodeOf, budget), `seed ${seed}`);
        t.true(
          Math.abs(evaluate(instance, nodeOf, weight).objective - best) < 1e-6,
          `seed ${seed}: ${evaluate(instance, nodeOf, weight).objective}, best ${best}`,
        );
        t.is(proof?.status, "optimal", `seed ${seed}`);
        t.true(proof!.bound <= best + 1e-9);
      }
      t.true(feasible > runs / 4);
      t.log(`${feasible} of ${runs} feasible`);
    });
  }
}

const moves = (count: number): Budget => ({ moves: count, bytes: Number.POSITIVE_INFINITY });
const wide = [
  { name: "n1", capacity: { cpu: 4.1 } },
  { name: "n2", capacity: { cpu: 4.1 } },
];

test("exact() says how many moves it takes when the budget is too small", async (t) => {
  const services = [{ name: "web", count: 4, requests: { cpu: 2 }, nodes: ["n1", "n2"] }];
  const assignment = { "web-0": "n1", "web-1": "n1", "web-2": "n1", "web-3": "n1" };
  const instance = compile(problemOf(wide, services, { assignment }));
  const error = await t.throwsAsync(exact(instance, options(0.05, moves(1))), { instanceOf: MitsuError });
  t.is(error?.message, "no placement keeps all of these: at most 1 moves; all other constraints, which take at least 2 moves");
  t.is((await exact(instance, options(0.05, moves(2)))).proof?.status, "optimal");
});

test("exact() counts a pinned replica that runs elsewhere as a move, and whoever must make room for it", async (t) => {
  const services = [{ name: "web", count: 2, requests: { cpu: 4 }, pinned: { "web-0": "n2" } }];
  const instance = compile(problemOf(wide, services, { assignment: { "web-0": "n1", "web-1": "n2" } }));
  await t.throwsAsync(exact(instance, options(0.05, moves(1))), { code: "ERR_PLACER_INFEASIBLE" });
  t.deepEqual([...(await exact(instance, options(0.05, moves(2)))).nodeOf], [1, 0]);
});

test("exact() refuses what is too large, and says what to use", async (t) => {
  const nodes = Array.from({ length: 500 }, (_, at) => ({ name: `n${at}`, capacity: { cpu: 1 } }));
  const services = Array.from({ length: 500 }, (_, at) => ({ name: `s${at}`, count: 1 }));
  const error = await t.throwsAsync(exact(compile(problemOf(nodes, services)), options(0.05)), { code: "ERR_PLACER_TOO_LARGE" });
  t.regex((error as MitsuError).hint!, /--strategy mitsu/);
});

test("exact() keeps replicas where they run, when nodes are alike but for their names", async (t) => {
  const services = ["a", "b", "c", "d"].map((name) => ({ name, count: 1, requests: { cpu: 2 } }));
  const talk = (from: string, to: string): TrafficEdge => ({ from, to, messagesPerSecond: 10, bytesPerSecond: 0, sources: [] });
  const assignment = { "a-0": "n2", "b-0": "n2", "c-0": "n1", "d-0": "n1" };
  const instance = compile(problemOf(wide, services, { traffic: [talk("a", "b"), talk("c", "d")], assignment }));
  t.deepEqual([...(await exact(instance, options(0.05))).nodeOf], [1, 1, 0, 0]);
});

test("solveExactly() answers the start itself when none is better, whatever the names of nodes that are alike", async (t) => {
  const services = ["a", "b", "c"].map((name) => ({ name, count: 1, requests: { cpu: 2 } }));
  const traffic = [{ from: "a", to: "b", messagesPerSecond: 10, bytesPerSecond: 0, sources: [] }];
  const instance = compile(problemOf(wide, services, { traffic }));
  for (const start of [
    [0, 0, 1],
    [1, 1, 0],
  ]) {
    const { nodeOf, proof } = await solveExactly(instance, options(0.05), Int32Array.from(start));
    t.deepEqual([...nodeOf], start);
    t.is(proof?.status, "optimal");
  }
});

/** Thirty services in a ring with chords, on four nodes: seconds of work for HiGHS. */
function ring(): Instance {
  const random = randomFrom(5);
  const services = Array.from({ length: 30 }, (_, at) => ({ name: `s${at}`, count: 1 + (at % 3), requests: { cpu: 0.5 + random() } }));
  const traffic = services.flatMap(({ name }, at) =>
    [1, 7, 11].map((step) => ({ from: name, to: `s${(at + step) % 30}`, messagesPerSecond: random(), bytesPerSecond: 0, sources: [] })),
  );
  const nodes = Array.from({ length: 4 }, (_, at) => ({ name: `n${at}`, capacity: { cpu: 18 } }));
  return compile(problemOf(nodes, services, { traffic }));
}

test("solveExactly() that is cut answers what it was given when it has found nothing better, with a bound below it", async (t) => {
  const instance = ring();
  const start = firstFit(instance)!;
  const { nodeOf, proof, cut } = await solveExactly(instance, { ...options(0.05), deadlineMs: 700 }, start);
  t.true(cut);
  t.true(keepsAll(instance, nodeOf));
  t.is(proof?.status, "bound");
  const { objective } = evaluate(instance, nodeOf, 0.05);
  t.true(objective <= evaluate(instance, start, 0.05).objective && proof!.bound <= objective);
});

test("solveExactly() without time says so, or answers what it was given", async (t) => {
  const instance = ring();
  await t.throwsAsync(solveExactly(instance, { ...options(0.05), deadlineMs: 0 }, null), { code: "ERR_PLACER_DEADLINE" });
  t.deepEqual((await solveExactly(instance, { ...options(0.05), deadlineMs: 0 }, firstFit(instance))).cut, true);
});
