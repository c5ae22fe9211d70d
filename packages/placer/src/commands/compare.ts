/** `compare`: plans and the present placement beside each other. @module */
import { type Column, type Context, displayWidth, formatBytes, type OutputStream, print, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { keepsRules } from "../plan/check-plan.ts";
import { costScale } from "../plan/message-cost.ts";
import type { Check, PlanReport } from "../plan/plan.ts";
import { planReport } from "../plan/plan-report.ts";
import { percent } from "../plan/quantity.ts";
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
  /** If all messages crossed nodes. */
  readonly messageCoresRemote: number;
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
    messageCoresRemote: report.messageCoresRemote,
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

/** A row for each placement; where a terminal is too narrow for that, a column. */
function text(rows: readonly Compared[], problem: Problem, out: OutputStream): string {
  const remote = rows.reduce((most, row) => Math.max(most, row.messageCoresRemote), 0);
  const scale = costScale(problem, { largest: rows.reduce((most, row) => Math.max(most, row.messageCores), 0), remote });
  const sized = problem.services.some(({ moveBytes }) => moveBytes > 0);
  const columns: Column<Compared>[] = [
    { header: "PLAN", value: ({ plan }) => plan },
    { header: "STRATEGY", value: ({ strategy }) => strategy },
    { header: "ON-NODE", value: ({ onNode }) => percent(onNode), align: "right" },
    { header: `MESSAGES [${scale.unit}]`, value: ({ messageCores }) => scale.value(messageCores), align: "right" },
    { header: "IMBALANCE", value: ({ imbalance }) => percent(imbalance), align: "right" },
    { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
    { header: "FULLEST NODE", value: ({ fullest }) => `${fullest.node} ${fullest.resource} ${percent(fullest.utilisation)}` },
    { header: "MOVES", value: ({ moves }) => moves },
    ...(sized ? [{ header: "CARRYING", value: ({ moveBytes }: Compared) => formatBytes(moveBytes), align: "right" as const }] : []),
    { header: "BROKEN", value: brokenText },
  ];
  const whole = table(rows, columns, { ...out, isTTY: false });
  if (!out.isTTY || whole.split("\n").every((line) => displayWidth(line) <= out.columns)) return whole;
  const [head, ...facts] = columns;
  const turned: Column<Column<Compared>>[] = [
    { header: head!.header, value: ({ header }) => header },
    ...rows.map((row) => ({ header: row.plan, value: ({ value }: Column<Compared>) => String(value(row)), align: "right" as const })),
  ];
  return table(facts, turned, out);
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
  print(context, { plans: rows }, ({ plans }, out) => text(plans, first!, out));
}

/** Whether two problems place the same replicas on the same nodes; figures may have changed in between. */
function sameReplicas(one: Problem, other: Problem): boolean {
  const names = ({ nodes, services }: Problem): string =>
    JSON.stringify([nodes.map(({ name }) => name), services.map(({ replicas }) => replicas)]);
  return one === other || names(one) === names(other);
}
