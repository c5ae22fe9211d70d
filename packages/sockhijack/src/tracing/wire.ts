/** Exchanges as they cross the control socket: times as decimal strings, since JSON has no integers of 64 bits. @module */
import type { TracedExchange } from "@mitsu/ipc";
import type { Exchange } from "./exchange.ts";

/**
 * The form for the socket and for `--json`.
 *
 * @example
 * ```ts
 * exchangeToWire(exchange).startNs; // "1767225600000000000"
 * ```
 */
export function exchangeToWire(exchange: Exchange): TracedExchange {
  return {
    ...exchange,
    parentSpanId: exchange.parentSpanId ?? null,
    grpcStatus: exchange.grpcStatus ?? null,
    startNs: String(exchange.startNs),
    readNs: exchange.readNs === undefined ? null : String(exchange.readNs),
    firstNs: exchange.firstNs === undefined ? null : String(exchange.firstNs),
    endNs: String(exchange.endNs),
  };
}

/** The exchange again; the schema of `@mitsu/ipc` has checked it. */
export function exchangeFromWire(wire: TracedExchange): Exchange {
  return {
    ...wire,
    parentSpanId: wire.parentSpanId ?? undefined,
    grpcStatus: wire.grpcStatus ?? undefined,
    startNs: BigInt(wire.startNs),
    readNs: wire.readNs === null ? undefined : BigInt(wire.readNs),
    firstNs: wire.firstNs === null ? undefined : BigInt(wire.firstNs),
    endNs: BigInt(wire.endNs),
  };
}
