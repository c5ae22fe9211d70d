/** Reads a model or run file against its schema, and says of every fault in which line and field it is. @module */
import { type CatalogProblem, type Finding, formatProblem, locate, readYaml, schemaFindings } from "@mitsu/catalog/document";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { z } from "zod";

/** Longer lists of faults are cut. */
const mostShown = 20;
/** Larger ones are no such files, and a parser's tree of them does not fit in memory. */
const mostCharacters = 32 * 1024 * 1024;

/** A text that was read: its value, and a way to refuse it after all. */
export interface ReadForm<T> {
  readonly value: T;
  /** @throws {MitsuError} unless there are no findings. */
  readonly refuse: (findings: readonly Finding[]) => void;
}

/**
 * Reads JSON or YAML.
 *
 * @param code Of the error: `ERR_MODEL_INVALID`.
 * @throws {MitsuError} exit status 2, a line for each fault: `model.yaml:3:5: services.web.workers: 0 is not …`.
 */
export function readForm<T>(text: string, file: string, schema: z.ZodType<T>, code: string): ReadForm<T> {
  const fail = (faults: readonly CatalogProblem[]): never => {
    const lines = faults.toSorted((a, b) => a.line - b.line || a.column - b.column).map(formatProblem);
    if (lines.length > mostShown) lines.splice(mostShown, lines.length, `and ${lines.length - mostShown} more`);
    throw new MitsuError(lines.join("\n"), {
      code,
      hint: "correct what is named above; packages/placer/README.md has an example",
      exit: exitStatus.usage,
    });
  };
  const whole = (message: string): CatalogProblem[] => [{ file, line: 1, column: 1, field: "", message }];
  if (text.length > mostCharacters) fail(whole(`has ${text.length} characters; ${mostCharacters} are the most that such a file may have`));
  const { source, value, problems } = readYaml(text, file);
  if (problems.length > 0) fail(problems);
  if (value === null || value === undefined) fail(whole("the file is empty"));
  const refuse = (findings: readonly Finding[]): void => {
    if (findings.length > 0) fail(findings.map((finding) => locate(source, finding)));
  };
  const result = schema.safeParse(value);
  if (!result.success) {
    refuse(schemaFindings(schema, value));
    throw result.error; // the same schema found nothing the second time: a fault of ours
  }
  return { value: result.data, refuse };
}
