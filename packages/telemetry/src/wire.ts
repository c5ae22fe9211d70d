/** Exchanges as they cross a control socket: times as decimal strings, since JSON has no integers of 64 bits, and null for what is not there. @module */
import type { Exchange } from "./exchange.ts";

type OnWire<T> = T extends bigint ? string : T extends undefined ? null : T;
/** Fields that only some daemons tell are left out on the wire too. */
type Optional = "flags" | "security" | "tries" | "route";

/** An {@link Exchange} in the form for the socket and for `--json`; `TracedExchange` of `@mitsu/ipc` is its schema. */
export type WireExchange = Pick<Exchange, Optional> & { readonly [K in Exclude<keyof Exchange, Optional>]: OnWire<Exchange[K]> };

/**
 * The form for the socket and for `--json`.
 *
 * @example
 * ```ts
 * exchangeToWire(exchange).startNs; // "1767225600000000000"
 * ```
 */
export function exchangeToWire(exchange: Exchange): WireExchange {
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

/** The exchange again; a schema of `@mitsu/ipc` has checked it. */
export function exchangeFromWire(wire: WireExchange): Exchange {
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
