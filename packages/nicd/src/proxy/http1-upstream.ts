/** One HTTP/1.1 connection to a replica, which serves one exchange after the other. @module */

import type { Reactor } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Timer } from "@mitsu/reactor/timers";
import type { Caller } from "../caller.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, failureOf } from "../cluster/outcome.ts";
import { BodyReader, framing } from "../http1/body-reader.ts";
import { Http1ResponseHead } from "../http1/response-head.ts";
import { incomplete, longestHead, scanResponse } from "../http1/scan-head.ts";

/** Who a connection works for: an exchange, or the copy of one. */
export interface UpstreamUser {
  /** The answer has no body whatever its head says (RFC 9112 §6.3). */
  readonly isHeadRequest: boolean;
  /** A 2xx makes it a tunnel. */
  readonly isConnect: boolean;
  /** A 1xx answer, not 101: `buffer[start, end)`. */
  onInterim(buffer: Buffer, start: number, end: number): void;
  /** The answer's head is in `upstream.head`; `[bodyStart, bodyEnd)` of its body came with it. `upstream.isAnswered`: that was all. */
  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void;
  /** More of the body, with chunk framing if it has any. */
  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void;
  /** What was written has left. */
  onUpstreamDrain(): void;
  /** The time given to {@link Http1Upstream.arm} is over. */
  onUpstreamTimeout(upstream: Http1Upstream): void;
  /** It is over before the answer was whole. */
  onUpstreamGone(upstream: Http1Upstream, why: UpstreamEnd): void;
}

/** How a connection ended before its answer: Envoy's words for what may be tried again, and `dead` for a failed connect to a replica that nobody is at. */
export interface UpstreamEnd {
  readonly kind: "dead" | "connect-failure" | "reset" | "protocol-error";
  /** In one line, for the log and the asking program. */
  readonly detail: string;
}

/** What a pool does with a connection that is free again, or gone. */
export interface UpstreamHome {
  readonly reactor: Reactor;
  onFree(upstream: Http1Upstream): void;
  onGone(upstream: Http1Upstream): void;
}

const nothing = Buffer.alloc(0);

/** Made with a stream that is connected, or about to be. */
export class Http1Upstream implements ByteStreamEvents {
  readonly endpoint: LiveEndpoint;
  /** For whom it was opened. */
  readonly caller: Caller;
  readonly head: Http1ResponseHead = new Http1ResponseHead();
  readonly reader: BodyReader = new BodyReader();
  stream!: ByteStream;
  /** Whom it works for; null while it is idle. */
  user: UpstreamUser | null = null;
  /** Answers it has given. */
  served = 0;
  /** An answer byte has come for the present user. */
  answering = false;
  readonly #home: UpstreamHome;
  readonly #timer: Timer;
  #inBody = false;
  #tunnel: ByteStreamEvents | null = null;
  /** Bytes of a head that is not whole, or those of a tunnel that came with the head that grants it. */
  #held: Buffer = nothing;
  #closed = false;
  /** It must not be used again: it is being closed. */
  #discarded = false;
  /** It says that it closes, or its framing needs it. */
  #last = false;

  constructor(home: UpstreamHome, endpoint: LiveEndpoint, caller: Caller) {
    this.#home = home;
    this.caller = caller;
    this.endpoint = endpoint;
    this.#timer = new Timer(() => this.#timedOut());
  }

  /** The answer to the present user is whole. */
  get isAnswered(): boolean {
    return this.#inBody && this.reader.done;
  }

  /** It can take an exchange. */
  get isUsable(): boolean {
    return !this.#discarded && !this.#closed;
  }

  /** The connection does not stand yet. Streams of links are told apart from their link only by what comes. */
  get isConnecting(): boolean {
    return (this.stream as { isOpen?: boolean }).isOpen === false;
  }

  /** Tells its user in `ms`, unless it is armed anew or the exchange ends; without a user, it is closed then. */
  arm(ms: number): void {
    this.#home.reactor.timers.arm(this.#timer, ms);
  }

  disarm(): void {
    this.#home.reactor.timers.disarm(this.#timer);
  }

  /** Begins an exchange. */
  begin(user: UpstreamUser): void {
    this.disarm();
    this.user = user;
    this.answering = false;
    this.#inBody = false;
    this.#held = nothing;
    // A stream that ended while it was being made tells nothing any more.
    if (this.#closed) this.#home.reactor.defer(() => this.user === user && this.#gone("connect-failure", "closed"));
  }

  /** The exchange is over and whole: the connection is used again unless one of them said otherwise. */
  release(): void {
    this.disarm();
    this.user = null;
    this.served++;
    if (this.#last || !this.isUsable) {
      this.discard();
      return;
    }
    this.stream.resume(); // a slow client may have held up the very end of its answer
    this.#home.onFree(this);
  }

  /** The connection cannot be used again. */
  discard(): void {
    this.user = null;
    this.#discarded = true;
    this.disarm();
    this.stream.destroy();
  }

  /** From now on bytes go to somebody else: an upgrade or CONNECT was granted. @returns What has come already. */
  becomeTunnel(events: ByteStreamEvents): Buffer {
    this.disarm();
    this.user = null;
    this.#tunnel = events;
    this.stream.resume();
    const held = this.#held;
    this.#held = nothing;
    return held;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#tunnel) {
      this.#tunnel.onData(buffer, start, end);
      return;
    }
    const { user } = this;
    if (!user) {
      this.discard(); // bytes that nobody asked for: the next answer could be a forged one
      return;
    }
    this.answering = true;
    if (this.#inBody) {
      const bodyEnd = this.#readBody(buffer, start, end);
      if (bodyEnd >= 0) user.onAnswerData(this, buffer, start, bodyEnd);
    } else if (this.#held.length === 0) this.#readHead(user, buffer, start, end);
    else {
      const whole = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      this.#held = nothing;
      this.#readHead(user, whole, 0, whole.length);
    }
  }

  #readHead(user: UpstreamUser, buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const headEnd = scanResponse(buffer, at, end, this.head.table);
      if (headEnd === incomplete) {
        this.#held = Buffer.from(buffer.subarray(at, end));
        return;
      }
      if (headEnd < 0) {
        const { service } = this.endpoint;
        this.#gone("protocol-error", `${service} sent what is not an HTTP/1.1 answer, or a head of over ${longestHead} bytes`);
        return;
      }
      const { status } = this.head.table;
      if (status >= 200 || status === 101) {
        this.#beginBody(user, status);
        const bodyEnd = this.#readBody(buffer, headEnd, end);
        if (bodyEnd < 0) return;
        if (bodyEnd < end && this.#grantsTunnel(user, status)) this.#held = Buffer.from(buffer.subarray(bodyEnd, end));
        this.head.take(buffer);
        user.onAnswer(this, buffer, headEnd, bodyEnd);
        return;
      }
      user.onInterim(buffer, at, headEnd);
      at = headEnd;
    }
  }

  onEnd(): void {
    if (this.#tunnel) {
      this.#tunnel.onEnd();
      return;
    }
    const { user } = this;
    if (!user) this.discard();
    else if (this.#inBody && this.reader.framing === framing.untilClose) {
      this.reader.close();
      user.onAnswerData(this, nothing, 0, 0);
    } else if (this.isAnswered)
      this.#last = true; // the client's part of the exchange is not over yet
    else this.#gone("reset", `${this.endpoint.service} closed the connection before its answer was whole`);
  }

  onDrain(): void {
    if (this.#tunnel) this.#tunnel.onDrain();
    else this.user?.onUpstreamDrain();
  }

  onClose(error: Error | null): void {
    this.#closed = true;
    this.disarm();
    if (this.#tunnel) this.#tunnel.onClose(error);
    else if (this.user && !this.isAnswered) {
      const { address, port, here } = this.endpoint;
      const outcome = failureOf(error, here);
      const kind = outcome === failure.dead ? "dead" : outcome === failure.connect ? "connect-failure" : "reset";
      this.#gone(kind, `${address}:${port}: ${error?.message ?? "closed"}`);
    }
    this.#home.onGone(this);
  }

  #grantsTunnel(user: UpstreamUser, status: number): boolean {
    return status === 101 || (user.isConnect && status >= 200 && status < 300);
  }

  #beginBody(user: UpstreamUser, status: number): void {
    const { table } = this.head;
    this.#inBody = true;
    this.#last = table.close || table.minor === 0;
    if (user.isHeadRequest || status === 204 || status === 304 || this.#grantsTunnel(user, status)) this.reader.begin(framing.none, 0);
    else if (table.chunked) this.reader.begin(framing.chunked, 0);
    else if (table.contentLength >= 0) this.reader.begin(framing.length, table.contentLength);
    else {
      this.reader.begin(framing.untilClose, 0);
      this.#last = true;
    }
  }

  /** @returns Where the body's bytes end; -1 when it is broken. */
  #readBody(buffer: Buffer, start: number, end: number): number {
    const { reader } = this;
    let at = start;
    while (at < end && !reader.done) {
      at = reader.step(buffer, at, end);
      if (reader.failed) {
        this.#gone("protocol-error", `${this.endpoint.service} broke the framing of its answer's chunks`);
        return -1;
      }
    }
    if (at < end) this.#last = true; // more than was asked for
    return at;
  }

  #timedOut(): void {
    if (this.user) this.user.onUpstreamTimeout(this);
    else this.discard();
  }

  #gone(kind: UpstreamEnd["kind"], detail: string): void {
    const { user } = this;
    this.discard();
    user?.onUpstreamGone(this, { kind, detail });
  }
}
