/** Secrets that stand in URLs and must not leave the machine in a span. Source: OpenTelemetry's note on `url.full` and `url.query`. @module */

/** Keys of signed URLs, case-sensitive. */
const secretKeys = [
  "X-Amz-Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Goog-Signature",
];
const secret = new RegExp(`(^|&)(${secretKeys.join("|")})=[^&]*`, "g");

/**
 * The query with the values of signature keys replaced by `REDACTED`.
 *
 * @example
 * ```ts
 * redactedQuery("color=blue&sig=8A7F"); // "color=blue&sig=REDACTED"
 * ```
 */
export function redactedQuery(query: string): string {
  return query.includes("=") ? query.replace(secret, "$1$2=REDACTED") : query;
}
