import test from "ava";
import { lowerBound } from "../../src/exact/bound.ts";
import { compile } from "../../src/solve/compile.ts";
import { bruteForce } from "./brute-force.ts";
import { problemOf, type Spice, tinyProblem } from "./tiny-problem.ts";

const spices: readonly Spice[] = ["affinity", "antiAffinity", "spread", "nodes", "pinned", "wishes"];
const runs = process.env.MITSU_TEST_ALL === "1" ? 3000 : 600;

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
