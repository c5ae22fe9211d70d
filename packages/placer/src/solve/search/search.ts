/** The search behind `mitsu`, `traffic` and `balance`: a full annealing on each thread, then reheats of the best. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { lowerBound } from "../../exact/bound.ts";
import { infeasibility, infeasibleError } from "../../exact/infeasible.ts";
import { inPlace as alikeInPlace } from "../alike-nodes.ts";
import type { Instance, NodeOf } from "../instance.ts";
import { countsOf } from "../objective.ts";
import { replicasOfCounts } from "../replicas-of-counts.ts";
import type { Budget, Proof, Solution, SolveOptions, Strategy } from "../strategy.ts";
import { Rounds } from "./rounds.ts";
import type { SearchAnswer } from "./search-job.ts";
import { SearchPool } from "./search-pool.ts";

/** Of a problem so small (services × nodes), threads would only take time to start. */
const small = 400;
/** Comparing every node with every other one would take too long above this (nodes² × services). */
const mostAlike = 2e8;
/** Of the time, so much is left for all that is not the search. */
const timeForSearch = 0.9;

/** Balance against traffic by the weight; 0 is `traffic`, 1 is `balance`. */
export const mitsu: Strategy = (instance, options) => solve(instance, options);
/** As much traffic on its nodes as can be. */
export const traffic: Strategy = (instance, options) => solve(instance, { ...options, weight: 0 });
/** Nodes as equally full as can be. */
export const balance: Strategy = (instance, options) => solve(instance, { ...options, weight: 1 });

async function solve(instance: Instance, options: SolveOptions): Promise<Solution> {
  await using pool = new SearchPool(instance, isSmall(instance) ? 1 : options.workers);
  const answer = await bestPlacement(instance, pool, options);
  return { ...answer, nodeOf: inPlace(instance, answer.nodeOf), proof: proofOf(instance, options) };
}

/** Whether an instance takes moments. */
export function isSmall({ services, nodes }: Instance): boolean {
  return services * nodes <= small;
}

/** What is known of the best there could be: nothing when there is no time. */
function proofOf(instance: Instance, { weight, startedAtMs, deadlineMs }: SolveOptions): Proof | null {
  const leftMs = startedAtMs + deadlineMs - Date.now();
  return leftMs < 50 ? null : lowerBound(instance, weight, { deadlineMs: Math.min(1000, leftMs * 0.7) });
}

/** A placement in which as many replicas as can stay where they are: replicas of a service, and nodes that are alike, change names for it. */
export function inPlace(instance: Instance, nodeOf: NodeOf): NodeOf {
  const { nodes, services, present } = instance;
  const counts = countsOf(instance, nodeOf);
  const plain = replicasOfCounts(instance, counts);
  if (nodes * nodes * services > mostAlike || present.every((node) => node < 0)) return plain;
  const renamed = replicasOfCounts(instance, alikeInPlace(instance, Int32Array.from(counts)));
  return movesOf(instance, renamed) < movesOf(instance, plain) ? renamed : plain;
}

function movesOf({ present }: Instance, nodeOf: NodeOf): number {
  return nodeOf.reduce((moves, node, replica) => moves + (present[replica]! >= 0 && present[replica] !== node ? 1 : 0), 0);
}

/** How `bestPlacement` is limited besides the options: a share of the steps that a whole search has, and the time. */
export interface Share {
  readonly share?: number;
  readonly untilMs?: number;
}

/**
 * The best placement that a search finds. `steps` are those of all threads.
 *
 * @throws {MitsuError} `ERR_PLACER_INFEASIBLE`, `ERR_PLACER_NOT_FOUND`, `ERR_PLACER_BUDGET`.
 */
export async function bestPlacement(
  instance: Instance,
  pool: SearchPool,
  options: SolveOptions,
  { share = 1, untilMs = options.startedAtMs + options.deadlineMs }: Share = {},
): Promise<Omit<Solution, "proof">> {
  const { budget } = options;
  const nowMs = Date.now();
  const run = new Rounds(instance, pool, options, share, nowMs + Math.max(0, untilMs - nowMs) * timeForSearch);
  let price: number | null = null;
  if (isSmall(instance)) await run.manySmall();
  else if (budget !== null && leavesChoice(instance, budget)) price = await run.byPrice(budget);
  else await run.annealAndReheat();
  if (run.best === null && run.found && isSmall(instance)) return exactly(instance, options);
  if (run.best === null) throw run.found ? overBudget(run.found) : await nothingFound(instance, options);
  return { nodeOf: run.best.nodeOf!, cut: run.cut, steps: run.steps, notes: [], price };
}

/** Where replicas run now breaks rules, and the search mended that with too many moves: HiGHS knows whether fewer will do. */
async function exactly(instance: Instance, options: SolveOptions): Promise<Omit<Solution, "proof">> {
  const { solveExactly } = await import("../../exact/exact.ts");
  return solveExactly(instance, options, null);
}

/** Whether a budget bears on anything: something runs, and more than nothing may move. */
function leavesChoice({ present }: Instance, { moves, bytes }: Budget): boolean {
  return moves > 0 && bytes > 0 && present.some((node) => node >= 0);
}

async function nothingFound(instance: Instance, { startedAtMs, deadlineMs }: SolveOptions): Promise<MitsuError> {
  const leftMs = Math.max(1000, startedAtMs + deadlineMs - Date.now());
  const { status, clash } = await infeasibility(instance, { deadlineMs: leftMs });
  if (status === "infeasible") return infeasibleError(clash);
  return new MitsuError(
    `no placement that keeps all rules was found in ${deadlineMs / 1000} s${clash.length > 0 ? `: ${clash.join("; ")}` : ""}`,
    {
      code: "ERR_PLACER_NOT_FOUND",
      exit: exitStatus.failure,
      hint:
        status === "feasible"
          ? "there is one: try --strategy exact, or a longer --deadline"
          : "give it more time with --deadline, or relax what is tight",
    },
  );
}

/** Where replicas run now breaks rules, and keeping them takes more moves than the budget has. */
function overBudget({ moves, bytes }: SearchAnswer): MitsuError {
  return new MitsuError(`keeping all rules took ${moves} moves of ${bytes} bytes, more than the budget; no placement within it was found`, {
    code: "ERR_PLACER_BUDGET",
    exit: exitStatus.failure,
    hint: "where replicas run now breaks rules: raise --budget, relax rules, or ask --strategy exact what it takes",
  });
}
