/** The error that carries every fault of a mesh file at once. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type CatalogProblem, formatProblem } from "./problem.ts";

/** Longer lists are cut in the message, never in {@link CatalogError.problems}. */
const shownProblems = 20;

/**
 * A mesh file that cannot be used; its message holds one line a problem, in the file's order.
 * Code `ERR_CATALOG_INVALID`, exit status 78.
 */
export class CatalogError extends MitsuError {
  override readonly name = "CatalogError";
  readonly problems: readonly CatalogProblem[];

  constructor(problems: readonly CatalogProblem[]) {
    const lines = problems.slice(0, shownProblems).map(formatProblem);
    if (problems.length > shownProblems) lines.push(`and ${problems.length - shownProblems} more`);
    super(lines.join("\n"), {
      code: "ERR_CATALOG_INVALID",
      hint: "correct the lines named above; packages/catalog/README.md has an annotated example",
      exit: exitStatus.config,
    });
    this.problems = problems;
  }
}
