/** Reads a file of nodes, for sources that know none: `--nodes`. @module */
import type { Context } from "@mitsu/cli";
import { readInput } from "../files/input-file.ts";
import { parseNodes } from "./parse-problem.ts";
import type { Problem } from "./problem.ts";

/**
 * Reads a list of nodes in the form of a problem's, or the nodes of a whole problem file; `-` is stdin.
 *
 * @throws {ProblemError} when the text is at fault.
 * @throws {MitsuError} `ERR_INPUT_MISSING`, `ERR_INPUT_UNREADABLE`. All with exit status 2.
 */
export async function readNodes(path: string, { env }: Pick<Context, "env">): Promise<Pick<Problem, "nodes" | "resources">> {
  const { text } = await readInput(path, env);
  return parseNodes(text, path === "-" ? "stdin" : path);
}
