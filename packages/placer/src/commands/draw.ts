/** `draw`: a picture of a plan, before beside after. @module */
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { writeOutput } from "../files/output-file.ts";
import { readPlan } from "../plan/read-plan.ts";

/** What is given on the command line. */
export interface DrawArgs {
  readonly plan: string;
  readonly problem: string | undefined;
  /** A name that ends in `.svg`, `.html` or `.htm`; `-` is SVG on stdout. */
  readonly output: string;
}

/** `placer draw`. @throws {MitsuError} `ERR_USAGE` for a name that says no form, and what reading a plan and writing a file throw */
export async function run({ plan: path, problem: problemPath, output }: DrawArgs, context: Context): Promise<void> {
  const page = /\.html?$/i.test(output);
  if (!page && output !== "-" && !/\.svg$/i.test(output)) {
    throw new MitsuError(`--output ${output}: the name's end says the form, and must be .svg or .html`, {
      code: "ERR_USAGE",
      hint: "such as --output plan.svg",
      exit: exitStatus.usage,
    });
  }
  const { plan, problem } = await readPlan(path, problemPath, context);
  const text = page
    ? (await import("../draw/plan-html.ts")).drawPlanPage(problem, plan)
    : (await import("../draw/plan-svg.ts")).drawPlan(problem, plan);
  await writeOutput(output, text, context.env);
}
