/** The trace that a request belongs to, by whichever headers it has. @module */
import { readB3, readB3Fields } from "./b3.ts";
import { noTrace } from "./trace-flags.ts";
import { readTraceparent } from "./traceparent.ts";

/** A request's head. */
export interface TraceHeaders {
  /** Value of the first header of that lower-case name, Latin-1. */
  readonly get: (name: string) => string | undefined;
  /** Every value of that name. */
  readonly all: (name: string) => readonly string[];
}

/** Longer than any header that is looked at in whole. */
const scratch = Buffer.alloc(128);

/**
 * Reads W3C's `traceparent`; where it is missing or not valid, Zipkin's `b3`, then its `x-b3-…`. More than one `traceparent` is none.
 *
 * @param traceId Gets 16 bytes if a header has valid ids, else it stays as it is.
 * @param parentId Gets the 8 bytes of the caller's span likewise.
 * @returns bits of `traceFlag`, or `noTrace`.
 * @example
 * ```ts
 * const flags = readIncomingTrace(exchange.request, exchange.traceId, exchange.parentSpanId);
 * if (flags === noTrace || flags & traceFlag.withoutIds) randomFillSync(exchange.traceId);
 * ```
 */
export function readIncomingTrace(head: TraceHeaders, traceId: Uint8Array, parentId: Uint8Array): number {
  const first = head.get("traceparent");
  if (first !== undefined && head.all("traceparent").length === 1) {
    const flags = readTraceparent(scratch, 0, scratch.write(first, "latin1"), traceId, parentId);
    if (flags !== noTrace) return flags;
  }
  const single = head.get("b3");
  if (single !== undefined) {
    const flags = readB3(scratch, 0, scratch.write(single, "latin1"), traceId, parentId);
    if (flags !== noTrace) return flags;
  }
  const b3 = head.get("x-b3-traceid");
  const sampled = head.get("x-b3-sampled");
  const flags = head.get("x-b3-flags");
  // Most requests that begin a trace have none of them.
  if (b3 === undefined && sampled === undefined && flags === undefined) return noTrace;
  return readB3Fields({ traceId: b3, spanId: head.get("x-b3-spanid"), sampled, flags }, traceId, parentId);
}
