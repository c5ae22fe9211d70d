/** Reads ava's TAP output: one result a test, with its log lines and failure. @module */

/** What became of one test. */
export interface TestResult {
  /** `file › title`, as ava prints it. */
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it was skipped, where the test said so by `t.log("skipped: <why>")` or in its title. */
  readonly reason: string | undefined;
  /** Lines of `t.log()`. */
  readonly logs: readonly string[];
  /** The failure's lines: assertion, values, stack. */
  readonly failure: readonly string[];
}

/** A test that cannot run here logs this and returns; ava has no skip at run time. */
const skipLog = /^skipped: (.*)$/;
const resultLine = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)\b.*)?$/;

/**
 * Turns lines of TAP 13, as ava's reporter writes them, into results.
 * A test's log and failure follow its line, so each result comes out when the next one begins.
 *
 * @example
 * ```ts
 * for await (const result of readTap(["ok 1 - a adds", "ok 2 - b subtracts # SKIP"])) console.log(result.title, result.outcome);
 * ```
 */
export async function* readTap(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<TestResult> {
  let open: { title: string; ok: boolean; declaredSkip: boolean; logs: string[]; failure: string[] } | undefined;
  let inFailure = false;
  for await (const line of lines) {
    if (inFailure) {
      if (line === "  ...") inFailure = false;
      else open?.failure.push(line.replace(/^ {4}/, ""));
      continue;
    }
    const match = resultLine.exec(line);
    if (match) {
      if (open) yield close(open);
      open = { title: match[2] ?? "", ok: match[1] === undefined, declaredSkip: match[3] !== undefined, logs: [], failure: [] };
    } else if (line === "  ---") inFailure = true;
    else if (line.startsWith("#   ")) open?.logs.push(line.slice(4).trimStart());
    else if (/^\d+\.\.\d+$/.test(line) && open) {
      yield close(open);
      open = undefined;
    }
  }
  if (open) yield close(open);
}

function close(test: { title: string; ok: boolean; declaredSkip: boolean; logs: string[]; failure: string[] }): TestResult {
  const said = test.logs.map((line) => skipLog.exec(line)?.[1]).find((reason) => reason !== undefined);
  const { title, logs, failure } = test;
  if (test.declaredSkip) return { title, outcome: "skipped", reason: said, logs, failure };
  if (!test.ok) return { title, outcome: "failed", reason: undefined, logs, failure };
  return { title, outcome: said === undefined ? "passed" : "skipped", reason: said, logs, failure };
}
