/** One fault of a mesh file: where it is and what is wrong; plus its readable form. @module */

/** Steps from the top of the file to a value: field names and list indices. */
export type FieldPath = readonly (string | number)[];

/** A fault before its place in the text is known. */
export interface Finding {
  readonly path: FieldPath;
  /** Whether the name at the end of `path` is at fault or its value. */
  readonly at: "key" | "value";
  /** What is wrong; what is allowed. */
  readonly message: string;
  /** True: the file can be used all the same. */
  readonly warning?: true;
}

/** A fault with its place in the text. */
export interface CatalogProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Field path such as `services.cart.ports[0]`; empty for the whole file. */
  readonly field: string;
  /** What is wrong; what is allowed. */
  readonly message: string;
}

/**
 * Writes a path as in JavaScript.
 *
 * @example
 * ```ts
 * formatPath(["services", "a.b", "ports", 0]); // services["a.b"].ports[0]
 * ```
 */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w*-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/**
 * Writes a problem as one line: `mesh.yaml:12:9: services.cart.ports[0]: 70000 is not a port; use 1 to 65535`.
 */
export function formatProblem(problem: CatalogProblem): string {
  const field = problem.field === "" ? "" : `${problem.field}: `;
  return `${problem.file}:${problem.line}:${problem.column}: ${field}${problem.message}`;
}

/** Shows an offending value in a message: scalars as written in JSON (at most 60 characters), anything else by its kind. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
