/** A stream that a peer opened: its CONNECT, to be accepted or refused. @module */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { Caller } from "../caller.ts";
import { traceparentFrom } from "./connect-headers.ts";
import type { ConnectTarget } from "./connect-target.ts";
import type { LinkClock } from "./link-clock.ts";
import { type Carrier, LinkStream } from "./link-stream.ts";
import type { RefusalReason } from "./refusals.ts";

/** What the one who takes streams gets to see. */
export interface IncomingRequest {
  readonly target: ConnectTarget;
  readonly caller: Caller;
  /** W3C Trace Context of the connection; empty for none. */
  readonly traceparent: string;
  /** Name of the node that opened it; empty in plain text. */
  readonly node: string;
  readonly headers: IncomingHttpHeaders;
  /** Called when the peer gives up before it was accepted or refused; set it to stop connecting. */
  onGone: (() => void) | null;
  /** Answers 200; bytes flow from here on. When the peer has gone, `onClose` follows. */
  accept(events: ByteStreamEvents): ByteStream;
  /** Answers 503 or 504 with the reason in `proxy-status` (RFC 9209). */
  refuse(reason: "connect-failed" | "connect-timeout", detail: string): void;
}

/** A refusal that is answered on the stream. */
export type StreamRefusal = Extract<RefusalReason, "method" | "authority" | "not-permitted" | "connect-failed" | "connect-timeout">;

/** Status and RFC 9209 error type of each. */
const answers: Readonly<Record<StreamRefusal, readonly [status: number, error: string]>> = {
  method: [405, "http_protocol_error"],
  authority: [400, "http_request_error"],
  "not-permitted": [403, "destination_ip_prohibited"],
  "connect-failed": [503, "connection_refused"],
  "connect-timeout": [504, "connection_timeout"],
};

/** Counts and answers a refusal. */
export type Refuse = (reason: StreamRefusal, detail: string) => void;

/** Answers a CONNECT with a refusal. @param detail - Printable ASCII; anything else is left out. */
export function refuseStream(http2: ServerHttp2Stream, reason: StreamRefusal, detail: string): void {
  if (http2.closed || http2.destroyed) return;
  const [status, error] = answers[reason];
  const text = detail.replaceAll(/[^ !#-[\]-~]/g, "");
  http2.respond({ ":status": status, "proxy-status": `nicd; error=${error}; details="${text}"` }, { endStream: true });
  // The peer may have sent bytes behind its CONNECT: nobody will read them (RFC 9113 §8.1).
  http2.close(constants.NGHTTP2_NO_ERROR);
}

/** A stream until it is accepted or refused: for a bounded time, and nothing of it is read, so it holds no more than its window. */
export class IncomingStream implements IncomingRequest {
  readonly target: ConnectTarget;
  readonly caller: Caller;
  readonly traceparent: string;
  readonly node: string;
  readonly headers: IncomingHttpHeaders;
  onGone: (() => void) | null = null;
  readonly #http2: ServerHttp2Stream;
  readonly #carrier: Carrier;
  readonly #refuse: Refuse;
  readonly #cancel: () => void;
  #settled = false;

  /** @param acceptMs - It is refused when nothing was decided after it. */
  constructor(
    http2: ServerHttp2Stream,
    about: Pick<IncomingRequest, "target" | "caller" | "node" | "headers">,
    carrier: Carrier,
    acceptMs: number,
    clock: LinkClock,
    refuse: Refuse,
  ) {
    this.target = about.target;
    this.caller = about.caller;
    this.node = about.node;
    this.headers = about.headers;
    this.traceparent = traceparentFrom(about.headers);
    this.#http2 = http2;
    this.#carrier = carrier;
    this.#refuse = refuse;
    this.#cancel = clock.after(acceptMs, () => {
      this.onGone?.();
      this.refuse("connect-timeout", `no answer within ${acceptMs} ms`);
    });
    http2.once("close", () => this.#settle() && this.onGone?.());
  }

  accept(events: ByteStreamEvents): ByteStream {
    this.#settle();
    return new AcceptedStream(this.#http2, this.#carrier, events);
  }

  refuse(reason: "connect-failed" | "connect-timeout", detail: string): void {
    if (this.#settle()) this.#refuse(reason, detail);
  }

  /** @returns false when it was settled before. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#cancel();
    return true;
  }
}

/** The stream after its CONNECT was accepted. */
class AcceptedStream extends LinkStream {
  constructor(http2: ServerHttp2Stream, carrier: Carrier, events: ByteStreamEvents) {
    super(events);
    this.carry(http2, carrier);
    if (http2.closed || http2.destroyed) {
      // `close` may have been told already; in a turn of its own, so that the caller has the stream by then.
      setImmediate(() => this.finish(this.failure(http2.rstCode)));
    } else http2.respond({ ":status": 200 });
  }
}
