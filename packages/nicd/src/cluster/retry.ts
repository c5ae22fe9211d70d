/** Says whether a request may be tried again, and when. Source: Envoy's `retry_on`. @module */
import type { RetryCondition, RetryPolicy } from "@mitsu/catalog";
import { failure, isUnsent, type Outcome } from "./outcome.ts";

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** What became of a request besides the outcome of its last try. */
export interface TriedRequest {
  readonly method: string;
  /** Tries so far, the first one with it. */
  readonly tries: number;
  /** All that was sent is at hand to be sent again. */
  readonly replayable: boolean;
  /** Some of it was written to a connection in the last try, so that the replica may have acted on it. */
  readonly reached: boolean;
}

/** A route's retry policy, ready to be asked. */
export class RetryRule {
  readonly policy: RetryPolicy;
  readonly #on: ReadonlySet<RetryCondition>;

  constructor(policy: RetryPolicy) {
    this.policy = policy;
    this.#on = new Set(policy.on);
  }

  /** May it be tried again? The retry budget is asked after this. */
  allows(outcome: Outcome, { method, tries, replayable, reached }: TriedRequest): boolean {
    if (tries > this.policy.attempts || !replayable || !this.#wants(outcome)) return false;
    // Without an answer nobody knows whether the replica has acted: only what may be done twice is sent twice.
    const unknown = outcome === failure.reset || outcome === failure.timeout || outcome === failure.protocol;
    return !unknown || !reached || idempotent.has(method);
  }

  /** Before the nth retry, with full jitter. @param retry From 1. @param random From 0, less than 1. */
  backOffMs(retry: number, random: number): number {
    return random * this.policy.backOffMs * Math.min(2 ** (retry - 1), 10);
  }

  #wants(outcome: Outcome): boolean {
    const on = this.#on;
    if (outcome >= 100) {
      if (outcome >= 500 && outcome < 600 && on.has("5xx")) return true;
      if (outcome >= 502 && outcome <= 504 && on.has("gateway-error")) return true;
      return outcome === 409 && on.has("retriable-4xx");
    }
    if (outcome === failure.cancelled) return false;
    // No answer is what would become a 502, 503 or 504; Envoy says so of all three conditions.
    if (on.has("5xx") || on.has("gateway-error") || on.has("reset")) return true;
    if (isUnsent(outcome)) return on.has("connect-failure");
    return outcome === failure.refused && on.has("refused-stream");
  }
}
