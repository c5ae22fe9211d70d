import test from "ava";
import { industrial } from "../../../src/generate/industrial.ts";
import { small } from "../../../src/generate/small.ts";
import { checkPlan, keepsRules } from "../../../src/plan/check-plan.ts";
import { buildProblem } from "../../../src/problem/build-problem.ts";
import type { Problem } from "../../../src/problem/problem.ts";
import { compile } from "../../../src/solve/compile.ts";
import type { NodeOf } from "../../../src/solve/instance.ts";
import { defaultWeight, evaluate } from "../../../src/solve/objective.ts";
import { gainCurve } from "../../../src/solve/search/gain-curve.ts";
import { giveBack } from "../../../src/solve/search/give-back.ts";
import { balance, mitsu, traffic } from "../../../src/solve/search/search.ts";
import { search } from "../../../src/solve/search/search-job.ts";
import { SearchPool } from "../../../src/solve/search/search-pool.ts";
import { PlacementState } from "../../../src/solve/search/state.ts";
import { sweep } from "../../../src/solve/search/sweep.ts";
import type { SolveOptions } from "../../../src/solve/strategy.ts";
import { bruteForce } from "../../exact/brute-force.ts";
import { tinyProblem } from "../../exact/tiny-problem.ts";

const options = (rest: Partial<SolveOptions> = {}): SolveOptions => ({
  seed: 1,
  deadlineMs: 60_000,
  startedAtMs: Date.now(),
  weight: defaultWeight,
  budget: null,
  workers: 1,
  progress: () => {},
  ...rest,
});

function assignmentOf(problem: Problem, nodeOf: NodeOf): Record<string, string> {
  const names = problem.services.flatMap(({ replicas }) => replicas);
  return Object.fromEntries(names.map((name, at) => [name, problem.nodes[nodeOf[at]!]!.name]));
}

/** MITSU_TEST_ALL=1: more of what is generated. */
const all = process.env.MITSU_TEST_ALL === "1";
const problems = all ? 2000 : 400;
const tinyOnes = all ? 25 : 7;

const judge = { maxUtilisation: 1, reserve: "requests", budget: null } as const;

test(`search() breaks no capacity and no must on ${problems} random problems`, (t) => {
  for (let seed = 1; seed <= problems; seed++) {
    const problem = small({ seed, rules: seed % 2 === 0 });
    const { nodeOf } = search(compile(problem), {
      start: null,
      weight: defaultWeight,
      budget: null,
      price: { kind: "tiny" },
      seed,
      steps: 1000,
      hot: 0.03,
      cold: 1e-6,
      untilMs: Date.now() + 60_000,
    });
    if (nodeOf === null) {
      t.fail(`seed ${seed}: nothing found`);
      continue;
    }
    const checks = checkPlan(problem, assignmentOf(problem, nodeOf), judge);
    t.true(keepsRules(checks), `seed ${seed}: ${checks.flatMap(({ broken }) => broken).join("; ")}`);
  }
});

test("mitsu, traffic and balance find what trying every placement finds", async (t) => {
  for (let seed = 1; seed <= tinyOnes; seed++) {
    const instance = compile(tinyProblem(seed, ["affinity", "antiAffinity", "spread", "nodes", "pinned", "wishes"], 2.5));
    for (const [strategy, weight] of [
      [mitsu, defaultWeight],
      [traffic, 0],
      [balance, 1],
    ] as const) {
      const best = bruteForce(instance, weight);
      if (best === null) {
        await t.throwsAsync(strategy(instance, options()), { code: "ERR_PLACER_INFEASIBLE" });
        continue;
      }
      const { nodeOf } = await strategy(instance, options());
      const { objective } = evaluate(instance, nodeOf, weight);
      t.true(Math.abs(objective - best) < 1e-9, `seed ${seed}: ${objective}, not ${best}`);
    }
  }
});

test("mitsu under a budget finds what trying every placement within it finds", async (t) => {
  for (let seed = 1; seed <= tinyOnes; seed++) {
    const instance = compile(tinyProblem(seed, ["affinity", "antiAffinity", "wishes"], 2.5));
    for (const budget of [
      { moves: 2, bytes: Number.POSITIVE_INFINITY },
      { moves: Number.POSITIVE_INFINITY, bytes: 25 },
      { moves: 0, bytes: 0 },
    ]) {
      const given = { ...instance, moveBytes: instance.moveBytes.map((_, service) => 5 + 10 * (service % 2)) };
      const best = bruteForce(given, defaultWeight, budget);
      if (best === null) {
        const error = await t.throwsAsync(mitsu(given, options({ budget })));
        t.true(["ERR_PLACER_INFEASIBLE", "ERR_PLACER_BUDGET"].includes((error as { code?: string }).code ?? ""));
        continue;
      }
      const { nodeOf } = await mitsu(given, options({ budget }));
      const { objective } = evaluate(given, nodeOf, defaultWeight);
      t.true(Math.abs(objective - best) < 1e-9, `seed ${seed}: ${objective}, not ${best}`);
    }
  }
});

test("mitsu answers the same for the same seed, with threads and without", async (t) => {
  const instance = compile(industrial({ seed: 2, services: 60, replicas: 300, nodes: 12 }));
  const one = await mitsu(instance, options({ workers: 2 }));
  const other = await mitsu(instance, options({ workers: 2 }));
  t.deepEqual(one.nodeOf, other.nodeOf);
  t.false(one.cut);
  const elsewhere = await mitsu(instance, options({ workers: 2, seed: 9 }));
  t.notDeepEqual(elsewhere.nodeOf, one.nodeOf);
});

test("mitsu keeps to a budget of moves and of bytes, and gains with each part of it", async (t) => {
  const problem = industrial({ seed: 4, services: 60, replicas: 300, nodes: 12 });
  const instance = compile(problem);
  const moveBytes = instance.moveBytes.map(() => 10);
  const budgets = [
    { moves: 40, bytes: Number.POSITIVE_INFINITY },
    { moves: Number.POSITIVE_INFINITY, bytes: 250 },
  ];
  for (const budget of budgets) {
    const { nodeOf } = await mitsu({ ...instance, moveBytes }, options({ budget }));
    const moved = nodeOf.filter((node, replica) => node !== instance.present[replica]).length;
    t.true(moved > 10 && moved <= budget.moves && moved * 10 <= budget.bytes, `${moved} moves`);
    t.true(evaluate(instance, nodeOf, defaultWeight).objective < evaluate(instance, instance.present, defaultWeight).objective);
  }
  const whole = await mitsu(instance, options({ budget: budgets[0]! }));
  await using pool = new SearchPool(instance, 1);
  const given = { whole: whole.nodeOf, price: whole.price ?? null, share: 0.2, untilMs: Date.now() + 30_000 };
  const curve = await gainCurve(instance, pool, options({ budget: budgets[0]! }), given);
  t.true(curve.length >= 3);
  t.is(curve[0]!.moves, 0);
  t.deepEqual(curve.at(-1)!.nodeOf, whole.nodeOf);
  for (const [at, point] of curve.entries())
    if (at > 0) t.true(point.moves >= curve[at - 1]!.moves && worth(point.nodeOf) <= worth(curve[at - 1]!.nodeOf));
  function worth(nodeOf: NodeOf): number {
    return evaluate(instance, nodeOf, defaultWeight).objective;
  }
});

test("giveBack() takes back what costs least until the moves are within the budget, and breaks nothing", (t) => {
  const instance = compile(industrial({ seed: 6, services: 60, replicas: 300, nodes: 12 }));
  const job = {
    start: null,
    weight: defaultWeight,
    budget: null,
    price: { kind: "tiny" } as const,
    seed: 1,
    steps: 100_000,
    hot: 0.03,
    cold: 1e-6,
  };
  const state = new PlacementState(instance, search(instance, { ...job, untilMs: Date.now() + 60_000 }).nodeOf!.slice(), defaultWeight);
  const { moved, cost } = state;
  const budget = { moves: Math.round(moved * 0.9), bytes: Number.POSITIVE_INFINITY };
  giveBack(state, budget);
  t.true(state.moved < moved, `${moved} moves, ${state.moved} after`);
  t.true(state.moved <= budget.moves);
  t.true(state.cost < cost + 0.2);
  t.is(state.violation(), 0);
  t.true(Math.abs(state.cost - evaluate(instance, state.nodeOf, defaultWeight).objective) < 1e-9);
});

test("mitsu says so when keeping the rules takes more than the budget: of a small problem how much, of others that it found nothing", async (t) => {
  const crowded = (nodes: number, services: number): Problem =>
    buildProblem({
      nodes: Array.from({ length: nodes }, (_, at) => ({ name: `n${at}`, capacity: { cpu: 4 } })),
      services: Array.from({ length: services }, (_, at) => ({ name: `s${at}`, replicas: 6, requests: { cpu: 1 } })),
      assignment: Object.fromEntries(
        Array.from({ length: services }, (_, at) => Array.from({ length: 6 }, (_, k) => [`s${at}-${k}`, "n0"])).flat(),
      ),
    });
  const budget = { moves: 1, bytes: Number.POSITIVE_INFINITY };
  const known = await t.throwsAsync(mitsu(compile(crowded(2, 1)), options({ budget })), { code: "ERR_PLACER_INFEASIBLE" });
  t.regex(known.message, /at least 2 moves/);
  await t.throwsAsync(mitsu(compile(crowded(101, 4)), options({ budget })), { code: "ERR_PLACER_BUDGET" });
});

test("mitsu names what clashes when nothing can be placed", async (t) => {
  const problem = buildProblem({
    nodes: [{ name: "n1", capacity: { cpu: 1 } }],
    services: [{ name: "web", replicas: 2, requests: { cpu: 0.7 } }],
  });
  const error = await t.throwsAsync(mitsu(compile(problem), options()), { code: "ERR_PLACER_INFEASIBLE" });
  t.regex(error.message, /web/);
});

test("sweep() gives a front: no point is beaten in both, from traffic to balance", async (t) => {
  const instance = compile(small({ seed: 11 }));
  await using pool = new SearchPool(instance, 1);
  const front = await sweep(instance, pool, options());
  t.true(front.length >= 2);
  for (const [at, { onNode, imbalance, weight }] of front.entries()) {
    if (at === 0) continue;
    const before = front[at - 1]!;
    t.true(weight > before.weight && onNode <= before.onNode && imbalance <= before.imbalance);
  }
});

test("search() that runs out of time hurries to an end and says that it was cut", (t) => {
  const instance = compile(industrial({ seed: 5 }));
  const beganMs = Date.now();
  const job = {
    start: null,
    weight: defaultWeight,
    budget: null,
    price: { kind: "tiny" } as const,
    seed: 1,
    steps: 1e9,
    hot: 0.03,
    cold: 1e-6,
    untilMs: beganMs + 1500,
  };
  const { nodeOf, cut } = search(instance, job);
  t.true(cut);
  t.true(Date.now() - beganMs < 6000);
  t.true(evaluate(instance, nodeOf!, defaultWeight).onNode > 0.5, "cooled down before the end");
});
