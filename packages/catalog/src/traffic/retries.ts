/** `retries`: how often a request is tried again, as written and as parsed. @module */
import { z } from "zod";
import { parseDuration } from "../duration.ts";
import { count, oneOf, share, wrong } from "../fields.ts";
import type { RetryCondition, RetryPolicy } from "../traffic.ts";
import { duration } from "./fields.ts";

/** Retries as written; a number is `attempts`. */
export type RetriesEntry =
  | number
  | {
      attempts: number;
      on?: RetryCondition | RetryCondition[] | undefined;
      "per-try-timeout"?: string | 0 | undefined;
      "back-off"?: string | 0 | undefined;
      budget?: number | undefined;
      "least-in-flight"?: number | undefined;
    };

const attempts = count(0, 10, "a number of further tries", "use 0 to 10");
const conditions = ["5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"] as const;
const condition = oneOf(...conditions);

/** Schema of `retries`. */
export const retriesEntry: z.ZodType<RetriesEntry> = z.union(
  [
    attempts,
    z.strictObject({
      attempts: attempts.describe("Further tries after the first."),
      on: z
        .union(
          [condition, z.array(condition).min(1, { error: "is empty; leave it out for the usual ones" })],
          wrong("a condition", `use one or a list of ${conditions.join(", ")}`),
        )
        .describe("What counts as a failed try; gateway-error, connect-failure, refused-stream and reset unless told.")
        .optional(),
      "per-try-timeout": duration.describe("Of one try; 0 (none) unless told.").optional(),
      "back-off": duration.describe("Longest wait before the first retry, doubled for each further one; 25ms unless told.").optional(),
      budget: share.describe("Retries in flight as a share of the requests in flight; 0.2 unless told.").optional(),
      "least-in-flight": count(0, 1_000_000, "a number of requests", "use 0 to 1000000")
        .describe("Retries in flight that are allowed however few requests there are; 3 unless told.")
        .optional(),
    }),
  ],
  wrong("a way to retry", "use a number of further tries or {attempts: 2, on: [gateway-error], per-try-timeout: 1s}"),
);

/** Fills in what an entry leaves out from `defaults`. */
export function normaliseRetries(entry: RetriesEntry | undefined, defaults: RetryPolicy): RetryPolicy {
  if (entry === undefined) return defaults;
  if (typeof entry === "number") return { ...defaults, attempts: entry };
  const ms = (field: string | 0 | undefined, otherwise: number) =>
    field === undefined ? otherwise : field === 0 ? 0 : parseDuration(field)!;
  return {
    attempts: entry.attempts,
    on: entry.on === undefined ? defaults.on : [...new Set([entry.on].flat())],
    perTryTimeoutMs: ms(entry["per-try-timeout"], defaults.perTryTimeoutMs),
    backOffMs: ms(entry["back-off"], defaults.backOffMs),
    budget: entry.budget ?? defaults.budget,
    leastInFlight: entry["least-in-flight"] ?? defaults.leastInFlight,
  };
}
