/** Small problems: generated ones, three real graphs, and the social network beside Kubernetes. @module */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { small } from "../../packages/placer/src/generate/small.ts";
import { socialNetwork } from "../../packages/placer/src/generate/social-network.ts";
import { parseProblem } from "../../packages/placer/src/problem/parse-problem.ts";
import type { Problem } from "../../packages/placer/src/problem/problem.ts";
import { type Bench, lastWords, plan, putProblem } from "./placement-bench.ts";
import { onlineBoutique } from "./placement-boutique.ts";
import { factsOf } from "./placement-judge.ts";
import { runMeasured } from "./placement-process.ts";

/** What `exact` may take to prove an optimum. */
const proofSeconds = 120;

/** The default and `exact` on one problem. */
async function compare(bench: Bench, phase: string, problem: Problem): Promise<void> {
  const about = { phase, problem: problem.name, facts: factsOf(problem), path: putProblem(bench, problem) };
  await plan(bench, { ...about, strategy: "mitsu" }, [], 30);
  await plan(bench, { ...about, strategy: "exact" }, ["--strategy", "exact", "--deadline", String(proofSeconds)], proofSeconds + 30);
}

/** So many generated problems. */
export async function measureSmall(bench: Bench, problems: number): Promise<void> {
  for (let seed = 1; seed <= problems; seed++) await compare(bench, "small", small({ seed }));
}

/** As many nodes as given, alike, with room for `slack` times what a problem's replicas reserve. */
function withNodes(problem: Problem, nodes: number, slack: number): Problem {
  const capacity = Object.fromEntries(
    problem.resources.map(({ name }) => {
      const sum = problem.services.reduce(
        (all, { requests, demand, replicas }) => all + (requests[name] ?? demand[name]?.p95 ?? 0) * replicas.length,
        0,
      );
      return [name, (sum * slack) / nodes];
    }),
  );
  return {
    ...problem,
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `n${i + 1}`,
      capacity,
      zone: null,
      labels: {},
      taints: [],
      numa: [],
      images: [],
    })),
  };
}

/** The traces of `shared/data` through `placer import jaeger`; its nodes are replaced by three that the services just need. */
async function fromTraces(bench: Bench, traces: string): Promise<Problem> {
  const nodes = join(bench.work, "nodes.json");
  const to = join(bench.work, "imported.json");
  writeFileSync(nodes, JSON.stringify({ nodes: [{ name: "n1", capacity: { cpu: 64, memory: "64GiB" } }] }));
  const ran = await runMeasured([bench.placer, "import", "jaeger", traces, "--per-second", "200", "--nodes", nodes, "-o", to], 60);
  if (ran.status !== 0) throw new Error(`import jaeger: ${lastWords(ran)}`);
  return withNodes({ ...parseProblem(readFileSync(to, "utf8"), to), name: "jaeger-traces", assignment: {} }, 3, 1.5);
}

/** The three real graphs. @param traces - Jaeger's file; where there is none, a line says so */
export async function measureReal(bench: Bench, traces: string | undefined): Promise<void> {
  await compare(bench, "real", { ...socialNetwork(), name: "social-network" });
  await compare(bench, "real", onlineBoutique(500, 3, 1.5));
  if (traces && existsSync(traces)) await compare(bench, "real", await fromTraces(bench, traces));
  else bench.write({ phase: "real", problem: "jaeger-traces", error: `there are no traces at ${traces ?? "(nowhere)"}` });
}

/** Requests each second of phase social. The first is judged; the others, where few components request just the least, show what a fuller node costs. */
const rates = [500, 1000, 2000] as const;

/**
 * The social network, its components created in another order for each seed, which matters to those that take them one by one. `exact`, whose
 * answer does not depend on it, shows once a rate what is possible. At the judged rate there are 11 orders, as Kubernetes' share varies from 0.5 to 0.9.
 */
export async function measureSocial(bench: Bench, seeds: readonly number[]): Promise<void> {
  const many = seeds.length < 3 ? seeds : Array.from({ length: Math.max(11, seeds.length) }, (_, i) => i + 1);
  for (const rate of rates)
    for (const seed of rate === rates[0] ? many : seeds) {
      const problem = socialNetwork({ seed, rate });
      const about = { phase: "social", problem: `${rate}/s, order ${seed}`, facts: factsOf(problem), path: putProblem(bench, problem) };
      const baseline = (strategy: string, ...more: readonly string[]) =>
        plan(bench, { ...about, strategy }, ["--strategy", strategy.split(" ")[0]!, "--seed", String(seed), ...more], 60);
      await plan(bench, { ...about, strategy: "mitsu" }, ["--seed", String(seed)], 60);
      await baseline("kubernetes");
      await baseline("kubernetes 1.35", "--balanced-allocation", "1.35");
      await baseline("netmarks");
      await baseline("round-robin");
      if (seed === 1)
        await plan(bench, { ...about, strategy: "exact" }, ["--strategy", "exact", "--deadline", String(proofSeconds)], proofSeconds + 30);
    }
}
