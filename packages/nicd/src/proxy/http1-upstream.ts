/** One HTTP/1.1 connection to a replica, which serves one exchange after the other. @module */
import type { ByteStream, ByteStreamEvents } from "../byte-stream.ts";
import type { Caller } from "../caller.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { BodyReader, framing } from "../http1/body-reader.ts";
import { Http1ResponseHead } from "../http1/response-head.ts";
import { incomplete, longestHead, scanResponse } from "../http1/scan-head.ts";
import type { Reactor } from "../reactor/reactor.ts";
import { Timer } from "../reactor/timers.ts";

/** Who a connection works for: an exchange, or the copy of one. */
export interface UpstreamUser {
  /** The answer has no body whatever its head says (RFC 9112 §6.3). */
  readonly isHeadRequest: boolean;
  /** A 2xx makes it a tunnel. */
  readonly isConnect: boolean;
  /** Wants to see the body's own bytes by {@link onAnswerPiece}. */
  readonly observesAnswer: boolean;
  /** A 1xx answer, not 101: `buffer[start, end)`. */
  onInterim(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void;
  /** The answer's head is in `upstream.head`; `[bodyStart, bodyEnd)` of its body came with it. `upstream.reader.done`: that was all. */
  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void;
  /** Body bytes without chunk framing, told before {@link onAnswer} or {@link onAnswerData} tells of them with it. */
  onAnswerPiece(buffer: Buffer, start: number, end: number): void;
  /** More of the body, as it came. */
  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void;
  /** What was written has left. */
  onUpstreamDrain(): void;
  /** It is over before the answer was whole. */
  onUpstreamGone(upstream: Http1Upstream, why: UpstreamEnd): void;
}

/** How a connection ended before its answer: Envoy's words for what may be tried again. */
export interface UpstreamEnd {
  readonly kind: "connect-failure" | "reset" | "protocol-error";
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
  /** Answers it has given: none yet means that it may not even be connected. */
  served = 0;
  /** An answer byte has come for the present user. */
  answering = false;
  readonly timer: Timer;
  readonly #home: UpstreamHome;
  #onTimeout: () => void = () => {};
  #inBody = false;
  #tunnel: ByteStreamEvents | null = null;
  #held: Buffer = nothing;
  #closed = false;
  /** It says that it closes, or its framing needs it. */
  #last = false;

  constructor(home: UpstreamHome, endpoint: LiveEndpoint, caller: Caller) {
    this.#home = home;
    this.caller = caller;
    this.endpoint = endpoint;
    this.timer = new Timer(() => this.#onTimeout());
  }

  /** Calls back after `ms` unless told otherwise before: one time-out at a time. */
  after(ms: number, fire: () => void): void {
    this.#onTimeout = fire;
    this.#home.reactor.timers.arm(this.timer, ms);
  }

  /** Begins an exchange. */
  begin(user: UpstreamUser): void {
    this.#home.reactor.timers.disarm(this.timer);
    this.user = user;
    this.answering = false;
    this.#inBody = false;
    this.#held = nothing;
  }

  /** The exchange is over and whole: the connection is used again unless one of them said otherwise. */
  release(): void {
    this.#home.reactor.timers.disarm(this.timer);
    this.user = null;
    this.served++;
    if (this.#last || this.#closed) this.discard();
    else this.#home.onFree(this);
  }

  /** The connection cannot be used again. */
  discard(): void {
    this.user = null;
    this.#home.reactor.timers.disarm(this.timer);
    this.stream.destroy();
  }

  /** From now on bytes go to somebody else: an upgrade or CONNECT was granted. */
  becomeTunnel(events: ByteStreamEvents): void {
    this.#home.reactor.timers.disarm(this.timer);
    this.user = null;
    this.#tunnel = events;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#tunnel) {
      this.#tunnel.onData(buffer, start, end);
      return;
    }
    if (!this.user) {
      this.stream.destroy(); // bytes that nobody asked for: the next answer could be a forged one
      return;
    }
    this.answering = true;
    let from = buffer;
    let at = start;
    let to = end;
    if (this.#held.length > 0) {
      from = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      at = 0;
      to = from.length;
      this.#held = nothing;
    }
    while (!this.#inBody) {
      const headEnd = scanResponse(from, at, to, this.head.table);
      if (headEnd === incomplete) {
        this.#held = Buffer.from(from.subarray(at, to));
        return;
      }
      if (headEnd < 0) {
        this.#gone(
          "protocol-error",
          `${this.endpoint.service} sent what is not an HTTP/1.1 answer, or a head of over ${longestHead} bytes`,
        );
        return;
      }
      const { status } = this.head.table;
      if (status < 200 && status !== 101) {
        this.user.onInterim(this, from, at, headEnd);
        at = headEnd;
        if (at === to) return;
        continue;
      }
      this.#beginBody();
      const bodyEnd = this.#readBody(from, headEnd, to);
      if (bodyEnd < 0) return;
      this.head.take(from);
      const { user } = this;
      if (this.reader.done && bodyEnd < to) this.#last = true; // more than was asked for
      user.onAnswer(this, from, headEnd, bodyEnd);
      // A tunnel's first bytes may come with the head that grants it.
      if (this.#tunnel && bodyEnd < to) (this.#tunnel as ByteStreamEvents).onData(from, bodyEnd, to);
      return;
    }
    const bodyEnd = this.#readBody(from, at, to);
    if (bodyEnd < 0) return;
    if (this.reader.done && bodyEnd < to) this.#last = true;
    this.user.onAnswerData(this, from, at, bodyEnd);
  }

  onEnd(): void {
    if (this.#tunnel) {
      this.#tunnel.onEnd();
      return;
    }
    const { user } = this;
    if (user && this.#inBody && this.reader.framing === framing.untilClose) {
      this.reader.close();
      this.#last = true;
      user.onAnswerData(this, nothing, 0, 0);
      return;
    }
    if (user) this.#gone("reset", `${this.endpoint.service} closed the connection before its answer was whole`);
    else this.stream.destroy();
  }

  onDrain(): void {
    if (this.#tunnel) this.#tunnel.onDrain();
    else this.user?.onUpstreamDrain();
  }

  onClose(error: Error | null): void {
    this.#closed = true;
    this.#home.reactor.timers.disarm(this.timer);
    if (this.#tunnel) this.#tunnel.onClose(error);
    else if (this.user) {
      const connecting = (error as NodeJS.ErrnoException | null)?.syscall === "connect";
      const { address, port } = this.endpoint;
      this.#gone(connecting ? "connect-failure" : "reset", `${address}:${port}: ${error?.message ?? "closed"}`);
    }
    this.#home.onGone(this);
  }

  #beginBody(): void {
    const { table } = this.head;
    const { status } = table;
    const user = this.user!;
    this.#inBody = true;
    this.#last = table.close || table.minor === 0;
    if (user.isHeadRequest || status === 204 || status === 304 || status === 101 || (user.isConnect && status >= 200 && status < 300))
      this.reader.begin(framing.none, 0);
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
    const user = this.user!;
    let at = start;
    while (at < end && !reader.done) {
      at = reader.step(buffer, at, end);
      if (reader.failed) {
        this.#gone("protocol-error", `${this.endpoint.service} broke the framing of its answer's chunks`);
        return -1;
      }
      if (user.observesAnswer && reader.dataEnd > reader.dataStart) user.onAnswerPiece(buffer, reader.dataStart, reader.dataEnd);
    }
    return at;
  }

  #gone(kind: UpstreamEnd["kind"], detail: string): void {
    const { user } = this;
    this.discard();
    user?.onUpstreamGone(this, { kind, detail });
  }
}
