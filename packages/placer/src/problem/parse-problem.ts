/** From the text of a problem file to a problem, or to all that is wrong with it. @module */
import { type Finding, schemaFindings } from "@mitsu/catalog/document";
import { type DocumentText, readDocument } from "./document-text.ts";
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
  return checkedProblem(value, locate);
}

/**
 * Reads a list of nodes in the form of a problem's, alone or as the field `nodes` of a map, such as a whole problem file; with the resources they need.
 *
 * @throws {ProblemError} as {@link parseProblem}.
 */
export function parseNodes(text: string, file: string): Pick<Problem, "nodes" | "resources"> {
  const { value, faults, locate } = readDocument(text, file);
  if (faults.length > 0) throw new ProblemError(faults);
  // A service, so that the form is whole.
  const services = [{ name: "any" }];
  if (Array.isArray(value)) {
    return checkedProblem({ nodes: value, services }, (findings) =>
      locate(findings.map((finding) => ({ ...finding, path: finding.path.slice(1) }))),
    );
  }
  const { nodes, resources } = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  return checkedProblem({ ...(nodes === undefined ? {} : { nodes }), ...(resources === undefined ? {} : { resources }), services }, locate);
}

function checkedProblem(value: unknown, locate: DocumentText["locate"]): Problem {
  if (value === null) throw new ProblemError(locate([{ path: [], at: "value", message: "is empty; give a map with nodes and services" }]));
  const parsed = problemFile.safeParse(value);
  const findings: Finding[] = parsed.success ? [] : schemaFindings(problemFile, value);
  if (typeof value !== "object" || Array.isArray(value)) throw new ProblemError(locate(findings));
  const problem = fileProblem(parsed.success ? parsed.data : wellFormed(value), findings);
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
