import test from "ava";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { compile } from "../../src/solve/compile.ts";
import { netmarks } from "../../src/solve/netmarks.ts";
import { solveOptions } from "./kubernetes/fixture.ts";

const node = (name: string, cpu: number) => ({ name, capacity: { cpu } });
const edge = (from: string, to: string, messagesPerSecond: number) => ({ from, to, messagesPerSecond });

test("netmarks puts a pod on the node where most of its traffic is", async (t) => {
  const problem = buildProblem({
    nodes: [node("n1", 2), node("n2", 2), node("n3", 8)],
    services: [
      { name: "a", requests: { cpu: 1 }, nodes: ["n1"] },
      { name: "b", requests: { cpu: 1 }, nodes: ["n2"] },
      { name: "c", requests: { cpu: 1 } },
      { name: "d", requests: { cpu: 1 } },
    ],
    traffic: [edge("a", "c", 10), edge("c", "b", 11), edge("d", "b", 5), edge("d", "a", 1)],
  });
  const { nodeOf } = await netmarks(compile(problem), solveOptions());
  // c: 11 with b beats 10 with a. d: n2 is full, so n1 by 1, not the empty n3.
  t.deepEqual([...nodeOf], [0, 1, 1, 0]);
});

test("netmarks shares an edge among the other service's replicas", async (t) => {
  const problem = buildProblem({
    nodes: [node("n1", 4), node("n2", 4)],
    services: [
      { name: "many", replicas: 4, requests: { cpu: 0.5 }, pinned: { "many-0": "n1", "many-1": "n2", "many-2": "n2", "many-3": "n2" } },
      { name: "one", requests: { cpu: 0.5 }, nodes: ["n1"] },
      { name: "new", requests: { cpu: 0.5 } },
    ],
    traffic: [edge("many", "new", 100), edge("one", "new", 40)],
  });
  // n1: 100/4 + 40 = 65; n2: 3·100/4 = 75.
  t.is((await netmarks(compile(problem), solveOptions())).nodeOf[5], 1);
});

test("netmarks spreads pods without traffic by LeastAllocated, and ties by the seed", async (t) => {
  const problem = buildProblem({ nodes: [node("n1", 2), node("n2", 8)], services: [{ name: "a", replicas: 2, requests: { cpu: 1 } }] });
  const { nodeOf } = await netmarks(compile(problem), solveOptions());
  // n2 is left with 87 % and then 75 %; n1 would be with 50 %.
  t.deepEqual([...nodeOf], [1, 1]);
  const even = compile(buildProblem({ nodes: [node("n1", 2), node("n2", 2)], services: [{ name: "a", requests: { cpu: 1 } }] }));
  const seen = new Set<number>();
  for (let seed = 1; seed < 20; seed++) seen.add((await netmarks(even, solveOptions(seed))).nodeOf[0]!);
  t.is(seen.size, 2);
});
