/** Whether and when to send a batch again. Source: OTLP 1.9, "Failures", "Retryable Response Codes" and "OTLP/HTTP Throttling". @module */

/** How hard to try. */
export interface RetryLimits {
  /** POSTs of one batch, the first one included. */
  readonly attempts: number;
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}

/** Half a minute in all; the queue holds or drops what comes in the meantime. */
export const retryLimits: RetryLimits = { attempts: 6, firstWaitMs: 1000, maxWaitMs: 30_000 };

const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** A receiver that asks for more is not believed. */
const maxRetryAfterMs = 300_000;

/** May the same batch be sent again after this status? */
export function isRetryable(status: number): boolean {
  return retryable.has(status);
}

/**
 * Milliseconds until the next attempt: exponential, 20 % more or less so that many nodes do not come at once, and no sooner than the
 * receiver asks.
 *
 * @param failed Attempts so far, from 1 on.
 * @param retryAfter The Retry-After header: seconds or an HTTP date.
 * @param random From 0 up to 1.
 */
export function waitMs(failed: number, limits: RetryLimits, retryAfter: string | undefined, random: number): number {
  const exponential = Math.min(limits.firstWaitMs * 2 ** (failed - 1), limits.maxWaitMs) * (0.8 + 0.4 * random);
  return Math.max(exponential, Math.min(retryAfterMs(retryAfter), maxRetryAfterMs));
}

/** RFC 9110 §10.2.3; 0 for what is neither. */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now());
}
