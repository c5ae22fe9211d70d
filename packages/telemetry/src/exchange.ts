/** One HTTP request and its answer, as somebody on its way saw it go by: what spans, metrics, logs and trace trees are made of. @module */

/** Where one end of the connection is. */
export interface ExchangeEnd {
  /** Name of the service; empty for a program outside the mesh. */
  readonly service: string;
  /** IPv4 or IPv6 address as text. */
  readonly address: string;
  readonly port: number;
  /** This end is a traced service on this node, so its span is ours to tell. */
  readonly here: boolean;
}

/** What was spoken. */
export type Protocol = "http/1" | "http/2" | "grpc";

/** Whether bytes between the two ends can be read on the way; Istio's `connection_security_policy`. */
export type Security = "none" | "mutual_tls";

/** An exchange that has ended. Times are nanoseconds since 1970, sizes are bytes with heads. */
export interface Exchange {
  readonly client: ExchangeEnd;
  readonly server: ExchangeEnd;
  /** Node that saw it. */
  readonly node: string;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits; the client's span is the server's parent. */
  readonly clientSpanId: string;
  readonly serverSpanId: string;
  /** Parent of the client's span; undefined at the root of a trace. */
  readonly parentSpanId: string | undefined;
  /** The request's head was sent. */
  readonly startNs: bigint;
  /** The server's program read of it; undefined when that was not seen. */
  readonly readNs: bigint | undefined;
  /** The answer's head was sent; undefined when there was none. */
  readonly firstNs: bigint | undefined;
  /** The answer's last byte was sent, or the connection ended. */
  readonly endNs: bigint;
  /** gRPC is what HTTP/2 carries it for. */
  readonly protocol: Protocol;
  /** Empty when HTTP/2's header block was lost. */
  readonly method: string;
  /** Request target as sent, with its query. sockhijack's is cut after about 90 characters, HTTP/2's after 512. Empty as the method is. */
  readonly target: string;
  /** Host and port as the client named them; sockhijack knows HTTP/2's only. Else empty. */
  readonly authority: string;
  /** 0 when there was no answer; also when HTTP/2's header block was lost: {@link isStatusLost}. */
  readonly status: number;
  /** 0 to 16, of gRPC only; undefined when there was none, or it was lost. */
  readonly grpcStatus: number | undefined;
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** Told to the back end; metrics count the others too. */
  readonly sampled: boolean;
  /** The client's program sent a traceparent of its own or passed one on. */
  readonly continued: boolean;
  /** How the parent was found: in a header, by its thread's one open request, by what another node said beside the stream, or not at all. */
  readonly link: "header" | "thread" | "side-band" | "ambiguous" | "none";
  /** The request got a traceparent that its server's program sees. */
  readonly injected: boolean;
  /** Its bytes went past TCP. */
  readonly redirected: boolean;
  /** The connection ended before the answer had. */
  readonly aborted: boolean;

  // What only a proxy can tell; the kernel's records are without them.
  /** Envoy's response flags (`UF`, `NR`, …), empty for none; missing from who knows no more than `aborted`. */
  readonly flags?: string;
  /** Missing is `none`. */
  readonly security?: Security;
  /** How often the request was sent on, the first time included; 0 when no replica saw it. Missing is 1. */
  readonly tries?: number;
  /** Name of the route in the mesh's configuration. */
  readonly route?: string;
}

/** An exchange that is good only until its owner moves on, as while a sink is called: {@link keep} makes one that lasts. */
export interface PassingExchange extends Exchange {
  /** The exchange as it is now, as an object of its own. */
  keep(): Exchange;
  /** What {@link traceFraction} gives for `traceId`, without making its text. */
  readonly traceFraction: number;
  /** What {@link endMs} gives for it, without a BigInt. */
  readonly endMs: number;
  /** What {@link durationMs} gives for it, likewise. */
  durationMs(ofServer: boolean): number;
}

/** The answer began, but what it said was lost on the way here: 0 is then not "no answer". */
export function isStatusLost({ status, protocol, firstNs }: Exchange): boolean {
  return status === 0 && protocol !== "http/1" && firstNs !== undefined;
}

/** Envoy's flags of an exchange, empty for none. A connection that broke is `UC`, "upstream connection termination", to who knows no better. */
export function responseFlags({ flags, aborted }: Exchange): string {
  return flags ?? (aborted ? "UC" : "");
}

/** The exchange as something of its own, when it is still its owner's. */
export function keep(exchange: Exchange): Exchange {
  return isPassing(exchange) ? exchange.keep() : exchange;
}

/** Where the trace's id lies between 0 and 1: the same for all of its exchanges, on every node. Ids are random at their end. */
export function traceFraction(exchange: Exchange): number {
  return isPassing(exchange) ? exchange.traceFraction : fractionOf(exchange.traceId);
}

/** When it ended, in milliseconds since 1970. */
export function endMs(exchange: Exchange): number {
  return isPassing(exchange) ? exchange.endMs : Number(exchange.endNs) / 1e6;
}

/** How long it took, in milliseconds: for the server, from when it read the request. A server may answer before it reads. */
export function durationMs(exchange: Exchange, ofServer: boolean): number {
  if (isPassing(exchange)) return exchange.durationMs(ofServer);
  const { startNs, readNs, endNs } = exchange;
  return Math.max(0, Number(endNs - (ofServer ? (readNs ?? startNs) : startNs)) / 1e6);
}

/** {@link traceFraction} of an id of 32 hexadecimal digits. */
export function fractionOf(traceId: string): number {
  return Buffer.from(traceId.slice(-8), "hex").readUInt32LE() / 2 ** 32;
}

function isPassing(exchange: Exchange): exchange is PassingExchange {
  return "keep" in exchange;
}
