/** The strategy `exact`: the best placement there is, with its proof, by HiGHS. @module */
import { MitsuError } from "@mitsu/cli/error";
import { inOrder, inPlace } from "../solve/alike-nodes.ts";
import type { Instance, NodeOf } from "../solve/instance.ts";
import { countsOf, evaluate } from "../solve/objective.ts";
import { replicasOfCounts } from "../solve/replicas-of-counts.ts";
import type { Budget, Solution, SolveOptions, Strategy } from "../solve/strategy.ts";
import { countModel } from "./count-model.ts";
import { Highs, type MipAnswer } from "./highs.ts";
import { infeasibility, infeasibleError } from "./infeasible.ts";

/** Models with more columns than this take HiGHS minutes to look at and gigabytes to hold. */
const mostColumns = 200_000;
/** What a solution may lack of its bound and still be the optimum. */
const tolerance = 1e-6;
/** Left of the deadline for what comes after. */
const reserveMs = 250;

/** What of the options counts here. */
export type ExactOptions = Pick<SolveOptions, "weight" | "budget" | "deadlineMs" | "startedAtMs" | "seed" | "progress">;

/**
 * Solves with HiGHS: without a deadline that cuts it short, what it answers is optimal.
 *
 * @throws {MitsuError} `ERR_PLACER_INFEASIBLE` with the constraints that clash, `ERR_PLACER_TOO_LARGE`, `ERR_PLACER_DEADLINE` when no placement was found in time.
 */
export const exact: Strategy = (instance, options) => solveExactly(instance, options, null);

/**
 * The same, from a placement that is known: it is answered when nothing better is found in time. It should keep every rule.
 *
 * @throws {MitsuError} as {@link exact}.
 */
export async function solveExactly(instance: Instance, options: ExactOptions, start: NodeOf | null): Promise<Solution> {
  await using highs = new Highs();
  return await solveWith(highs, instance, options, start);
}

/** The same with a solver that is there already; for many small instances in a row, as starting one takes a tenth of a second. @throws {MitsuError} as {@link exact}. */
export async function solveWith(highs: Highs, instance: Instance, options: ExactOptions, start: NodeOf | null): Promise<Solution> {
  const { weight, budget, seed, progress } = options;
  const size = instance.nodes * (instance.services + instance.edges.saving.length);
  if (size > mostColumns) {
    throw new MitsuError(
      `the strategy exact cannot hold ${instance.services} services and ${instance.edges.saving.length} pairs on ${instance.nodes} nodes`,
      {
        code: "ERR_PLACER_TOO_LARGE",
        hint: "use --strategy mitsu, which gives a bound besides",
      },
    );
  }
  // Without a budget, nodes that are alike have no names until the end.
  const startCounts =
    start && (budget ? Int32Array.from(countsOf(instance, start)) : inOrder(instance, Int32Array.from(countsOf(instance, start))));
  const leftMs = (): number => Math.max(1, options.startedAtMs + options.deadlineMs - Date.now() - reserveMs);
  let bound = 0; // no objective is less
  let answer: MipAnswer;
  let nodeOf: NodeOf | null = null;
  let steps = 0;
  for (let margin = 0; ; margin = 1e-7) {
    const { mip, columns } = countModel(instance, { weight, budget, margin, ordered: budget === null });
    answer = await highs.solve(mip.arrays(), {
      timeLimitMs: leftMs(),
      seed,
      ...(startCounts ? { start: startValues(startCounts, columns, mip.columns) } : {}),
      onProgress: (best, lower) => progress(`exact: ${best === null ? "" : `found ${best.toFixed(4)}, `}none is below ${lower.toFixed(4)}`),
    });
    steps += answer.steps;
    // The bound of the model without a margin is the one that is true.
    if (margin === 0) bound = Math.max(0, answer.bound);
    const counts = answer.values && countsFrom(columns, answer.values);
    nodeOf = counts && replicasOfCounts(instance, budget ? counts : inPlace(instance, counts));
    if (nodeOf === null || !isOverCapacity(instance, nodeOf)) break;
    nodeOf = null;
    if (margin > 0) break;
  }
  if (answer.status === "infeasible") {
    const { status, clash } = await infeasibility(instance, { deadlineMs: leftMs(), highs });
    if (status === "infeasible" || budget === null) throw infeasibleError(clash);
    throw await budgetError(highs, instance, budget, leftMs());
  }
  const value = (one: NodeOf): number => evaluate(instance, one, weight).objective;
  if (start && (nodeOf === null || value(start) <= value(nodeOf))) nodeOf = start;
  if (nodeOf === null) {
    throw new MitsuError("HiGHS found no placement before the deadline", {
      code: "ERR_PLACER_DEADLINE",
      hint: "give it more with --deadline, or use --strategy mitsu",
    });
  }
  const optimal = value(nodeOf) - bound <= tolerance;
  return {
    nodeOf,
    proof: { bound: optimal ? Math.min(bound, value(nodeOf)) : bound, status: optimal ? "optimal" : "bound", by: "highs" },
    cut: answer.status === "cut",
    steps,
    notes: [],
  };
}

/** The rules can be kept, but not within the budget; says how much they take, when that is known in time. */
async function budgetError(highs: Highs, instance: Instance, budget: Budget, timeLimitMs: number): Promise<MitsuError> {
  const unit = Number.isFinite(budget.moves) ? "moves" : "bytes";
  const say = (amount: number): string => (unit === "moves" ? `${amount} moves` : `${amount} bytes moved`);
  const { mip } = countModel(instance, { weight: null, least: unit });
  const { status, bound } = await highs.solve(mip.arrays(), { timeLimitMs, gap: 0.5 });
  const takes = status === "optimal" ? `, which take at least ${say(Math.ceil(bound - 1e-6))}` : "";
  return infeasibleError([`at most ${say(budget[unit])}`, `all other constraints${takes}`]);
}

/** Whole counts from the values of a solution: `Int32Array[services × nodes]`. */
export function countsFrom(columns: Int32Array, values: Float64Array): Int32Array {
  return columns.map((column) => (column < 0 ? 0 : Math.round(values[column]!)));
}

/** Whether a placement reserves more of any node than it has; what HiGHS' tolerance may let through. */
export function isOverCapacity({ nodes, resources, capacity, demand, serviceOf }: Instance, nodeOf: NodeOf): boolean {
  const load = new Float64Array(nodes * resources);
  for (const [replica, m] of nodeOf.entries())
    for (let r = 0; m >= 0 && r < resources; r++) load[m * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
  // Sums in another order differ in their last digits.
  return load.some((used, at) => used > capacity[at]! * (1 + 1e-12));
}

function startValues(counts: Int32Array, columns: Int32Array, length: number): Float64Array {
  const values = new Float64Array(length).fill(Number.NaN);
  for (const [at, column] of columns.entries()) if (column >= 0) values[column] = counts[at]!;
  return values;
}
