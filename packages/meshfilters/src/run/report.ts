/** What `meshfilters test` prints: TAP 14, with what differs, or what the filter changed where nothing was expected. @module */
import type { Pair } from "@mitsu/proxy-wasm";
import type { Message } from "./answers.ts";
import type { Case, Step } from "./cases.ts";
import type { CaseResult, StepResult } from "./run-case.ts";

const text = (one: string): string => Buffer.from(one, "latin1").toString("utf8");

/** Fields that came (`+`) and went (`-`), and bodies that changed. */
function changesOf(what: string, before: Message, after: Message | null): string[] {
  if (after === null) return [`${what}: none`];
  const minus = (some: readonly Pair[], others: readonly Pair[]): readonly Pair[] =>
    some.filter(([name, value]) => !others.some((one) => one[0] === name && one[1] === value));
  const line =
    (sign: string) =>
    ([name, value]: Pair) =>
      `${what}: ${sign} ${name}: ${text(value)}`;
  const bytes = (message: Message): Buffer => Buffer.concat(message.body);
  const lines = [...minus(before.headers, after.headers).map(line("-")), ...minus(after.headers, before.headers).map(line("+"))];
  if (!bytes(before).equals(bytes(after))) lines.push(`${what}: body of ${bytes(before).length} bytes is now ${bytes(after).length} bytes`);
  return lines;
}

/** What a filter made of a request that expects nothing. */
function effectsOf(step: Step, result: StepResult): string[] {
  const lines: string[] = [];
  if (step.http !== null && result.http !== null) {
    const { http } = result;
    if (http.local !== null) {
      const status = http.response?.headers.find(([name]) => name === ":status")?.[1];
      lines.push(`the filter answered ${status ?? ""}${http.local === "" ? "" : ` (${http.local})`}`);
    } else lines.push(...changesOf("request", step.http.request, http.request), ...changesOf("response", step.http.answer, http.response));
  }
  lines.push(...result.logs.map(({ level, text: said }) => `${level}: ${said}`));
  return lines.length > 0 ? lines : ["nothing changed"];
}

/** A step as often as it ran. */
function ranSteps(one: Case): readonly Step[] {
  return one.steps.flatMap((step) => Array.from({ length: step.times }, () => step));
}

const expectsNothing = (one: Case): boolean => one.steps.every(({ expect }) => Object.keys(expect).length === 0);

/** The whole run, line by line. */
export function tapOf(cases: readonly Case[], results: readonly CaseResult[]): string {
  const lines = ["TAP version 14", `1..${results.length}`];
  for (const [at, result] of results.entries()) {
    const one = cases[at]!;
    lines.push(`${result.passed ? "ok" : "not ok"} ${at + 1} - ${result.name}`);
    const steps = ranSteps(one);
    if (result.passed) {
      if (expectsNothing(one))
        for (const [index, step] of result.steps.entries()) lines.push(...effectsOf(steps[index]!, step).map((line) => `  # ${line}`));
      continue;
    }
    lines.push("  ---");
    for (const [index, step] of result.steps.entries()) {
      if (step.differences.length === 0) continue;
      if (result.steps.length > 1) lines.push(`  step: ${index + 1}`);
      for (const { what, expected, got } of step.differences) lines.push(`  ${what}: { expected: ${expected}, got: ${got} }`);
      for (const { level, text: said } of step.logs) lines.push(`  # ${level}: ${said}`);
    }
    lines.push("  ...");
  }
  const failed = results.filter(({ passed }) => !passed).length;
  lines.push(`# ${results.length - failed} passed, ${failed} failed`);
  return lines.map((line) => `${line}\n`).join("");
}

/** The same for programs. */
export function jsonOf(filter: string, results: readonly CaseResult[]): object {
  const fields = (message: Message | null): object | null =>
    message === null
      ? null
      : {
          headers: message.headers.map(([name, value]) => [name, text(value)]),
          body: Buffer.concat(message.body).toString("utf8"),
          trailers: message.trailers,
        };
  return {
    filter,
    passed: results.filter(({ passed }) => passed).length,
    failed: results.filter(({ passed }) => !passed).length,
    tests: results.map(({ name, passed, steps }) => ({
      name,
      passed,
      steps: steps.map(({ differences, logs, http, tcp, fuel }) => ({
        differences,
        fuel,
        logs,
        ...(http && { ...http, request: fields(http.request), response: fields(http.response) }),
        ...(tcp && { ...tcp, toServer: Buffer.from(tcp.toServer).toString("utf8"), toClient: Buffer.from(tcp.toClient).toString("utf8") }),
      })),
    })),
  };
}
