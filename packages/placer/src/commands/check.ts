/** `placer check`: what a problem is, and whether any placement keeps its rules. @module */
import { type Context, formatBytes, formatRate, print, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { hasUnit } from "../plan/message-cost.ts";
import { formatQuantity, percent } from "../plan/quantity.ts";
import { type ProblemSummary, problemSummary } from "../problem/problem-summary.ts";
import { readProblem } from "../problem/read-problem.ts";
import { compile } from "../solve/compile.ts";
import type { CompileOptions } from "../solve/instance.ts";

/** What `check` is told. */
export interface CheckArgs {
  readonly problem: string;
  readonly maxUtilisation: number;
  readonly reserve: NonNullable<CompileOptions["reserve"]>;
}

/** As long as a person waits for an answer; longer makes `unknown` no likelier to end. */
const deadlineMs = 10_000;

/** A summary, and what is known of a solution. */
interface CheckResult extends ProblemSummary {
  readonly status: "feasible" | "infeasible" | "unknown";
  readonly clash: readonly string[];
}

/** `placer check`: 0 when there is a placement or none was ruled out, 1 when rules clash, 2 when the file is wrong. */
export async function run({ problem: path, maxUtilisation, reserve }: CheckArgs, context: Context): Promise<number> {
  if (!(maxUtilisation > 0 && maxUtilisation <= 1))
    throw new MitsuError(`--max-utilisation ${maxUtilisation} is no share`, {
      code: "ERR_USAGE",
      hint: "use above 0 to 1",
      exit: exitStatus.usage,
    });
  const { problem } = await readProblem(path, context);
  const { infeasibility } = await import("../exact/infeasible.ts");
  const { status, clash } = await infeasibility(compile(problem, { maxUtilisation, reserve }), { deadlineMs });
  print<CheckResult>(context, { ...problemSummary(problem, { maxUtilisation, reserve }), status, clash }, text);
  return status === "infeasible" ? exitStatus.failure : exitStatus.ok;
}

function text(result: CheckResult, out: Context["env"]["stdout"]): string {
  const { name, nodes, zones, services, replicas, traffic, rules } = result;
  const title = `${name === "" ? "" : `${name}: `}${counted(nodes, "node")}${zones > 0 ? ` in ${counted(zones, "zone")}` : ""}, ${counted(services, "service")}, ${counted(replicas, "replica")}\n`;
  const resources = table(
    result.resources,
    [
      { header: "RESOURCE", value: (one) => one.name },
      { header: "CAPACITY", value: (one) => formatQuantity(one.capacity, one.unit), align: "right" },
      { header: "RESERVED", value: (one) => formatQuantity(one.reserved, one.unit), align: "right" },
      { header: "SHARE", value: (one) => (one.share === null ? "-" : percent(one.share)), align: "right" },
    ],
    out,
  );
  const rates = `${formatRate(traffic.messagesPerSecond, "msg")}, ${formatBytes(Math.round(traffic.bytesPerSecond))}/s`;
  const edges = `traffic: ${counted(traffic.edges, "edge")}, ${hasUnit(result) ? rates : "without a unit"}\n`;
  const listed = Object.entries(rules)
    .filter(([, { musts, wishes }]) => musts + wishes > 0)
    .map(
      ([kind, { musts, wishes }]) =>
        `${kind} ${[musts > 0 ? counted(musts, "must") : "", wishes > 0 ? counted(wishes, "wish", "wishes") : ""].filter(Boolean).join(" and ")}`,
    );
  if (result.pinned > 0) listed.push(`${counted(result.pinned, "replica")} pinned`);
  const kept = `rules: ${listed.length > 0 ? listed.join(", ") : "none"}\n`;
  const unknown = result.unknown.map((one) => `unknown: ${one}\n`).join("");
  return `${title}\n${resources}\n${edges}${kept}${unknown}\n${verdict(result)}`;
}

function verdict({ status, clash }: CheckResult): string {
  if (status === "feasible") return "A placement keeps every rule.\n";
  const lines = clash.map((one) => `  ${one}\n`).join("");
  if (status === "infeasible") return `No placement keeps every rule. These clash:\n${lines}`;
  return `Whether a placement keeps every rule is not known after ${deadlineMs / 1000} s.\n${lines}`;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
