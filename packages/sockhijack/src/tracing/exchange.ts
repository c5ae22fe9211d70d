/** One HTTP request and its answer, as the kernel saw them go by: what spans, metrics and trace trees are made of. @module */

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
  /** Request target as sent, with its query; cut after about 90 characters, HTTP/2's after 512. Empty as the method is. */
  readonly target: string;
  /** Host and port as an HTTP/2 client named them; else empty. */
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
}

/** The answer began, but what it said was lost on the way here: 0 is then not "no answer". */
export function isStatusLost({ status, protocol, firstNs }: Exchange): boolean {
  return status === 0 && protocol !== "http/1" && firstNs !== undefined;
}
