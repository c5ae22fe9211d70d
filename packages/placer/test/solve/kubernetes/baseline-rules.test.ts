import test from "ava";
import { small } from "../../../src/generate/small.ts";
import { checkPlan } from "../../../src/plan/check-plan.ts";
import { compile } from "../../../src/solve/compile.ts";
import { kubernetes, kubernetesWith } from "../../../src/solve/kubernetes/kubernetes.ts";
import { netmarks } from "../../../src/solve/netmarks.ts";
import { roundRobin } from "../../../src/solve/round-robin.ts";
import { solveOptions } from "./fixture.ts";

/** Checks that a baseline need not keep: it may leave replicas out, and wishes may give way. */
const optional = new Set(["placed", "wishes"]);
const problems = process.env.MITSU_TEST_ALL === "1" ? 2000 : 150;

for (const [name, strategy] of Object.entries({
  kubernetes,
  "kubernetes until 1.35": kubernetesWith("1.35"),
  netmarks,
  "round-robin": roundRobin,
}))
  test(`${name} keeps capacities, nodes, pins, affinity, anti-affinity and spread in ${problems} small problems with rules`, async (t) => {
    for (let seed = 1; seed <= problems; seed++) {
      const problem = small({ seed, rules: true });
      const { nodeOf } = await strategy(compile(problem), solveOptions(seed));
      const replicas = problem.services.flatMap((service) => service.replicas);
      const placed = replicas.flatMap((replica, i) => (nodeOf[i]! < 0 ? [] : [[replica, problem.nodes[nodeOf[i]!]!.name] as const]));
      for (const check of checkPlan(problem, Object.fromEntries(placed), { maxUtilisation: 1, reserve: undefined, budget: null })) {
        if (!optional.has(check.name)) t.deepEqual(check.broken, [], `seed ${seed}, ${check.name}`);
      }
    }
  });
