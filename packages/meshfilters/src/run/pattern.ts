/** What is expected of a value: a text, `/an expression/`, null for none, true for any. @module */

/** As the test file has it. A list is one pattern for each of several values. */
export type Pattern = string | number | boolean | null | readonly (string | number)[];

/** Whether a text is as the pattern says; `/…/` is an expression of JavaScript, all else is meant as it stands. */
export function matchesText(text: string, pattern: string | number): boolean {
  const expression = typeof pattern === "string" && pattern.length > 1 && pattern.startsWith("/") ? /^\/(.+)\/(i?)$/s.exec(pattern) : null;
  return expression === null ? text === String(pattern) : new RegExp(expression[1]!, `${expression[2]}u`).test(text);
}

/** Whether the values of one name are as the pattern says. */
export function matches(values: readonly string[], pattern: Pattern): boolean {
  if (pattern === null || pattern === false) return values.length === 0;
  if (pattern === true) return values.length > 0;
  const all = Array.isArray(pattern) ? (pattern as readonly (string | number)[]) : [pattern as string | number];
  return values.length === all.length && all.every((one, at) => matchesText(values[at]!, one));
}

/** The reason why a pattern can match nothing, or undefined: its expression is none. */
export function patternFault(pattern: unknown): string | undefined {
  if (typeof pattern !== "string" || !/^\/.+\/i?$/s.test(pattern)) return undefined;
  try {
    matchesText("", pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
