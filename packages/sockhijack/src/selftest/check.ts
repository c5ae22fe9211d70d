/** What a check of the self-test is, and what its result means. @module */
import type { Bench } from "./bench.ts";

/** The kernel did something else than was expected of it. */
export class CheckFailure extends Error {
  override readonly name: string = "CheckFailure";
}

/** A byte that was not sent came instead of the one that was: no matter how busy the machine is, one is enough. */
export class WrongByte extends CheckFailure {
  override readonly name = "WrongByte";
}

/** The machine does not have what a check needs; nothing is said about the kernel. */
export class NotCheckable extends Error {
  override readonly name = "NotCheckable";
}

/**
 * @throws {CheckFailure} with that message unless the condition holds.
 */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckFailure(message);
}

/**
 * What follows when a check fails: `redirect` nothing is redirected; `promotion` a connection that went over to TCP stays there;
 * `unread` a socket enters the map only while all that came has been read; `known` nothing more, since what would need it is always kept out.
 */
export type Consequence = "redirect" | "promotion" | "unread" | "known";

/** One property of the kernel. */
export interface Check {
  /** One word or two, `half-close`. */
  readonly name: string;
  /** What is proven when it passes. */
  readonly proves: string;
  readonly consequence: Consequence;
  /** What is refused when it fails. */
  readonly refused: string;
  /** @returns a figure or two about what was seen. @throws {CheckFailure} @throws {NotCheckable} */
  readonly run: (bench: Bench) => string;
}

/** How a check ended: `known` is broken, but nothing that needs it is ever redirected. */
export type Outcome = "holds" | "broken" | "known" | "unchecked";

/** A check and how it ended. */
export interface CheckResult {
  readonly name: string;
  readonly outcome: Outcome;
  readonly proves: string;
  /** What was seen. */
  readonly seen: string;
  /** What is refused for it; empty when nothing is. */
  readonly refused: string;
  readonly consequence: Consequence;
  readonly tookMs: number;
}

/** A check fails only when it fails twice: refusing redirect for good must not hang on one moment of a busy machine. */
const attempts = 2;

/** Runs one check, closes its sockets, and turns what it throws into an outcome. */
export function resultOf(check: Check, bench: Bench): CheckResult {
  const begin = performance.now();
  const done = (outcome: Outcome, seen: string): CheckResult => ({
    name: check.name,
    outcome,
    proves: check.proves,
    seen,
    refused: outcome === "broken" || outcome === "known" ? check.refused : "",
    consequence: check.consequence,
    tookMs: performance.now() - begin,
  });
  for (let attempt = 1; ; attempt++) {
    try {
      return done("holds", check.run(bench));
    } catch (error) {
      const seen = error instanceof Error ? error.message : String(error);
      if (error instanceof NotCheckable) return done("unchecked", seen);
      if (check.consequence === "known") return done("known", seen);
      if (attempt === attempts || error instanceof WrongByte) return done("broken", seen);
    } finally {
      bench.clear();
    }
  }
}
