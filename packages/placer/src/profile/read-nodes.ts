/** Reads a file with a list of nodes: the list alone, or a problem of which only `nodes` counts. @module */
import { type Finding, schemaFindings } from "@mitsu/catalog/document";
import type { Env } from "@mitsu/cli";
import { readInput } from "../files/input-file.ts";
import { readDocument } from "../problem/document-text.ts";
import type { ProblemFile } from "../problem/file-form.ts";
import { fileProblem } from "../problem/file-problem.ts";
import type { NodeSpec } from "../problem/problem.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { problemFaults } from "../problem/problem-faults.ts";
import { problemFile } from "../problem/schema.ts";

/**
 * Reads nodes from a JSON or YAML file; `-` is stdin.
 *
 * @throws {ProblemError} `ERR_PROBLEM_INVALID` with every fault, each with line, column and field.
 * @throws {MitsuError} `ERR_INPUT_MISSING`, `ERR_INPUT_UNREADABLE`.
 */
export async function readNodes(path: string, env: Env): Promise<readonly NodeSpec[]> {
  const { text } = await readInput(path, env);
  const { value, faults, locate } = readDocument(text, path === "-" ? "stdin" : path);
  if (faults.length > 0) throw new ProblemError(faults);
  const listed = Array.isArray(value);
  const { nodes, resources } = (listed ? { nodes: value } : (value ?? {})) as Partial<Record<string, unknown>>;
  // A problem has services; this file need not have any.
  const file = {
    ...(nodes === undefined ? {} : { nodes }),
    ...(resources === undefined ? {} : { resources }),
    services: [{ name: "any" }],
  };
  const parsed = problemFile.safeParse(file);
  const findings: Finding[] = parsed.success ? [] : schemaFindings(problemFile, file);
  const problem = parsed.success ? fileProblem(parsed.data as ProblemFile, findings) : undefined;
  if (problem) findings.push(...problemFaults(problem));
  if (problem && findings.length === 0) return problem.nodes;
  throw new ProblemError(locate(listed ? findings.map((one) => ({ ...one, path: one.path.slice(1) })) : findings), findings.length);
}
