import test from "ava";
import { small } from "../../../src/generate/small.ts";
import { buildProblem, type ProblemParts } from "../../../src/problem/build-problem.ts";
import { compile } from "../../../src/solve/compile.ts";
import { nodeOrder, nodesToFind } from "../../../src/solve/kubernetes/feasible-nodes.ts";
import { kubernetes, kubernetesWith } from "../../../src/solve/kubernetes/kubernetes.ts";
import type { Solution } from "../../../src/solve/strategy.ts";
import { clusterOf, GiB, solveOptions } from "./fixture.ts";

const node = (name: string, cpu = 4, memory = 8 * GiB) => ({ name, capacity: { cpu, memory } });

/** Replica's name to node's name, as the baseline decides. */
async function decide(
  parts: ProblemParts,
  version: "1.35" | "1.36" = "1.36",
  seed = 1,
): Promise<{ at: Record<string, string>; solution: Solution }> {
  const problem = buildProblem(parts);
  const solution = await kubernetesWith(version)(compile(problem), solveOptions(seed));
  const names = problem.services.flatMap(({ replicas }) => replicas);
  return { at: Object.fromEntries(names.map((name, i) => [name, problem.nodes[solution.nodeOf[i]!]?.name ?? "nowhere"])), solution };
}

test("nodesToFind() is all below 100 nodes, then max(5, 50 − n/125) %, at least 100", (t) => {
  t.deepEqual([1, 99, 100, 199, 1000, 2000, 5000, 10_000].map(nodesToFind), [1, 99, 100, 100, 420, 680, 500, 500]);
});

test("nodeOrder() takes one node of each zone in turn", (t) => {
  const zoned = ["a", "a", "a", "b", "c"].map((zone, i) => ({ name: `n${i}`, zone }));
  t.deepEqual([...nodeOrder(clusterOf({ nodes: zoned, services: [] }))], [0, 3, 4, 1, 2]);
});

test("kubernetes decides two pods on two nodes as worked out by hand", async (t) => {
  // First pod, 1 core and 1 GiB. TaintToleration 3·100 and PodTopologySpread 2·100 (raw 2 on both) are equal; the rest:
  //   n1, 4 cores, 8 GiB: LeastAllocated (75 + 87)/2 = 81; BalancedAllocation 0.25, 0.125 → std 0.0625 → 93. Together 174.
  //   n2, 2 cores, 8 GiB: (50 + 87)/2 = 68; 0.5, 0.125 → 0.1875 → 81. Together 149. So n1.
  // Second pod, two hosts: ln 4 = 1.386; n1: 3.39 → 3, n2: 2; most 3, least 2:
  //   n1: 2·(100·2/3 = 66) = 132; (50 + 75)/2 = 62; 0.5, 0.25 → 0.125 → 87. Together 281.
  //   n2: 2·(100·3/3) = 200; 68; 81. Together 349. So n2.
  const parts = { nodes: [node("n1"), node("n2", 2)], services: [{ name: "web", replicas: 2, requests: { cpu: 1, memory: GiB } }] };
  for (let seed = 1; seed <= 5; seed++) t.deepEqual((await decide(parts, "1.35", seed)).at, { "web-0": "n1", "web-1": "n2" });
});

test("kubernetes of 1.35 and of 1.36 differ where a pod mends a node's balance but leaves it worse than another's", async (t) => {
  // cache, 8 GiB, is on n2 (16 cores, 32 GiB); n1 (4 cores, 8 GiB) is empty. The pod wants 1 core and 1 GiB.
  //   n1: LeastAllocated 81. 1.35: 93, together 174. 1.36: 50 + (50 + 93 − 100)/2 = 71, together 152.
  //   n2: LeastAllocated (93 + (32 − 9)·100/32 = 71)/2 = 82. 1.35: 0.0625, 0.28125 → std 0.109 → 89, together 171.
  //       1.36: without 0, 0.25 → 87; 50 + (50 + 89 − 87)/2 = 76, together 158.
  const parts = {
    nodes: [node("n1"), node("n2", 16, 32 * GiB)],
    services: [
      { name: "cache", requests: { cpu: 0, memory: 8 * GiB }, pinned: { "cache-0": "n2" } },
      { name: "web", requests: { cpu: 1, memory: GiB } },
    ],
  };
  t.is((await decide(parts, "1.35")).at["web-0"], "n1");
  t.is((await decide(parts, "1.36")).at["web-0"], "n2");
});

test("kubernetes breaks ties at random by the seed, and equally for the same seed", async (t) => {
  const parts = { nodes: [node("n1"), node("n2"), node("n3")], services: [{ name: "web", requests: { cpu: 1 } }] };
  const taken = new Map<string, number>();
  for (let seed = 0; seed < 90; seed++) {
    const { at } = await decide(parts, "1.36", seed);
    t.deepEqual((await decide(parts, "1.36", seed)).at, at);
    taken.set(at["web-0"]!, (taken.get(at["web-0"]!) ?? 0) + 1);
  }
  for (const name of ["n1", "n2", "n3"]) t.true(taken.get(name)! > 15, `${name}: ${taken.get(name)} of 90`);
});

test("kubernetes leaves out what fits nowhere, with a note, and evicts nothing", async (t) => {
  const { at, solution } = await decide({
    nodes: [node("n1", 2)],
    services: [
      { name: "web", replicas: 3, requests: { cpu: 0.9 } },
      { name: "small", requests: { cpu: 0.1 } },
    ],
  });
  t.deepEqual(at, { "web-0": "n1", "web-1": "n1", "web-2": "nowhere", "small-0": "n1" });
  t.regex(solution.notes[0]!, /^1 of 4 replicas/);
});

test("kubernetes tries a pod again whose neighbour was created later", async (t) => {
  const { at } = await decide({
    nodes: [node("n1"), node("n2")],
    services: [
      { name: "web", affinity: [{ service: "db", within: "node", weight: null }] },
      { name: "db", nodes: ["n2"] },
    ],
  });
  t.deepEqual(at, { "web-0": "n2", "db-0": "n2" });
});

test("kubernetes keeps required anti-affinity both ways", async (t) => {
  const quiet = { name: "quiet", antiAffinity: [{ service: "loud", within: "zone", weight: null }] };
  const nodes = ["a", "a", "b"].map((zone, i) => ({ ...node(`n${i + 1}`), zone }));
  for (const services of [
    [
      { ...quiet, nodes: ["n1"] },
      { name: "loud", replicas: 4 },
    ],
    [{ name: "loud", nodes: ["n1"] }, quiet],
  ]) {
    const { at } = await decide({ nodes, services });
    const zone = (name: string): string => (at[name] === "n3" ? "b" : "a");
    for (const name of Object.keys(at)) if (name.startsWith("loud")) t.not(zone(name), zone("quiet-0"));
  }
});

test("kubernetes places the first of pods that must stand together anywhere, the others beside it", async (t) => {
  const { at } = await decide({
    nodes: [node("n1"), node("n2")],
    services: [{ name: "web", replicas: 3, requests: { cpu: 0.5 }, affinity: [{ service: "web", within: "node", weight: null }] }],
  });
  t.is(new Set(Object.values(at)).size, 1);
});

test("kubernetes keeps DoNotSchedule: no domain more than maxSkew above the least of those that are eligible", async (t) => {
  const nodes = ["a", "a", "b"].map((zone, i) => ({ ...node(`n${i + 1}`, zone === "b" ? 1 : 8), zone }));
  const spread = [{ over: "zone", maxSkew: 1, weight: null }];
  const { at } = await decide({ nodes, services: [{ name: "web", replicas: 6, requests: { cpu: 0.5 }, spread }] });
  // Zone b has room for two: two there, three in a, the sixth nowhere.
  t.is(Object.values(at).filter((name) => name === "n3").length, 2);
  t.is(Object.values(at).filter((name) => name === "nowhere").length, 1);
  // Where zone b is not eligible, it does not count.
  const alone = await decide({ nodes, services: [{ name: "web", replicas: 6, requests: { cpu: 0.5 }, spread, nodes: ["n1", "n2"] }] });
  t.false(Object.values(alone.at).includes("nowhere"));
});

test("kubernetes, over 200 small problems with rules, never exceeds a capacity nor uses a node that is not allowed", async (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const instance = compile(small({ seed, rules: true }));
    const { nodeOf } = await kubernetes(instance, solveOptions(seed));
    const used = new Float64Array(instance.nodes * instance.resources);
    for (const [replica, m] of nodeOf.entries()) {
      if (m < 0) continue;
      const s = instance.serviceOf[replica]!;
      if (instance.allowed[s * instance.nodes + m] !== 1) t.fail(`seed ${seed}: replica ${replica} on node ${m}`);
      if (instance.pinned[replica]! >= 0) t.is(instance.pinned[replica]!, m);
      for (let r = 0; r < instance.resources; r++) used[m * instance.resources + r]! += instance.demand[s * instance.resources + r]!;
    }
    t.true(
      used.every((value, at) => value <= instance.wholeCapacity[at]! * (1 + 1e-12)),
      `seed ${seed}`,
    );
  }
});
