/** Reads a plan file and the problem it belongs to. @module */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { schemaFindings, wrong } from "@mitsu/catalog/document";
import { type Context, didYouMean } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { z } from "zod";
import { readInput } from "../files/input-file.ts";
import { readDocument } from "../problem/document-text.ts";
import type { Problem } from "../problem/problem.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { readProblem } from "../problem/read-problem.ts";
import { defaultWeight } from "../solve/objective.ts";
import type { Plan, PlanReport } from "./plan.ts";
import type { Reserve } from "./reserved.ts";

const reserves = ["requests", "mean", "p95", "p99", "larger"] as const satisfies readonly Reserve[];
const share = (what: string) =>
  z
    .number(wrong("a share", `give ${what}, 0 to 1`))
    .min(0, wrong("a share", "write 0 to 1"))
    .max(1, wrong("a share", "write 0 to 1"));

/** What must be right for a plan to be used; all else is only shown. */
const planFile = z.looseObject(
  {
    version: z.literal(1, wrong("a version that is known", "this is no plan, or one of a newer placer; write 1")),
    assignment: z.record(
      z.string(),
      z.string(wrong("a node", "give the node's name")),
      wrong("an assignment", "give a map of replica to node"),
    ),
    options: z
      .looseObject({
        weight: share("the weight that was minimised").optional(),
        maxUtilisation: share("the share of each capacity that may be used").optional(),
        reserve: z.enum(reserves, wrong("a way to reserve", `write one of ${reserves.join(", ")}`)).optional(),
      })
      .optional(),
    problem: z.looseObject({ name: z.string(), file: z.string(), sha256: z.string() }).optional(),
  },
  wrong("a plan", "give a map with version and assignment"),
);

/** Of a plan that says only where replicas go: nothing is known of it. Whoever shows figures reckons them from the assignment. */
const nothingKnown: PlanReport = {
  messageCores: 0,
  messageCoresRemote: 0,
  messageCoresLocal: 0,
  onNode: 0,
  onNodeMessages: 0,
  onNodeBytes: 0,
  imbalance: 0,
  objective: 0,
  bound: null,
  gap: null,
  proof: "none",
  boundBy: "",
  nodes: [],
  checks: [],
  moves: 0,
  moveBytes: 0,
};

/**
 * Reads a plan and its problem: the one given, else the one the plan names, looked for from here and from beside the plan.
 * A plan with only `version` and `assignment` gets neutral values for the rest. A problem that has changed since is a warning as long as every name
 * of the plan is still in it.
 *
 * @throws {ProblemError} when one of the files is at fault.
 * @throws {MitsuError} `ERR_PLAN_PROBLEM` (which problem?), `ERR_PLAN_MISMATCH` (names that the problem has not). All with exit status 2.
 */
export async function readPlan(
  path: string,
  problemPath: string | undefined,
  context: Pick<Context, "env" | "log">,
): Promise<{ plan: Plan; problem: Problem }> {
  const file = path === "-" ? "stdin" : path;
  const { text } = await readInput(path, context.env);
  const { value, faults, locate } = readDocument(text, file);
  if (faults.length > 0) throw new ProblemError(faults);
  const parsed = planFile.safeParse(value);
  if (!parsed.success) throw new ProblemError(locate(schemaFindings(planFile, value)));
  const named = parsed.data.problem;
  const read = await readProblem(problemPath ?? problemBeside(path, named?.file, context), context);
  const plan = whole(value as Partial<Plan> & Pick<Plan, "assignment">, read);
  belongTogether(plan, read.problem, file);
  if (named && named.sha256 !== read.sha256)
    context.log.warn("the problem has changed since the plan was made", { problem: read.file, plan: path });
  return { plan, problem: read.problem };
}

function problemBeside(path: string, file: string | undefined, { env }: Pick<Context, "env">): string {
  if (file === undefined || file === "-") {
    throw new MitsuError(`${path} does not say which problem file it belongs to`, {
      code: "ERR_PLAN_PROBLEM",
      hint: "name it with --problem",
      exit: exitStatus.usage,
    });
  }
  const beside = resolve(dirname(resolve(env.cwd(), path)), file);
  return !existsSync(resolve(env.cwd(), file)) && existsSync(beside) ? beside : file;
}

function whole(plan: Partial<Plan> & Pick<Plan, "assignment">, read: { problem: Problem; file: string; sha256: string }): Plan {
  return {
    problem: { name: read.problem.name, file: read.file, sha256: read.sha256 },
    strategy: "unknown",
    cut: false,
    seconds: 0,
    notes: plan.report ? [] : ["the plan file says only where replicas go"],
    report: nothingKnown,
    ...plan,
    options: { seed: 1, weight: defaultWeight, maxUtilisation: 1, reserve: "requests", workers: 1, budget: null, ...plan.options },
    version: 1,
  };
}

/** Every name of the plan must be in the problem; a replica that the plan leaves out is left to `checkPlan`. */
function belongTogether({ assignment }: Plan, problem: Problem, file: string): void {
  const replicas = new Set(problem.services.flatMap((service) => service.replicas));
  const nodes = new Set(problem.nodes.map(({ name }) => name));
  const strangers: string[] = [];
  for (const [replica, node] of Object.entries(assignment)) {
    if (!replicas.has(replica)) strangers.push(`no replica ${JSON.stringify(replica)}${meant(replica, replicas, strangers)}`);
    if (!nodes.has(node)) strangers.push(`no node ${JSON.stringify(node)} (for ${replica})${meant(node, nodes, strangers)}`);
  }
  if (strangers.length === 0) return;
  const shown = strangers.slice(0, 20);
  throw new MitsuError(
    `${file} does not belong to the problem, which has\n  ${shown.join("\n  ")}${strangers.length > 20 ? `\n  and ${strangers.length - 20} more` : ""}`,
    {
      code: "ERR_PLAN_MISMATCH",
      hint: "name the problem it was made from with --problem",
      exit: exitStatus.usage,
    },
  );
}

function meant(name: string, known: ReadonlySet<string>, before: readonly string[]): string {
  const near = before.length < 20 ? didYouMean(name, [...known]) : undefined;
  return near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
}
