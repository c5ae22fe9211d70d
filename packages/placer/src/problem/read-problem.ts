/** Reads a problem file from disk or stdin. @module */
import { createHash } from "node:crypto";
import type { Context } from "@mitsu/cli";
import { readInput } from "../files/input-file.ts";
import { parseProblem } from "./parse-problem.ts";
import type { Problem } from "./problem.ts";

/** A problem, and which file it came from. */
export interface ReadProblem {
  readonly problem: Problem;
  /** As it was given; `-` for stdin. */
  readonly file: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
}

/**
 * Reads a problem file; `-` is stdin.
 *
 * @throws {ProblemError} when the text is at fault.
 * @throws {MitsuError} `ERR_INPUT_MISSING`, `ERR_INPUT_UNREADABLE`. All with exit status 2.
 */
export async function readProblem(path: string, { env }: Pick<Context, "env">): Promise<ReadProblem> {
  const { text, bytes } = await readInput(path, env);
  const problem = parseProblem(text, path === "-" ? "stdin" : path);
  return { problem, file: path, sha256: createHash("sha256").update(bytes).digest("hex") };
}
