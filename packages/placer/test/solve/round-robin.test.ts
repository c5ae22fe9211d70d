import test from "ava";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { compile } from "../../src/solve/compile.ts";
import { roundRobin } from "../../src/solve/round-robin.ts";
import { solveOptions } from "./kubernetes/fixture.ts";

test("round-robin takes the next node that has room, over all services", async (t) => {
  const problem = buildProblem({
    nodes: [
      { name: "n1", capacity: { cpu: 2 } },
      { name: "n2", capacity: { cpu: 1 } },
      { name: "n3", capacity: { cpu: 3 } },
    ],
    services: [
      { name: "a", replicas: 2, requests: { cpu: 1 } },
      { name: "b", replicas: 3, requests: { cpu: 1 } },
      { name: "c", replicas: 2, requests: { cpu: 1 } },
    ],
  });
  const { nodeOf, notes } = await roundRobin(compile(problem), solveOptions());
  // a: n1, n2. b: n3, n1, then n2 is full: n3. c: n1 and n2 are full: n3, then nowhere.
  t.deepEqual([...nodeOf], [0, 1, 2, 0, 2, 2, -1]);
  t.regex(notes[0]!, /^1 of 7 replicas/);
});
