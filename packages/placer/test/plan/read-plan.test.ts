import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, MitsuError, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { readPlan } from "../../src/plan/read-plan.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";

const problem = "name: shop\nnodes: [{ name: n1 }, { name: n2 }]\nservices: [{ name: web, replicas: 2 }]\n";
const sha256 = createHash("sha256").update(problem).digest("hex");
const assignment = { "web-0": "n1", "web-1": "n2" };

/** A folder with a problem and a plan in it, and an environment that is there. */
function files(t: ExecutionContext, plan: unknown, text: string = problem) {
  const cwd = mkdtempSync(join(tmpdir(), "placer-plan-"));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  mkdirSync(join(cwd, "sub"));
  writeFileSync(join(cwd, "problem.yaml"), text);
  for (const path of ["plan.json", "sub/plan.json"]) writeFileSync(join(cwd, path), typeof plan === "string" ? plan : JSON.stringify(plan));
  const env = testEnv({ cwd });
  return { env, log: createLog(env), cwd };
}

test("readPlan() reads a plan and the problem it names", async (t) => {
  const context = files(t, {
    version: 1,
    assignment,
    problem: { name: "shop", file: "problem.yaml", sha256 },
    strategy: "exact",
    seconds: 3,
  });
  const read = await readPlan("plan.json", undefined, context);
  t.like(read.plan, { assignment, strategy: "exact", seconds: 3, problem: { file: "problem.yaml", sha256 } });
  t.is(read.problem.name, "shop");
  t.is(context.env.err(), "");
});

test("readPlan() finds the problem beside the plan", async (t) => {
  const context = files(t, { version: 1, assignment, problem: { name: "shop", file: "../problem.yaml", sha256 } });
  t.is((await readPlan("sub/plan.json", undefined, context)).problem.name, "shop");
});

test("readPlan() takes version and assignment alone, with --problem", async (t) => {
  const context = files(t, { version: 1, assignment });
  const { plan } = await readPlan("plan.json", "problem.yaml", context);
  t.like(plan, {
    assignment,
    problem: { name: "shop", file: "problem.yaml", sha256 },
    notes: ["the plan file says only where replicas go"],
    strategy: "unknown",
    options: { weight: 0.05, maxUtilisation: 1, reserve: "requests" },
  });
  await t.throwsAsync(readPlan("plan.json", undefined, context), { code: "ERR_PLAN_PROBLEM", message: /does not say which problem file/ });
});

test("readPlan() keeps what a plan says of its options, and fills in the rest", async (t) => {
  const { plan } = await readPlan("plan.json", "problem.yaml", files(t, { version: 1, assignment, options: { weight: 0.5 } }));
  t.like(plan.options, { weight: 0.5, maxUtilisation: 1, reserve: "requests", seed: 1 });
});

test("readPlan() warns of a problem that has changed since, when all names are still there", async (t) => {
  const context = files(t, { version: 1, assignment, problem: { name: "shop", file: "problem.yaml", sha256: "0" } });
  await readPlan("plan.json", undefined, context);
  t.regex(context.env.err(), /WARN {2}the problem has changed since the plan was made problem=problem\.yaml plan=plan\.json/);
});

test("readPlan() refuses a plan with names that the problem has not, and suggests others", async (t) => {
  const context = files(t, { version: 1, assignment: { "wbe-0": "n1", "web-1": "n3" } });
  const error = await t.throwsAsync(readPlan("plan.json", "problem.yaml", context), { instanceOf: MitsuError, code: "ERR_PLAN_MISMATCH" });
  t.is((error as MitsuError).exit, 2);
  t.regex(error!.message, /no replica "wbe-0"; did you mean "web-0"\?\n {2}no node "n3" \(for web-1\); did you mean "n1"\?/);
});

for (const [what, plan, says] of [
  ["no version", { assignment }, /^plan\.json:1:1: version: is missing/],
  ["another version", { version: 2, assignment }, /^plan\.json:1:12: version: 2 is not a version that is known/],
  ["no assignment", { version: 1 }, /assignment: is missing; give a map of replica to node/],
  ["a number for a node", { version: 1, assignment: { "web-0": 1 } }, /^plan\.json:1:36: assignment\.web-0: 1 is not a node/],
  [
    "a weight that is none",
    { version: 1, assignment, options: { weight: 7 } },
    /^plan\.json:1:75: options\.weight: 7 is not a share; write 0 to 1/,
  ],
  [
    "another way to reserve",
    { version: 1, assignment, options: { reserve: "p42" } },
    /options\.reserve: .*p42.*write one of requests, mean/,
  ],
  ["a list", [], /a list is not a plan/],
  ["no JSON", '{"version": 1,', /not valid JSON: the text ends too early|double quotes/],
  ["nothing", "", /is empty/],
] as const) {
  test(`readPlan() refuses a plan with ${what}`, async (t) => {
    const context = files(t, plan);
    const error = await t.throwsAsync(readPlan("plan.json", "problem.yaml", context), { instanceOf: ProblemError });
    t.regex(error!.message, says);
  });
}
