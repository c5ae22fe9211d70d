/** All that is known of one trace. @module */
import type { Exchange } from "./exchange.ts";

/** Exchanges with the same trace id, in the order in which they ended. */
export interface Trace {
  readonly traceId: string;
  /** At least one. */
  readonly exchanges: readonly Exchange[];
}

/** Which traces are wanted. */
export interface TraceFilter {
  /** That have this service at either end of a request. */
  readonly service?: string | undefined;
  /** That take at least so many milliseconds. */
  readonly minMs?: number | undefined;
}

/** From the first request's begin to the last answer's end, nanoseconds since 1970. */
export function intervalOf({ exchanges }: Trace): { readonly startNs: bigint; readonly endNs: bigint } {
  let { startNs, endNs } = exchanges[0]!;
  for (const one of exchanges) {
    if (one.startNs < startNs) startNs = one.startNs;
    if (one.endNs > endNs) endNs = one.endNs;
  }
  return { startNs, endNs };
}

/** Is the trace one of those wanted? */
export function isWanted(trace: Trace, { service, minMs }: TraceFilter): boolean {
  if (service !== undefined && !trace.exchanges.some(({ client, server }) => client.service === service || server.service === service)) {
    return false;
  }
  if (minMs === undefined) return true;
  const { startNs, endNs } = intervalOf(trace);
  return Number(endNs - startNs) >= minMs * 1e6;
}
