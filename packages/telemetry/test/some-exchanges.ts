/** Exchanges for tests: everything has a value, what matters is given. @module */
import type { Exchange } from "../src/exchange.ts";

/** 2026-01-01T00:00:00Z, nanoseconds since 1970. */
export const t0: bigint = 1_767_225_600_000_000_000n;
/** Nanoseconds since 1970 of so many milliseconds after {@link t0}. */
export const at = (ms: number): bigint => t0 + BigInt(Math.round(ms * 1e6));
/** A trace id that ends in `n`. */
export const traceIdOf = (n: number): string => n.toString(16).padStart(32, "0");
/** A span id that ends in `n`. */
export const spanIdOf = (n: number): string => n.toString(16).padStart(16, "0");

/** What a test says of an exchange. */
export interface Told extends Omit<Partial<Exchange>, "client" | "server" | "startNs" | "readNs" | "endNs"> {
  /** Services; both ends are here unless told. */
  readonly from: string;
  readonly to: string;
  readonly here?: "both" | "client" | "server";
  /** Number of the client's span; the server's is 0x100 more. */
  readonly span: number;
  /** Number of the parent's span. */
  readonly parent?: number;
  /** Milliseconds after {@link t0}: begin, read by the server's program, end. */
  readonly ms: readonly [number, number, number];
}

/** Makes an exchange. */
export function someExchange({ from, to, here = "both", span, parent, ms: [start, read, end], ...more }: Told): Exchange {
  return {
    client: { service: from, address: "127.0.0.1", port: 40_000 + span, here: here !== "server" },
    server: { service: to, address: "127.0.0.2", port: 8080, here: here !== "client" },
    node: "n1",
    traceId: traceIdOf(1),
    clientSpanId: spanIdOf(span),
    serverSpanId: spanIdOf(span + 0x100),
    parentSpanId: parent === undefined ? undefined : spanIdOf(parent),
    startNs: at(start),
    readNs: at(read),
    firstNs: at(end),
    endNs: at(end),
    protocol: "http/1",
    method: "GET",
    authority: "",
    grpcStatus: undefined,
    target: `/${to}`,
    status: 200,
    requestBytes: 100,
    answerBytes: 1000,
    sampled: true,
    continued: false,
    link: parent === undefined ? "none" : "thread",
    injected: false,
    redirected: true,
    aborted: false,
    ...more,
  };
}

/** A shop's page in the order in which its requests end: web asks cart, which asks db, and then asks ads, which fails. */
export const shop: readonly Exchange[] = [
  someExchange({ from: "cart", to: "db", span: 3, parent: 0x102, ms: [3, 3.5, 6], target: "/items?user=1" }),
  someExchange({ from: "web", to: "cart", span: 2, parent: 0x101, ms: [2, 2.5, 8] }),
  someExchange({ from: "web", to: "ads", span: 4, parent: 0x101, ms: [9, 9.5, 11], status: 503, redirected: false, link: "header" }),
  someExchange({ from: "", to: "web", here: "server", span: 1, ms: [0, 1, 12], method: "POST", target: "/", redirected: false }),
];

/** A gRPC call that web makes of cart; it went well unless told. */
export function someCall(more: Partial<Told> = {}): Exchange {
  return someExchange({
    ...{ from: "web", to: "cart", span: 7, ms: [1, 2, 5] },
    ...{ protocol: "grpc", method: "POST", target: "/shop.v1.Cart/Get", authority: "cart.mesh:8080", grpcStatus: 0 },
    ...more,
  });
}

/** An exchange of HTTP/2 that was answered, whose header blocks were lost. */
export const nameless: Partial<Exchange> = { protocol: "http/2", method: "", target: "", authority: "", status: 0, grpcStatus: undefined };
