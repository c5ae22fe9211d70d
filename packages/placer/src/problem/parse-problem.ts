/** From the text of a problem file to a problem, or to all that is wrong with it. @module */
import { type Finding, schemaFindings } from "@mitsu/catalog/document";
import { readDocument } from "./document-text.ts";
import type { ProblemFile } from "./file-form.ts";
import { fileProblem } from "./file-problem.ts";
import type { Problem } from "./problem.ts";
import { ProblemError } from "./problem-error.ts";
import { problemFaults } from "./problem-faults.ts";
import { problemFile } from "./schema.ts";
import { wellFormed } from "./well-formed.ts";

/**
 * Reads a problem file, JSON or YAML: checks it and fills every default in.
 *
 * @param file Its name, with which messages begin.
 * @throws {ProblemError} `ERR_PROBLEM_INVALID` with every fault, each with line, column and field; never anything else.
 * @example
 * ```ts
 * const problem = parseProblem("nodes: [{ name: n1, capacity: { cpu: 4 } }]\nservices: [{ name: web }]\n", "problem.yaml");
 * problem.services[0].replicas; // ["web-0"]
 * ```
 */
export function parseProblem(text: string, file: string): Problem {
  const { value, faults, locate } = readDocument(text, file);
  if (faults.length > 0) throw new ProblemError(faults);
  const parsed = problemFile.safeParse(value);
  const findings: Finding[] = parsed.success ? [] : schemaFindings(problemFile, value);
  const problem = fileProblem(parsed.success ? parsed.data : (wellFormed(value) as ProblemFile), findings);
  findings.push(...problemFaults(problem));
  // What is already said of a place need not be said again: a list that is not well-formed seems empty.
  const told = new Set<string>();
  const news = findings.filter(({ path, at }) => {
    const place = JSON.stringify([path, at]);
    return !told.has(place) && told.add(place);
  });
  if (news.length > 0) throw new ProblemError(locate(news), news.length);
  return problem;
}
