import { deepStrictEqual } from "node:assert";
import test from "ava";
import fc from "fast-check";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { formOf, writeProblem } from "../../src/problem/write-problem.ts";
import { problems } from "./support/problem-arbitrary.ts";

for (const form of ["yaml", "json"] as const) {
  test(`parseProblem() of writeProblem() as ${form} is the same problem`, (t) => {
    fc.assert(
      fc.property(problems, (problem) => deepStrictEqual(parseProblem(writeProblem(problem, form), `p.${form}`), problem)),
      { seed: 1, numRuns: 300 },
    );
    t.pass();
  });
}

test("writeProblem() leaves defaults out, and puts a node and an edge on a line", (t) => {
  const problem = buildProblem({
    nodes: [{ name: "n1", capacity: { cpu: 4, memory: 2 ** 33 } }],
    services: [
      { name: "web", replicas: 2, requests: { cpu: 0.5 } },
      { name: "db", replicas: ["db-a"] },
    ],
    traffic: [{ from: "web", to: "db", messagesPerSecond: 20 }],
  });
  t.is(
    writeProblem(problem, "yaml"),
    `version: 1
nodes:
  - { name: n1, capacity: { cpu: 4, memory: 8GiB } }
services:
  - name: web
    replicas: 2
    requests: { cpu: 0.5 }
  - name: db
    replicas: [ db-a ]
traffic:
  - { from: web, to: db, messages: 20/s }
`,
  );
});

test("formOf() takes JSON for .json, YAML for all else", (t) => {
  t.deepEqual(["a.json", "A.JSON", "a.yaml", "-", "a.json.yml"].map(formOf), ["json", "json", "yaml", "yaml", "yaml"]);
});

test("buildProblem() fills every default in", (t) => {
  const { services, nodes, costs, ...rest } = buildProblem({ nodes: [{ name: "n1" }], services: [{ name: "web", replicas: 2 }] });
  t.deepEqual(services[0]?.replicas, ["web-0", "web-1"]);
  t.deepEqual(nodes[0], { name: "n1", capacity: {}, zone: null, labels: {}, taints: [], numa: [], images: [] });
  t.true(costs.remote.message > costs.local.message);
  t.like(rest, { version: 1, name: "", traffic: [], assignment: {} });
});
