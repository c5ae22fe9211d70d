/** `plan`: where every replica should run. @module */
import { availableParallelism } from "node:os";
import { type Context, painter, progress } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { drawCurve } from "../draw/curve-svg.ts";
import { drawFront } from "../draw/front-svg.ts";
import { checkOutput, writeOutput } from "../files/output-file.ts";
import { keepsRules } from "../plan/check-plan.ts";
import { formatPlan } from "../plan/format-plan.ts";
import type { FrontPoint, GainPoint, Plan } from "../plan/plan.ts";
import { planReport } from "../plan/plan-report.ts";
import type { Reserve } from "../plan/reserved.ts";
import type { Problem } from "../problem/problem.ts";
import { readProblem } from "../problem/read-problem.ts";
import { compile } from "../solve/compile.ts";
import type { Instance, NodeOf } from "../solve/instance.ts";
import { defaultWeight, evaluate } from "../solve/objective.ts";
import { parseBudget } from "../solve/parse-budget.ts";
import { strategies } from "../solve/strategies.ts";
import type { Budget, Solution, SolveOptions, StrategyName } from "../solve/strategy.ts";

/** What is given on the command line. */
export interface PlanArgs {
  readonly problem: string;
  readonly strategy: StrategyName;
  readonly maxUtilisation: number;
  readonly reserve: Reserve;
  readonly weight: number | undefined;
  /** Seconds. */
  readonly deadline: number;
  readonly seed: number;
  readonly workers: number | undefined;
  readonly budget: string | undefined;
  readonly sweep: boolean;
  readonly draw: string | undefined;
  readonly balancedAllocation: "1.35" | "1.36";
  readonly output: string | undefined;
}

/** Strategies that search, and so know a gain curve and a front. */
const searching: readonly StrategyName[] = ["mitsu", "traffic", "balance"];
/** Of the deadline, the part that the gain curve takes. */
const curveTime = 0.2;
/** Left of the deadline for what comes after the search: the report, the file. */
const writingTime = 0.1;

/** `placer plan`. Exit status 1 when the plan breaks a rule, as baselines may. */
export async function run(args: PlanArgs, context: Context): Promise<number> {
  const { env } = context;
  const limits = checkArgs(args);
  for (const path of [args.output, args.draw]) await checkOutput(path, env);
  const startedAtMs = env.now();
  const { problem, file, sha256 } = await readProblem(args.problem, context);
  const instance = compile(problem, { maxUtilisation: args.maxUtilisation, reserve: args.reserve });
  const line = progress(env);
  const options: SolveOptions = {
    seed: args.seed,
    deadlineMs: args.deadline * 1000 * (1 - writingTime),
    startedAtMs,
    weight: weightOf(args),
    budget: limits,
    workers: args.workers ?? availableParallelism(),
    progress: line.update,
  };
  const solved = await solve(instance, args, options).finally(line.done);
  const plan = planOf(instance, solved, options, args, { file, sha256, seconds: (env.now() - startedAtMs) / 1000 });
  await tell(plan, problem, args, context);
  return keepsRules(plan.report.checks) ? exitStatus.ok : exitStatus.failure;
}

/** What no file is needed for; gives the budget. @throws {MitsuError} `ERR_USAGE`. */
function checkArgs({ strategy, maxUtilisation, weight, deadline, workers, budget, sweep, draw }: PlanArgs): Budget | null {
  const faults = [
    [maxUtilisation > 0 && maxUtilisation <= 1, `--max-utilisation ${maxUtilisation}: above 0, at most 1`],
    [weight === undefined || (weight >= 0 && weight <= 1), `--weight ${weight}: 0 to 1`],
    [weight === undefined || strategy === "mitsu" || strategy === "exact", `--weight: ${strategy} has none; mitsu and exact have`],
    [deadline > 0 && deadline <= 86_400, `--deadline ${deadline}: above 0 s, at most a day`],
    [workers === undefined || (Number.isInteger(workers) && workers >= 1 && workers <= 256), `--workers ${workers}: 1 to 256`],
    [
      budget === undefined || searching.includes(strategy) || strategy === "exact",
      `--budget: ${strategy} knows none; mitsu, traffic, balance and exact do`,
    ],
    [!sweep || strategy === "mitsu", `--sweep: only mitsu has a front, not ${strategy}`],
    [!(sweep && budget !== undefined), "--sweep and --budget: one at a time"],
    [
      draw === undefined || sweep || budget !== undefined,
      "--draw: draws what --sweep or --budget finds; see placer draw for the plan itself",
    ],
    [draw === undefined || draw.endsWith(".svg"), `--draw ${draw}: a name that ends in .svg`],
  ] as const;
  for (const [right, message] of faults)
    if (!right) throw new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint: "see placer plan --help" });
  return parseBudget(budget);
}

function weightOf({ strategy, weight }: PlanArgs): number {
  if (strategy === "traffic") return 0;
  return strategy === "balance" ? 1 : (weight ?? defaultWeight);
}

/** A solution, and what else a search can tell. */
interface Solved extends Solution {
  readonly curve?: readonly { readonly moves: number; readonly bytes: number; readonly nodeOf: NodeOf }[];
  readonly front?: readonly { readonly weight: number; readonly nodeOf: NodeOf; readonly onNode: number; readonly imbalance: number }[];
}

async function solve(instance: Instance, args: PlanArgs, options: SolveOptions): Promise<Solved> {
  if (args.strategy === "kubernetes") {
    const { kubernetesWith } = await import("../solve/kubernetes/kubernetes.ts");
    return kubernetesWith(args.balancedAllocation)(instance, options);
  }
  const strategy = await strategies[args.strategy]();
  if (!searching.includes(args.strategy) || (options.budget === null && !args.sweep)) return strategy(instance, options);
  const { isSmall } = await import("../solve/search/search.ts");
  const { SearchPool } = await import("../solve/search/search-pool.ts");
  await using pool = new SearchPool(instance, isSmall(instance) ? 1 : options.workers);
  if (args.sweep) {
    const { sweep } = await import("../solve/search/sweep.ts");
    const front = await sweep(instance, pool, { ...options, deadlineMs: options.deadlineMs * (1 - curveTime) });
    const solution = await strategy(instance, { ...options, deadlineMs: options.deadlineMs });
    return { ...solution, front };
  }
  const solution = await strategy(instance, { ...options, deadlineMs: options.deadlineMs * (1 - curveTime) });
  const { gainCurve } = await import("../solve/search/gain-curve.ts");
  const untilMs = options.startedAtMs + options.deadlineMs;
  return {
    ...solution,
    curve: await gainCurve(instance, pool, options, { whole: solution.nodeOf, price: solution.price ?? null, share: curveTime, untilMs }),
  };
}

/** The plan file's content, but for the time that writing it takes. */
function planOf(
  instance: Instance,
  { nodeOf, proof, cut, notes, curve, front }: Solved,
  options: SolveOptions,
  args: PlanArgs,
  read: { readonly file: string; readonly sha256: string; readonly seconds: number },
): Plan {
  const { problem } = instance;
  const { weight, seed, workers, budget } = options;
  const { maxUtilisation, reserve } = args;
  const assignment = assignmentOf(problem, nodeOf);
  const limits = budget && {
    moves: Number.isFinite(budget.moves) ? budget.moves : null,
    bytes: Number.isFinite(budget.bytes) ? budget.bytes : null,
  };
  return {
    version: 1,
    assignment,
    problem: { name: problem.name, file: read.file, sha256: read.sha256 },
    strategy: args.strategy,
    options: { seed, weight, maxUtilisation, reserve, workers, budget: limits },
    cut,
    seconds: read.seconds,
    notes: cut ? [...notes, "the deadline cut the search short: another run may answer otherwise"] : notes,
    report: planReport(problem, assignment, { weight, maxUtilisation, reserve, budget: limits, proof }),
    ...(curve && {
      curve: curve.map((one): GainPoint => ({ moves: one.moves, bytes: one.bytes, ...worth(instance, one.nodeOf, weight) })),
    }),
    ...(front && {
      front: front.map(
        (one): FrontPoint => ({
          weight: one.weight,
          onNode: one.onNode,
          imbalance: one.imbalance,
          objective: evaluate(instance, one.nodeOf, one.weight).objective,
          assignment: assignmentOf(problem, one.nodeOf),
        }),
      ),
    }),
  };
}

function worth(instance: Instance, nodeOf: NodeOf, weight: number): { readonly onNode: number; readonly objective: number } {
  const { onNode, objective } = evaluate(instance, nodeOf, weight);
  return { onNode, objective };
}

/** Names for numbers; a replica that could not be placed is left out. */
function assignmentOf(problem: Problem, nodeOf: NodeOf): Readonly<Record<string, string>> {
  const names = problem.services.flatMap(({ replicas }) => replicas);
  return Object.fromEntries(names.flatMap((name, at) => (nodeOf[at]! < 0 ? [] : [[name, problem.nodes[nodeOf[at]!]!.name]])));
}

async function tell(plan: Plan, problem: Problem, { output, draw }: PlanArgs, { env, json: asJson, log }: Context): Promise<void> {
  const text = `${JSON.stringify(plan, null, 1)}\n`;
  if (draw !== undefined) {
    const picture = plan.front
      ? drawFront(plan.front, plan.options.weight, plan.problem.name)
      : drawCurve(plan.curve ?? [], { name: plan.problem.name, chosenMoves: plan.report.moves });
    await writeOutput(draw, picture, env);
    log.info("drawn", { file: draw });
  }
  if (output !== undefined) await writeOutput(output, text, env);
  if (output === "-") return;
  env.stdout.write(asJson ? text : formatPlan(plan, problem, env.stdout, painter(env.stdout, env.vars)));
  if (output === undefined && !asJson) log.info("the plan was not kept: -o plan.json writes it to a file");
}
