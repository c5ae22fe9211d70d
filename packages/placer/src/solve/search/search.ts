/** The search behind `mitsu`, `traffic` and `balance`: a full annealing on each thread, then reheats of the best. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { lowerBound } from "../../exact/bound.ts";
import { infeasibility, infeasibleError } from "../../exact/infeasible.ts";
import type { Instance, NodeOf } from "../instance.ts";
import { countsOf } from "../objective.ts";
import { replicasOfCounts } from "../replicas-of-counts.ts";
import type { Proof, Solution, SolveOptions, Strategy } from "../strategy.ts";
import type { SearchAnswer, SearchJob } from "./search-job.ts";
import { SearchPool } from "./search-pool.ts";

/** Somewhat fewer steps than a thread of a common machine makes in a second, so that what is planned by steps is done in time nearly everywhere. */
const stepsPerSecond = 1_500_000;
/** More steps than this for each replica gain nothing that is worth the wait. */
const stepsOfReplica = 5_000;
/** Of a problem so small (services × nodes), many short runs from the beginning find more than few long ones; threads would only take time to start. */
const small = 400;
const runsOfSmall = 10;
const stepsOfSmall = 24_000;
/** Shares of the steps: one full annealing, then reheats of the best so far. */
const rounds = [0.4, 0.2, 0.2, 0.2] as const;
const reheat = 1 / 30;
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

/** A placement in which as many replicas as can stay where they are; alike ones change names for it. */
export function inPlace(instance: Instance, nodeOf: NodeOf): NodeOf {
  return replicasOfCounts(instance, countsOf(instance, nodeOf));
}

/** How hot a search begins, and how cold it ends: by the largest and the smallest differences that a move makes. */
function temperatures(instance: Instance, weight: number): { readonly hot: number; readonly cold: number } {
  const { saving } = instance.edges;
  const largest =
    saving.reduce((most, one) => Math.max(most, one), 0) /
    Math.max(
      Number.MIN_VALUE,
      saving.reduce((sum, one) => sum + one, 0),
    );
  const hot = Math.max(1e-4, 0.3 * largest * (1 - weight), (0.3 * weight) / instance.nodes);
  return { hot, cold: Math.min(1e-6, 3.5e-3 / instance.replicas) };
}

/** How `bestPlacement` is limited besides the options: a share of the steps and of the time that a whole search has. */
export interface Share {
  readonly share?: number;
  readonly start?: NodeOf | null;
  readonly untilMs?: number;
}

/**
 * The best placement that a search finds. `steps` are those of all threads.
 *
 * @throws {MitsuError} `ERR_PLACER_INFEASIBLE`, `ERR_PLACER_NOT_FOUND`.
 */
export async function bestPlacement(
  instance: Instance,
  pool: SearchPool,
  options: SolveOptions,
  { share = 1, start = null, untilMs = options.startedAtMs + options.deadlineMs }: Share = {},
): Promise<Omit<Solution, "proof">> {
  const { weight, budget, seed, deadlineMs, progress } = options;
  const { hot, cold } = temperatures(instance, weight);
  const nowMs = Date.now();
  const endMs = nowMs + Math.max(0, untilMs - nowMs) * timeForSearch;
  const runs = isSmall(instance) ? Array.from({ length: runsOfSmall }, () => 1) : rounds;
  const wanted = Math.min((deadlineMs / 1000) * stepsPerSecond * timeForSearch, stepsOfReplica * instance.replicas) * share;
  let best: SearchAnswer | null = start && { nodeOf: start, cost: Number.POSITIVE_INFINITY, steps: 0, cut: false };
  let cut = false;
  let steps = 0;
  let timeLeft = runs.reduce((sum, one) => sum + one, 0);
  for (const [round, part] of runs.entries()) {
    const left = endMs - Date.now();
    if (round > 0 && (left <= 0 || best!.cost < 1e-12)) {
      cut ||= left <= 0;
      break;
    }
    const job: Omit<SearchJob, "seed"> = {
      start: best?.nodeOf ?? null,
      weight,
      budget,
      steps: isSmall(instance) ? stepsOfSmall : Math.ceil(wanted * part),
      hot: round === 0 || isSmall(instance) ? hot : hot * reheat,
      cold,
      untilMs: Date.now() + (Math.max(left, 0) * part) / timeLeft,
    };
    timeLeft -= part;
    const jobs = Array.from({ length: pool.threads }, (_, thread) => ({ ...job, seed: seed + 1000 * round + thread }));
    const answers = await pool.run(jobs);
    for (const answer of answers) {
      steps += answer.steps;
      cut ||= answer.cut;
      if (answer.nodeOf !== null && (best === null || answer.cost < best.cost - 1e-12)) best = answer;
    }
    if (best === null) throw await nothingFound(instance, options);
    progress(`search: round ${round + 1} of ${runs.length}, objective ${best.cost.toFixed(4)}`);
  }
  checkBudget(instance, best!.nodeOf!, options);
  return { nodeOf: best!.nodeOf!, cut, steps, notes: [] };
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

/** Where replicas run now may break rules; keeping them may take more moves than the budget has. */
function checkBudget(instance: Instance, nodeOf: NodeOf, { budget }: SolveOptions): void {
  if (budget === null) return;
  let moves = 0;
  let bytes = 0;
  const placed = inPlace(instance, nodeOf);
  for (let replica = 0; replica < instance.replicas; replica++) {
    if (instance.present[replica]! < 0 || instance.present[replica] === placed[replica]) continue;
    moves++;
    bytes += instance.moveBytes[instance.serviceOf[replica]!]!;
  }
  if (moves <= budget.moves && bytes <= budget.bytes) return;
  throw new MitsuError(`keeping all rules takes more than the budget: ${moves} moves were needed, with ${bytes} bytes`, {
    code: "ERR_PLACER_BUDGET",
    exit: exitStatus.failure,
    hint: "where replicas run now breaks rules; raise --budget, or relax what placer check names",
  });
}
