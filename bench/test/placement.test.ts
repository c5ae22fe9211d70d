import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { industrial } from "../../packages/placer/src/generate/industrial.ts";
import { importBytedance } from "../../packages/placer/src/import/bytedance.ts";
import { buildProblem } from "../../packages/placer/src/problem/build-problem.ts";
import { compile } from "../../packages/placer/src/solve/compile.ts";
import { evaluate } from "../../packages/placer/src/solve/objective.ts";
import type { Planned } from "../lib/placement-bench.ts";
import { onlineBoutique } from "../lib/placement-boutique.ts";
import { factsOfPublished, toPublished } from "../lib/placement-bytedance.ts";
import { factsOf, judgePlacement, objectiveOf } from "../lib/placement-judge.ts";
import { runMeasured } from "../lib/placement-process.ts";
import type { Target } from "../report/judge.ts";
import { renderPlacementChart } from "../report/placement-chart.ts";
import { parsePlacement } from "../report/placement-samples.ts";
import { renderPlacementTable } from "../report/placement-table.ts";
import { judgePlacementRun } from "../report/placement-targets.ts";

/** Two nodes of 2 cores; a ×2 and b ×1 of 1 core, c ×1 of half a core; a–b 30, b–c 10 messages. */
const tiny = buildProblem({
  nodes: [
    { name: "n1", capacity: { cpu: 2 } },
    { name: "n2", capacity: { cpu: 2 } },
  ],
  services: [
    { name: "a", replicas: 2, requests: { cpu: 1 } },
    { name: "b", requests: { cpu: 1 }, nodes: ["n1"] },
    { name: "c", requests: { cpu: 0.5 } },
  ],
  traffic: [
    { from: "a", to: "b", messagesPerSecond: 30 },
    { from: "c", to: "b", messagesPerSecond: 10 },
  ],
  assignment: { "a-0": "n1", "a-1": "n2", "b-0": "n1", "c-0": "n2" },
});

test("judgePlacement() is gained affinity, imbalance and moves as worked out by hand", (t) => {
  // a–b: min(1/2, 1/1) on n1, min(1/2, 0) on n2: 0.5. b–c: 0. (30·0.5 + 10·0)/40 = 0.375. n1 2/2, n2 1.5/2, mean 0.875: 0.125.
  const verdict = judgePlacement(factsOf(tiny), tiny.assignment);
  t.deepEqual(
    { ...verdict, onNode: verdict.onNode.toFixed(9) },
    { onNode: "0.375000000", imbalance: 0.125, unplaced: 0, moves: 0, broken: [] },
  );
  // 0.95·0.625 + 0.05·0.125
  t.true(Math.abs(objectiveOf(verdict) - 0.6) < 1e-12);
});

test("judgePlacement() tells what is over, where it may not be, nowhere, and moved", (t) => {
  const { broken, unplaced, moves } = judgePlacement(factsOf(tiny), { "a-0": "n2", "a-1": "n2", "b-0": "n2" });
  t.is(unplaced, 1);
  t.is(moves, 2);
  t.regex(broken[0]!, /b-0 is on n2, where it may not be/);
  t.regex(broken[1]!, /n2 is over its capacity: 3 of 2/);
});

test("judgePlacement() agrees with placer's own objective on a published cluster and back", (t) => {
  const problem = industrial({ seed: 2 });
  const cluster = toPublished(problem);
  const imported = importBytedance(JSON.stringify(cluster), "M.json").problem;
  const instance = compile(imported);
  const ours = evaluate(instance, instance.present, 0.05);
  for (const facts of [factsOfPublished(cluster), factsOf(problem), factsOf(imported)]) {
    const verdict = judgePlacement(facts, problem.assignment);
    t.true(Math.abs(verdict.onNode - ours.onNode) < 1e-9);
    t.true(Math.abs(objectiveOf(verdict) - ours.objective) < 1e-9);
    t.deepEqual(verdict.broken, []);
  }
});

test("onlineBoutique() has 12 services, all of whose traffic is between known ones, and the slack that is asked for", (t) => {
  const problem = onlineBoutique(500, 3, 1.5);
  t.is(problem.services.length, 12);
  const names = new Set(problem.services.map(({ name }) => name));
  t.true(problem.traffic.every(({ from, to }) => names.has(from) && names.has(to)));
  const cpu = problem.services.reduce((sum, { requests }) => sum + requests.cpu!, 0);
  t.true(Math.abs((3 * problem.nodes[0]!.capacity.cpu!) / cpu - 1.5) < 0.01);
});

test("runMeasured() tells status, output, wall clock and peak memory, and ends what takes too long", async (t) => {
  // 64 MB that are written to, so that they are resident.
  const script = "const b = Buffer.alloc(64e6, 1); process.stdout.write(String(b.length)); setTimeout(() => process.exit(3), 60)";
  const ran = await runMeasured([process.execPath, "-e", script], 30);
  t.is(ran.status, 3);
  t.is(ran.stdout, "64000000");
  t.true(ran.peakMb > 90, String(ran.peakMb));
  t.true(ran.seconds > 0.05);
  const killed = await runMeasured([process.execPath, "-e", "setInterval(() => {}, 1000)"], 0.3);
  t.is(killed.status, null);
});

const planned = (phase: string, problem: string, strategy: string, over: Partial<Planned> = {}): Planned => ({
  phase,
  problem,
  strategy,
  seconds: 0.4,
  peakMb: 100,
  onNode: 0.5,
  objective: 0.5,
  moves: 0,
  replicas: 10,
  unplaced: 0,
  broken: [],
  proof: strategy === "exact" ? "optimal" : "none",
  bound: null,
  ...over,
});
const judged = (...lines: readonly object[]): readonly Target[] =>
  judgePlacementRun(parsePlacement(lines.map((line) => JSON.stringify(line)).join("\n")));
const stateOf = (targets: readonly Target[], name: RegExp): string | undefined => targets.find((target) => name.test(target.name))?.state;
const pairs = (phase: string, count: number, over: Partial<Planned> = {}): Planned[] =>
  Array.from({ length: count }, (_, i) => [planned(phase, `p${i}`, "mitsu", over), planned(phase, `p${i}`, "exact")]).flat();

test("judgePlacementRun() takes an empty run for no data, never for met", (t) => {
  t.deepEqual(new Set(judged().map(({ state }) => state)), new Set(["no data"]));
});

test("judgePlacementRun() wants the optimum of at least 20 problems that are proven", (t) => {
  const name = /^small: the optimum/;
  t.is(stateOf(judged(...pairs("small", 20)), name), "met");
  t.is(stateOf(judged(...pairs("small", 19)), name), "no data");
  t.is(stateOf(judged(...pairs("small", 20), ...pairs("small", 1, { objective: 0.50001 })), name), "missed");
  t.is(stateOf(judged(...pairs("small", 20, { objective: 0.5 + 5e-7 })), name), "met");
  const unproven = pairs("small", 20).map((one) => (one.strategy === "exact" ? { ...one, proof: "bound" } : one));
  t.is(stateOf(judged(...unproven), name), "no data");
  t.is(stateOf(judged(...pairs("real", 3)), /^real graphs/), "met");
});

test("judgePlacementRun() judges time and memory by the worst plan", (t) => {
  t.is(stateOf(judged(...pairs("small", 2), planned("small", "slow", "mitsu", { seconds: 0.51 })), /small and real: seconds/), "missed");
  const large = (over: Partial<Planned>): Planned => planned("industrial", "i1", "mitsu", { seconds: 14, ...over });
  t.is(stateOf(judged(large({}), large({ peakMb: 501 })), /industrial: memory/), "missed");
  t.is(stateOf(judged(large({}), large({ seconds: 15.1 })), /industrial: seconds/), "missed");
  t.is(stateOf(judged(large({})), /industrial: seconds/), "met");
});

test("judgePlacementRun() compares with the best baseline that placed everything", (t) => {
  const name = /industrial: on-node share over/;
  const ours = planned("industrial", "i1", "mitsu", { onNode: 0.6 });
  t.is(stateOf(judged(ours, planned("industrial", "i1", "netmarks", { onNode: 0.5 })), name), "met");
  t.is(stateOf(judged(ours, planned("industrial", "i1", "netmarks", { onNode: 0.6 })), name), "missed");
  t.is(stateOf(judged(ours, planned("industrial", "i1", "netmarks", { onNode: 0.9, unplaced: 1 })), name), "no data");
});

test("judgePlacementRun() judges the social network at its rate, by the ratio of what crosses nodes", (t) => {
  const at = (onNode: number): Planned[] => [
    planned("social", "500/s, order 1", "mitsu", { onNode }),
    planned("social", "500/s, order 1", "kubernetes", { onNode: 0.2 }),
    planned("social", "1000/s, order 1", "mitsu", { onNode: 0.3 }),
    planned("social", "1000/s, order 1", "kubernetes", { onNode: 0.2 }),
  ];
  // 0.112/0.8 = 0.14; 0.128/0.8 = 0.16.
  t.is(stateOf(judged(...at(0.888)), /social network/), "met");
  t.is(stateOf(judged(...at(0.872)), /social network/), "missed");
});

test("judgePlacementRun() misses on a broken plan, on one that failed, and on fuzzing that found something", (t) => {
  const whole = /within capacities/;
  t.is(stateOf(judged(planned("huge", "h", "mitsu")), whole), "met");
  t.is(stateOf(judged(planned("huge", "h", "mitsu", { broken: ["n1 is over its capacity"] })), whole), "missed");
  t.is(stateOf(judged(planned("huge", "h", "kubernetes", { unplaced: 4 }), planned("huge", "h", "mitsu")), whole), "met");
  const targets = judged({ phase: "industrial", problem: "i1", strategy: "mitsu", error: "exit status 70: out of memory" });
  t.regex(targets.find(({ name }) => /industrial: seconds/.test(name))!.measured, /out of memory/);
  t.is(stateOf(judged({ phase: "fuzz", problems: 2000, seconds: 9, broken: [] }), /random problems/), "met");
  t.is(stateOf(judged({ phase: "fuzz", problems: 200, seconds: 9, broken: [] }), /random problems/), "no data");
  t.is(stateOf(judged({ phase: "fuzz", problems: 2000, seconds: 9, broken: ["seed 7: x"] }), /random problems/), "missed");
});

test("judgePlacementRun() does not take a smaller huge problem for the target, but a miss for a miss", (t) => {
  t.is(stateOf(judged(planned("huge", "h", "mitsu", { replicas: 10_000 })), /huge: seconds/), "no data");
  t.is(stateOf(judged(planned("huge", "h", "mitsu", { replicas: 10_000, seconds: 301 })), /huge: seconds/), "missed");
  t.is(stateOf(judged(planned("huge", "h", "mitsu", { replicas: 100_000 })), /huge: seconds/), "met");
});

test("renderPlacementTable() has every phase that was measured, and what failed", (t) => {
  const text = renderPlacementTable(
    parsePlacement(
      [
        ...pairs("small", 1),
        planned("industrial", "i1", "netmarks", { onNode: 0.3 }),
        planned("industrial", "i2", "netmarks", { onNode: 0.4 }),
        planned("social", "500/s, order 1", "kubernetes"),
        { phase: "real", error: "there are no traces" },
      ]
        .map((line) => JSON.stringify(line))
        .join("\n"),
    ),
  );
  t.regex(text, /p0 +0\.500000 +0\.500000 +optimal/);
  t.regex(text, /netmarks +0\.350 \(0\.300 to 0\.400\)/);
  t.regex(text, /500\/s kubernetes +0\.500 +1\.000 ×/);
  t.regex(text, /FAILED: real: there are no traces/);
});

test("renderPlacementChart() draws a bar a strategy, in SVG", (t) => {
  const svg = renderPlacementChart(
    [planned("industrial", "i1", "mitsu", { onNode: 0.87 }), planned("industrial", "i1", "netmarks")],
    "2 × CPU & more",
  );
  t.regex(svg, /^<svg /);
  t.is(svg.match(/<rect class="(plain|sockhijack)"/g)?.length, 2);
  t.true(svg.includes("2 × CPU &amp; more") && svg.includes(">0.87<"));
});

test("placement.sh says how it is used, and refuses an unknown option with 64", async (t) => {
  const script = join(import.meta.dirname, "../placement.sh");
  const { stdout } = await promisify(execFile)(script, ["--help"]);
  for (const word of ["--quick", "--instance", "--strict", "industrial"]) t.true(stdout.includes(word), word);
  const { code } = await t.throwsAsync<Error & { code: number }>(promisify(execFile)(script, ["--fast"]));
  t.is(code, 64);
});

test("placement.sh without a phase writes a report in which nothing has data, and fails with --strict", async (t) => {
  const out = await mkdtemp(join(tmpdir(), "placement-"));
  t.teardown(() => rm(out, { recursive: true }));
  const script = join(import.meta.dirname, "../placement.sh");
  const { stdout } = await promisify(execFile)(script, ["--phases", "none", "--out", out]);
  t.regex(stdout, /0 of 16 targets met, 0 MISSED, 16 without data/);
  await t.throwsAsync(promisify(execFile)(script, ["--phases", "none", "--out", out, "--strict"]));
});
