/** What issue 6 wants of placements, judged. @module */
import type { Planned } from "../lib/placement-bench.ts";
import { judge, noData, type Target } from "./judge.ts";
import { byProblem, type Failed, type PlacementRun } from "./placement-samples.ts";
import { type Spread, spread } from "./points.ts";

/** Objectives nearer than this are the same. */
const same = 1e-6;
/** The rate of phase social that is judged. */
const judgedRate = "500/s,";

const isOurs = ({ strategy }: { readonly strategy: string }): boolean => strategy.startsWith("mitsu");
const spreadOf = (values: readonly number[]): Spread | undefined => (values.length === 0 ? undefined : spread(values));
/** As a spread whose middle is the worst, for what every single run must keep. */
const worst = (values: readonly number[]): Spread | undefined =>
  values.length === 0 ? undefined : { median: Math.max(...values), min: Math.max(...values), max: Math.max(...values) };
const failure = (failed: readonly Failed[], phase: string, wanted = isOurs): string | undefined =>
  failed.find((one) => (one.phase === phase && wanted(one)) || (one.phase === phase && one.strategy === ""))?.why;

/** How many problems our plan is as good for as the optimum that `exact` proved. */
function judgeOptimum({ plans, failed }: PlacementRun, phase: string, name: string, least: number): Target {
  const want = `all of ≥ ${least}`;
  const ours = failure(failed, phase);
  if (ours) return { name, want, measured: ours, state: "missed" };
  let proven = 0;
  const worse: string[] = [];
  for (const [problem, { mitsu, exact }] of byProblem(plans, phase)) {
    if (!mitsu || exact?.proof !== "optimal") continue;
    proven++;
    const gap = mitsu.objective - exact.objective;
    if (gap > same) worse.push(`${problem} by ${gap.toExponential(1)}`);
  }
  const measured = `${proven - worse.length} of ${proven} proven${worse.length > 0 ? `; worse: ${worse.slice(0, 3).join(", ")}` : ""}`;
  if (worse.length > 0) return { name, want, measured, state: "missed" };
  return { name, want, measured: proven === 0 ? "" : measured, state: proven >= least ? "met" : "no data" };
}

function judgeBroken({ plans, fuzz, failed }: PlacementRun): Target[] {
  const ours = plans.filter(isOurs);
  const bad = ours.filter(({ broken, unplaced }) => broken.length > 0 || unplaced > 0);
  const name = "every plan above is within capacities and allowed nodes";
  const first = bad[0];
  const why = first && `${first.problem}: ${first.broken[0] ?? `${first.unplaced} replicas on no node`}`;
  const whole: Target =
    ours.length === 0
      ? noData(name, "0 broken")
      : { name, want: "0 broken", measured: why ?? `0 of ${ours.length}`, state: bad.length === 0 ? "met" : "missed" };
  const title = "nothing broken in ≥ 2000 random problems with rules";
  const [run] = fuzz;
  const fuzzed = failure(failed, "fuzz");
  if (fuzzed) return [whole, { name: title, want: "0 broken", measured: fuzzed, state: "missed" }];
  if (!run) return [whole, noData(title, "0 broken")];
  const measured = `${run.broken.length}${run.broken.length >= 20 ? " or more" : ""} of ${run.problems}${run.broken[0] ? `; ${run.broken[0]}` : ""}`;
  const state = run.broken.length > 0 ? "missed" : run.problems >= 2000 ? "met" : "no data";
  return [whole, { name: title, want: "0 broken", measured, state }];
}

/** Ours over the best of the others that placed everything, within each problem; above 1 is better. */
function overBest(plans: readonly Planned[], phase: string, strategy: string): number[] {
  return [...byProblem(plans, phase).values()].flatMap((all) => {
    const others = Object.values(all).filter((one) => !isOurs(one) && one.unplaced === 0);
    const own = all[strategy];
    return own && others.length > 0 ? [own.onNode / Math.max(...others.map(({ onNode }) => onNode))] : [];
  });
}

function judgeLarge(run: PlacementRun): Target[] {
  const { plans, failed } = run;
  const of = (phase: string, strategy: string, value: (plan: Planned) => number): number[] =>
    plans.filter((plan) => plan.phase === phase && plan.strategy === strategy).map(value);
  const ours = plans.filter((plan) => plan.phase === "industrial" && isOurs(plan));
  const failedIndustrial = failure(failed, "industrial");
  const budget = "mitsu, budget";
  return [
    judge("industrial: seconds of the slowest plan", ["≤", 15], worst(ours.map(({ seconds }) => seconds)), " s", failedIndustrial),
    judge("industrial: memory of the largest", ["≤", 500, 0], worst(ours.map(({ peakMb }) => peakMb)), " MB", failedIndustrial),
    judge(
      "industrial: moves with a budget, of all replicas",
      ["≤", 0.4],
      worst(of("industrial", budget, (one) => one.moves / one.replicas)),
      "",
    ),
    judge("industrial: on-node share over the best baseline's", ["≥", 1.01], spreadOf(overBest(plans, "industrial", "mitsu")), " ×"),
    judge("industrial: the same with a budget", ["≥", 1.01], spreadOf(overBest(plans, "industrial", budget)), " ×"),
    judge(
      "published instance: on-node share",
      ["≥", 0.86, 3],
      spreadOf(of("instance", "mitsu", ({ onNode }) => onNode)),
      "",
      failure(failed, "instance"),
    ),
    judge("published instance: the same with 1500 moves", ["≥", 0.8, 3], spreadOf(of("instance", budget, ({ onNode }) => onNode)), ""),
  ];
}

function judgeSocial({ plans, failed }: PlacementRun): Target {
  const ratios = [...byProblem(plans, "social")].flatMap(([problem, { mitsu, kubernetes }]) =>
    problem.startsWith(judgedRate) && mitsu && kubernetes ? [(1 - mitsu.onNode) / (1 - kubernetes.onNode)] : [],
  );
  return judge("social network: traffic between nodes over Kubernetes'", ["≤", 0.15, 3], spreadOf(ratios), " ×", failure(failed, "social"));
}

function judgeHuge({ plans, failed }: PlacementRun): Target[] {
  const ours = plans.filter((plan) => plan.phase === "huge" && plan.strategy === "mitsu");
  const small = ours.length > 0 && ours.every(({ replicas }) => replicas < 99_000);
  const targets = [
    judge("huge: seconds", ["≤", 300, 0], worst(ours.map(({ seconds }) => seconds)), " s", failure(failed, "huge")),
    judge("huge: memory", ["≤", 4000, 0], worst(ours.map(({ peakMb }) => peakMb)), " MB", failure(failed, "huge")),
    judge(
      "huge: on-node share over the best baseline's",
      ["≥", 1.01],
      spreadOf(overBest(plans, "huge", "mitsu")),
      " ×",
      failure(failed, "huge"),
    ),
  ];
  // Fewer replicas than the target's can miss it, not meet it.
  return small ? targets.map((target) => (target.state === "met" ? { ...target, state: "no data" as const } : target)) : targets;
}

/** Judges a run; what it left out has no data. */
export function judgePlacementRun(run: PlacementRun): readonly Target[] {
  const small = run.plans.filter(({ phase, strategy }) => (phase === "small" || phase === "real") && strategy === "mitsu");
  return [
    judgeOptimum(run, "small", "small: the optimum that exact proves", 20),
    judgeOptimum(run, "real", "real graphs: the optimum that exact proves", 3),
    judge(
      "small and real: seconds of the slowest plan",
      ["≤", 0.5],
      worst(small.map(({ seconds }) => seconds)),
      " s",
      failure(run.failed, "small"),
    ),
    ...judgeBroken(run),
    ...judgeLarge(run),
    judgeSocial(run),
    ...judgeHuge(run),
  ];
}
