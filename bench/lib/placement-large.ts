/** Problems of an industrial size, by the way of a published cluster's form, and the huge one. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { huge } from "../../packages/placer/src/generate/huge.ts";
import { industrial } from "../../packages/placer/src/generate/industrial.ts";
import { type Bench, lastWords, plan, putProblem } from "./placement-bench.ts";
import { factsOfPublished, type PublishedCluster, toPublished } from "./placement-bytedance.ts";
import { type Facts, factsOf, judgePlacement } from "./placement-judge.ts";
import { runMeasured } from "./placement-process.ts";

/** Of the replicas, how many the budget lets move. */
const movable = 0.4;
const baselines = ["kubernetes", "netmarks", "round-robin"] as const;

function present(bench: Bench, problem: string, facts: Facts): void {
  const { onNode } = judgePlacement(facts, Object.fromEntries(facts.present));
  bench.say(`  ${problem}: ${(onNode * 100).toFixed(1)} % on-node at present`);
}

/** One cluster: imported, planned without and with a budget, and by each baseline, all with one seed; then the next seed. */
async function measureCluster(
  bench: Bench,
  phase: string,
  name: string,
  cluster: PublishedCluster,
  seed: number,
  deadline: number,
  budget: number,
): Promise<void> {
  const published = join(bench.work, "M.json");
  const path = join(bench.work, "problem.json");
  writeFileSync(published, JSON.stringify(cluster));
  const facts = factsOfPublished(cluster);
  present(bench, name, facts);
  const imported = await runMeasured([bench.placer, "import", "bytedance", published, "-o", path], 60);
  if (imported.status !== 0) {
    bench.write({ phase, problem: name, strategy: "import", error: lastWords(imported) });
    return;
  }
  bench.say(`  ${name} import: ${imported.seconds.toFixed(2)} s, ${imported.peakMb.toFixed(0)} MB`);
  const about = { phase, problem: name, facts, path };
  const common = ["--deadline", String(deadline), "--seed", String(seed)];
  await plan(bench, { ...about, strategy: "mitsu" }, common, deadline * 3 + 60);
  await plan(bench, { ...about, strategy: "mitsu, budget" }, [...common, "--budget", `moves=${budget}`], deadline * 3 + 60);
  for (const strategy of baselines) await plan(bench, { ...about, strategy }, ["--strategy", strategy, ...common], 120);
}

/** Generated clusters, one for each seed. */
export async function measureIndustrial(bench: Bench, seeds: readonly number[], deadline: number): Promise<void> {
  for (const seed of seeds) {
    const problem = industrial({ seed });
    const replicas = problem.services.reduce((sum, service) => sum + service.replicas.length, 0);
    await measureCluster(bench, "industrial", problem.name, toPublished(problem), seed, deadline, Math.floor(replicas * movable));
  }
}

/** A published cluster that was given, once for each seed, with 1500 moves. */
export async function measureInstance(
  bench: Bench,
  cluster: PublishedCluster,
  file: string,
  seeds: readonly number[],
  deadline: number,
): Promise<void> {
  const name = file.replace(/^.*\//, "");
  for (const seed of seeds) await measureCluster(bench, "instance", `${name}, seed ${seed}`, cluster, seed, deadline, 1500);
}

/** The huge one: 50 replicas a node. Everything has five minutes. */
export async function measureHuge(bench: Bench, nodes: number): Promise<void> {
  const limit = 300;
  const problem = huge({ nodes });
  const about = { phase: "huge", problem: `huge, ${nodes} nodes`, facts: factsOf(problem), path: putProblem(bench, problem) };
  present(bench, about.problem, about.facts);
  for (const strategy of baselines)
    await plan(bench, { ...about, strategy }, ["--strategy", strategy, "--deadline", String(limit)], limit + 60);
  // A command that is told 240 s has a minute for what comes before and after.
  await plan(bench, { ...about, strategy: "mitsu" }, ["--deadline", "240"], limit + 60);
}
