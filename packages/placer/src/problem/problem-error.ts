/** The error that carries every fault of a problem file at once. @module */
import { type CatalogProblem, formatProblem } from "@mitsu/catalog/document";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Longer lists are cut in the message. */
const shownFaults = 20;

/**
 * A problem file, or one to import, that cannot be used; its message holds one line a fault, in the file's order.
 * Code `ERR_PROBLEM_INVALID`, exit status 2.
 */
export class ProblemError extends MitsuError {
  override readonly name = "ProblemError";
  readonly faults: readonly CatalogProblem[];

  /** @param total How many faults there are, when `faults` does not hold all of them. */
  constructor(faults: readonly CatalogProblem[], total: number = faults.length) {
    const sorted = faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.slice(0, shownFaults).map(formatProblem);
    if (total > lines.length) lines.push(`and ${total - lines.length} more`);
    super(lines.join("\n"), {
      code: "ERR_PROBLEM_INVALID",
      hint: "correct what is named above; packages/placer/README.md has an annotated example",
      exit: exitStatus.usage,
    });
    this.faults = sorted;
  }
}
