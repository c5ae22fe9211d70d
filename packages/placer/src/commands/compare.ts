/** `compare`: plans and the present placement beside each other. @module */
import { type Context, formatBytes, type OutputStream, print, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { keepsRules } from "../plan/check-plan.ts";
import type { Check, PlanReport } from "../plan/plan.ts";
import { planReport } from "../plan/plan-report.ts";
import { percent, significant } from "../plan/quantity.ts";
import { readPlan } from "../plan/read-plan.ts";
import type { Reserve } from "../plan/reserved.ts";
import type { Problem } from "../problem/problem.ts";

/** What is given on the command line. */
export interface CompareArgs {
  readonly plan: readonly string[];
  readonly problem: string | undefined;
}

/** One placement in the comparison. Shares are 0 to 1. */
interface Compared {
  /** `now`, or the plan's file. */
  readonly plan: string;
  readonly strategy: string;
  readonly onNode: number;
  readonly onNodeMessages: number;
  readonly messageCores: number;
  readonly imbalance: number;
  readonly objective: number;
  readonly fullest: { readonly node: string; readonly resource: string; readonly utilisation: number };
  /** What is broken, by check; wishes that gave way are not. */
  readonly broken: Readonly<Record<string, readonly string[]>>;
  readonly wishesBroken: number;
  readonly moves: number;
  readonly moveBytes: number;
}

function compared(plan: string, strategy: string, report: PlanReport): Compared {
  const uses = report.nodes.flatMap(({ node, utilisation }) =>
    Object.entries(utilisation).map(([resource, share]) => ({ node, resource, utilisation: share })),
  );
  const broken = report.checks.filter((check: Check) => !keepsRules([check]));
  return {
    plan,
    strategy,
    onNode: report.onNode,
    onNodeMessages: report.onNodeMessages,
    messageCores: report.messageCores,
    imbalance: report.imbalance,
    objective: report.objective,
    fullest: uses.reduce((one, other) => (other.utilisation > one.utilisation ? other : one), { node: "", resource: "", utilisation: 0 }),
    broken: Object.fromEntries(broken.map(({ name, broken: of }) => [name, of])),
    wishesBroken: report.checks.find(({ name }) => name === "wishes")?.broken.length ?? 0,
    moves: report.moves,
    moveBytes: report.moveBytes,
  };
}

function brokenText({ broken }: Compared): string {
  const kinds = Object.entries(broken).map(([name, of]) => `${name} ${of.length}`);
  return kinds.length === 0 ? "none" : kinds.join(", ");
}

function text(rows: readonly Compared[], out: OutputStream): string {
  return table(
    rows,
    [
      { header: "PLAN", value: ({ plan }) => plan },
      { header: "STRATEGY", value: ({ strategy }) => strategy },
      { header: "ON-NODE", value: ({ onNode }) => percent(onNode), align: "right" },
      { header: "MESSAGES [cores]", value: ({ messageCores }) => significant(messageCores, 3), align: "right" },
      { header: "IMBALANCE", value: ({ imbalance }) => percent(imbalance), align: "right" },
      { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
      { header: "FULLEST NODE", value: ({ fullest }) => `${fullest.node} ${fullest.resource} ${percent(fullest.utilisation)}` },
      { header: "MOVES", value: ({ moves }) => moves },
      { header: "CARRYING", value: ({ moveBytes }) => formatBytes(moveBytes), align: "right" },
      { header: "BROKEN", value: brokenText },
    ],
    out,
  );
}

/**
 * `placer compare`: every plan is judged anew from the problem, and all in the reading (weight, reserve, share that may be used) of the first.
 *
 * @throws {MitsuError} `ERR_PLANS_DIFFER` when the plans are of different problems
 */
export async function run({ plan: paths, problem: problemPath }: CompareArgs, context: Context): Promise<void> {
  const rows: Compared[] = [];
  let first: Problem | undefined;
  let reading: Parameters<typeof planReport>[2] | undefined;
  for (const path of paths) {
    const { plan, problem } = await readPlan(path, problemPath, context);
    if (!first || !reading) {
      const { weight, maxUtilisation, reserve } = plan.options;
      first = problem;
      reading = { weight, maxUtilisation, reserve: reserve as Reserve, budget: null, proof: null };
      if (Object.keys(problem.assignment).length > 0) rows.push(compared("now", "-", planReport(problem, problem.assignment, reading)));
    } else if (!sameReplicas(first, problem)) {
      throw new MitsuError(`${path} is a plan of another problem than ${paths[0]}: '${problem.name}' and '${first.name}'`, {
        code: "ERR_PLANS_DIFFER",
        hint: "compare plans of one problem, or name it with --problem",
        exit: exitStatus.usage,
      });
    }
    rows.push(compared(path, plan.strategy, planReport(first, plan.assignment, reading)));
  }
  print(context, { plans: rows }, ({ plans }, out) => text(plans, out));
}

/** Whether two problems place the same replicas on the same nodes; figures may have changed in between. */
function sameReplicas(one: Problem, other: Problem): boolean {
  const names = ({ nodes, services }: Problem): string =>
    JSON.stringify([nodes.map(({ name }) => name), services.map(({ replicas }) => replicas)]);
  return one === other || names(one) === names(other);
}
