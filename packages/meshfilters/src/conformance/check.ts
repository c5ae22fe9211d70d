/** A check: what is asked of the host, what is seen, and what should be. @module */
import { type Answer, type Ask, arrived, field, type Question } from "./ask.ts";

/** Who says how it should be: the specification; Envoy, where that is silent or what everybody relies on; or the safety of a host. */
export type Authority = "specification" | "Envoy" | "safety";

/** One line of the report. */
export interface Check {
  /** `headers-0-2-1/missing`. */
  readonly name: string;
  readonly filter: string;
  /** What may be seen; the first is what is said to be right. */
  readonly expect: readonly string[];
  /** The function or callback, as a heading of the specification names it, and what it says. */
  readonly clause: string;
  readonly authority: Authority;
  /** Asks, and puts what came into words. */
  readonly see: (ask: Ask) => Promise<string>;
}

/** Part of a check that is alike for several of one filter. */
export interface CheckOptions {
  readonly authority?: Authority;
  /** Of the request, beside its check. */
  readonly ask?: Omit<Question, "check">;
  /** Of the check's name, when it is not what the filter is told. */
  readonly name?: string;
}

/** An answer that is not the filter's report. */
export function unexpected({ status, body, error }: Answer): string {
  if (status === 0) return error;
  const text = body.replaceAll(/\s+/g, " ").slice(0, 60);
  return `answer ${status}${text === "" ? "" : ` ${text}`}${error === "" ? "" : `, ${error}`}`;
}

type Expected = string | readonly string[];
const all = (expected: Expected): readonly string[] => (typeof expected === "string" ? [expected] : expected);

/** A check whose filter answers with its report. */
export function probe(filter: string, check: string, expect: Expected, clause: string, options: CheckOptions = {}): Check {
  return seeing(
    filter,
    check,
    expect,
    clause,
    (answer) => (answer.status === 200 && answer.error === "" ? answer.body : unexpected(answer)),
    options,
  );
}

/** A check whose filter puts its report into `x-seen` of the answer. */
export function noted(filter: string, check: string, expect: Expected, clause: string, options: CheckOptions = {}): Check {
  return seeing(filter, check, expect, clause, (answer) => field(answer.headers, "x-seen") ?? unexpected(answer), options);
}

/** A check of what reached the upstream. */
export function passed(
  filter: string,
  check: string,
  expect: Expected,
  clause: string,
  say: (at: NonNullable<ReturnType<typeof arrived>>) => string,
  options: CheckOptions = {},
): Check {
  const words = (answer: Answer): string => {
    const at = arrived(answer);
    return at === undefined ? unexpected(answer) : say(at);
  };
  return seeing(filter, check, expect, clause, words, options);
}

/** A check of the whole answer. */
export function seeing(
  filter: string,
  check: string,
  expect: Expected,
  clause: string,
  say: (answer: Answer) => string,
  options: CheckOptions = {},
): Check {
  return {
    name: `${filter}/${options.name ?? check}`,
    filter,
    expect: all(expect),
    clause,
    authority: options.authority ?? "specification",
    see: async (ask) => say(await ask(filter, { check, ...options.ask })),
  };
}
