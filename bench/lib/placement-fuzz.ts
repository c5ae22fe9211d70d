/** Thousands of small problems with rules of every kind: no placement may break a capacity or a rule. In this process, as starting 2000 takes longer than solving. @module */
import { small } from "../../packages/placer/src/generate/small.ts";
import { checkPlan } from "../../packages/placer/src/plan/check-plan.ts";
import { compile } from "../../packages/placer/src/solve/compile.ts";
import { strategies } from "../../packages/placer/src/solve/strategies.ts";
import type { Bench } from "./placement-bench.ts";
import { factsOf, judgePlacement } from "./placement-judge.ts";

/** Plans so many problems by `mitsu`, every third with a budget, and judges each by both judges. */
export async function measureFuzz(bench: Bench, problems: number): Promise<void> {
  const begun = Date.now();
  const solve = await strategies.mitsu();
  const broken: string[] = [];
  for (let seed = 1; seed <= problems; seed++) {
    const problem = small({ seed: 1_000_000 + seed, rules: true });
    const moves = seed % 3 === 0 && Object.keys(problem.assignment).length > 0 ? 3 : null;
    try {
      const { nodeOf } = await solve(compile(problem), {
        seed,
        deadlineMs: 200,
        startedAtMs: Date.now(),
        weight: 0.05,
        budget: moves === null ? null : { moves, bytes: Number.POSITIVE_INFINITY },
        workers: 1,
        progress: () => {},
      });
      const replicas = problem.services.flatMap((service) => service.replicas);
      const assignment = Object.fromEntries(
        replicas.flatMap((name, i) => (nodeOf[i]! < 0 ? [] : [[name, problem.nodes[nodeOf[i]!]!.name]])),
      );
      const budget = moves === null ? null : { moves, bytes: null };
      const verdict = judgePlacement(factsOf(problem), assignment);
      const found = [
        ...verdict.broken,
        ...(verdict.unplaced > 0 ? [`${verdict.unplaced} replicas are on no node`] : []),
        // Wishes may give way.
        ...checkPlan(problem, assignment, { maxUtilisation: 1, reserve: undefined, budget }).flatMap((check) =>
          check.name === "wishes" ? [] : check.broken,
        ),
      ];
      if (found.length > 0) broken.push(`seed ${seed}: ${found[0]}`);
    } catch (error) {
      broken.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (seed % 500 === 0) bench.say(`  ${seed} problems, ${broken.length} broken`);
  }
  bench.write({ phase: "fuzz", problems, seconds: (Date.now() - begun) / 1000, broken: broken.slice(0, 20) });
}
