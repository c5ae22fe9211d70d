/** `rate-limit`: a token bucket, as written and as parsed. @module */
import { z } from "zod";
import { parseDuration } from "../duration.ts";
import { count, wrong } from "../fields.ts";
import type { RateLimit } from "../traffic.ts";
import { positiveDuration } from "./fields.ts";

/** A rate limit as written: `100/s` or a map. */
export type RateLimitEntry = string | { requests: number; per?: string | undefined; burst?: number | undefined };

/** `<requests>/<unit>` or `<requests>/<duration>`. */
const shorthand = /^([1-9]\d{0,8})\/((?:\d+(?:\.\d+)?)?(?:ms|s|m|h))$/;
const most = 999_999_999;

const notRate = wrong("a rate", 'use "100/s", "5/10s" or {requests: 100, per: 1s, burst: 200}');
const requests = count(1, most, "a number of requests", `use 1 to ${most}`);

/** Schema of `rate-limit`. */
export const rateLimitEntry: z.ZodType<RateLimitEntry> = z.union(
  [
    z
      .string()
      .regex(shorthand, { ...notRate, abort: true })
      .refine((text) => (perMs(shorthand.exec(text)![2]!) ?? 0) > 0, notRate),
    z.strictObject({
      requests: requests.describe("How many requests are let through in each `per`."),
      per: positiveDuration.describe("How long that is; 1s unless told.").optional(),
      burst: requests.describe("How many may come at once; the same as `requests` unless told.").optional(),
    }),
  ],
  notRate,
);

/** Writes a rate limit out in full. */
export function normaliseRateLimit(entry: RateLimitEntry | undefined): RateLimit | null {
  if (entry === undefined) return null;
  if (typeof entry === "object")
    return { requests: entry.requests, perMs: parseDuration(entry.per ?? "1s")!, burst: entry.burst ?? entry.requests };
  const [, amount, per] = shorthand.exec(entry)!;
  return { requests: Number(amount), perMs: perMs(per!)!, burst: Number(amount) };
}

/** `s` is short for `1s`. */
function perMs(per: string): number | undefined {
  return parseDuration(/^\d/.test(per) ? per : `1${per}`);
}
