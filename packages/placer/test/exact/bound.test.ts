import test from "ava";
import { lowerBound } from "../../src/exact/bound.ts";
import { solveWith } from "../../src/exact/exact.ts";
import { Highs } from "../../src/exact/highs.ts";
import { compile } from "../../src/solve/compile.ts";
import { evaluate } from "../../src/solve/objective.ts";
import { bruteForce } from "./brute-force.ts";
import { problemOf, randomFrom, type Spice, tinyProblem } from "./tiny-problem.ts";

const spices: readonly Spice[] = ["affinity", "antiAffinity", "spread", "nodes", "pinned", "wishes"];
const runs = process.env.MITSU_TEST_ALL === "1" ? 3000 : 200;

for (const weight of [0, 0.05, 0.6]) {
  test(`lowerBound() is never above the optimum, weight ${weight}`, (t) => {
    let met = 0;
    let feasible = 0;
    for (let seed = 0; seed < runs; seed++) {
      const instance = compile(
        tinyProblem(
          seed,
          spices.filter((_, at) => (seed >> at) & 1),
          1.1 + (seed % 5) / 4,
        ),
      );
      const best = bruteForce(instance, weight);
      if (best === null) continue;
      feasible++;
      const { bound, status } = lowerBound(instance, weight, { deadlineMs: 1000 });
      t.is(status, "bound");
      t.true(bound <= best, `seed ${seed}: ${bound} above ${best}`);
      if (bound > 1e-6) met++;
    }
    t.true(feasible > runs / 4 && met > feasible / 10);
    t.log(`${feasible} of ${runs} feasible, a bound above 0 of ${met}`);
  });
}

const talk = (
  from: string,
  to: string,
  messagesPerSecond: number,
): { from: string; to: string; messagesPerSecond: number; bytesPerSecond: number; sources: [] } => ({
  from,
  to,
  messagesPerSecond,
  bytesPerSecond: 0,
  sources: [],
});
const nodes = ["n1", "n2", "n3", "n4"].map((name) => ({ name, capacity: { cpu: 4.5 } }));

test("lowerBound() of a pair counts whole replicas: one of 1 beside 3 of 6 keeps half", (t) => {
  const services = [
    { name: "a", count: 1, requests: { cpu: 1 } },
    { name: "b", count: 6, requests: { cpu: 1 } },
  ];
  const { bound } = lowerBound(compile(problemOf(nodes, services, { traffic: [talk("a", "b", 100)] })), 0, { deadlineMs: 1000 });
  t.true(Math.abs(bound - 0.5) < 1e-6);
});

test("lowerBound() of a star counts what fits beside its hub", (t) => {
  // 3.5 cores are left beside the hub: of three neighbours of 2 cores, one and three quarters in fractions.
  const services = [
    { name: "hub", count: 1, requests: { cpu: 1 } },
    ...["x", "y", "z"].map((name) => ({ name, count: 1, requests: { cpu: 2 } })),
  ];
  const traffic = ["x", "y", "z"].map((other) => talk("hub", other, 100));
  const { bound } = lowerBound(compile(problemOf(nodes, services, { traffic })), 0, { deadlineMs: 1000 });
  t.true(Math.abs(bound - 1.25 / 3) < 1e-6);
});

test("lowerBound() counts a must that keeps two apart, and nodes that are wanted less", (t) => {
  const services = [
    { name: "a", count: 1, antiAffinity: [{ service: "b", within: "node", weight: null }] },
    { name: "b", count: 1, preferredNodes: [{ weight: 100, match: [{ key: "ssd", operator: "Exists" as const, values: [] }] }] },
  ];
  const { bound } = lowerBound(compile(problemOf(nodes, services, { traffic: [talk("a", "b", 1)] })), 0.2, { deadlineMs: 1000 });
  t.true(Math.abs(bound - (0.8 + 0.5)) < 1e-6);
});

test("lowerBound() is never above what HiGHS proves, with services of many replicas on small nodes", async (t) => {
  await using highs = new Highs();
  const problems = process.env.MITSU_TEST_ALL === "1" ? 60 : 6;
  let gained = 0;
  for (let seed = 0; seed < problems; seed++) {
    const random = randomFrom(seed);
    const services = Array.from({ length: 5 }, (_, at) => ({
      name: `s${at}`,
      count: 1 + Math.floor(random() * 7),
      requests: { cpu: 0.5 + Math.floor(random() * 4) / 2, memory: 1 + Math.floor(random() * 8) },
    }));
    const all = (resource: "cpu" | "memory"): number => services.reduce((sum, one) => sum + one.count * one.requests[resource], 0);
    const some = Array.from({ length: 5 }, (_, at) => ({
      name: `n${at}`,
      capacity: { cpu: (all("cpu") / 5) * (1.3 + (at % 2)), memory: (all("memory") / 5) * 1.6 },
    }));
    const traffic = services
      .slice(1)
      .flatMap(({ name }, at) => [talk(name, `s${Math.floor(random() * (at + 1))}`, Math.ceil(random() * 100))]);
    const instance = compile(problemOf(some, services, { traffic }));
    const options = { weight: 0, budget: null, seed: 1, deadlineMs: 3000, startedAtMs: Date.now(), progress() {} };
    const { nodeOf } = await solveWith(highs, instance, options, null);
    const { bound } = lowerBound(instance, 0, { deadlineMs: 1000 });
    t.true(bound <= evaluate(instance, nodeOf, 0).objective, `seed ${seed}`);
    if (bound > 0) gained++;
  }
  t.true(gained > Math.min(3, problems / 4));
  t.log(`a bound above 0 for ${gained}`);
});

test("lowerBound() whose time is up is lower, and a bound still", (t) => {
  const services = [
    { name: "a", count: 1, requests: { cpu: 1 } },
    { name: "b", count: 6, requests: { cpu: 1 } },
  ];
  t.is(lowerBound(compile(problemOf(nodes, services, { traffic: [talk("a", "b", 100)] })), 0, { deadlineMs: 0 }).bound, 0);
});
