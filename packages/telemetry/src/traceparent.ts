/** The header by which programs pass a trace on. Source: W3C Trace Context §3.2. @module */

/** A valid one. */
export interface Traceparent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly parentId: string;
  readonly sampled: boolean;
}

const form = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]([0-9a-f])$/;

/**
 * Reads a header of version 00; undefined when it is another version's, or not valid.
 *
 * @example
 * ```ts
 * parseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?.sampled; // true
 * ```
 */
export function parseTraceparent(value: string): Traceparent | undefined {
  const parts = form.exec(value);
  return parts ? { traceId: parts[1]!, parentId: parts[2]!, sampled: (Number.parseInt(parts[3]!, 16) & 1) === 1 } : undefined;
}
