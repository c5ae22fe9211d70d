/** A stream that this node opened: it may have to wait for a link, and to go another way when the first link gives it back. @module */
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import type { ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { linkError, linkErrorCode } from "./link-error.ts";
import { type Carrier, LinkStream } from "./link-stream.ts";

/** What carries a stream that this node opened. */
export interface OutgoingCarrier extends Carrier {
  readonly session: ClientHttp2Session;
  /** True when the peer has said that it never looked at this stream. */
  gaveBack(stream: ClientHttp2Stream): boolean;
}

/** A stream is given back so many times at most. */
const maxMoves = 3;

/**
 * Waits without a carrier, then sends its CONNECT with the bytes right behind it: they need not wait a round trip for the answer, as the peer cannot
 * take them for anything else. Until the answer all that was written is kept (at most the send buffer and one write), so that a stream whose
 * CONNECT the peer never looked at (GOAWAY, REFUSED_STREAM) begins anew on the next link.
 */
export class OutgoingStream extends LinkStream {
  /** Called when the peer gave it back: start it again on another carrier. */
  onGivenBack: (() => void) | null = null;
  /** Called once when it is over, before `onClose`. */
  onOver: (() => void) | null = null;
  readonly #headers: OutgoingHttpHeaders;
  readonly #name: string;
  readonly #keepBytes: number;
  #carrier: OutgoingCarrier | null = null;
  /** What was written before the answer; null after it. */
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #moves = 0;

  /** @param name - Of the peer and target, for messages. @param keepBytes - `write` returns false from here on before the answer. */
  constructor(headers: OutgoingHttpHeaders, name: string, keepBytes: number, events: ByteStreamEvents) {
    super(events);
    this.#headers = headers;
    this.#name = name;
    this.#keepBytes = keepBytes;
  }

  /** Over already, so not to be started. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Sends the CONNECT and what waits. @throws when the session takes no stream; nothing has changed then. */
  start(carrier: OutgoingCarrier): void {
    const http2 = carrier.session.request(this.#headers, { endStream: false });
    this.#carrier = carrier;
    this.carry(http2, carrier);
    http2.on("response", ({ ":status": status = 0, "proxy-status": why }) => {
      if (this.http2 !== http2 || this.closed) return;
      if (status >= 200 && status < 300) this.#open();
      else this.#refused(status, why);
    });
    for (const bytes of this.#kept ?? []) super.send(bytes);
    if (this.ended) http2.end();
  }

  /** Fails a stream that waits. */
  fail(error: Error): void {
    this.reset(constants.NGHTTP2_CANCEL);
    this.finish(error);
  }

  protected override send(bytes: Buffer): boolean {
    if (this.#kept === null) return super.send(bytes);
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.http2 !== null) super.send(bytes);
    if (this.#keptBytes >= this.#keepBytes) this.wantsDrain = true;
    return !this.wantsDrain;
  }

  protected override drained(): void {
    // Before the answer what has left is still kept.
    if (this.#kept === null) super.drained();
  }

  protected override over(code: number): void {
    const { http2 } = this;
    const carrier = this.#carrier;
    if (this.#kept !== null && !this.closed && http2 !== null && carrier?.gaveBack(http2 as ClientHttp2Stream) && this.#moves < maxMoves) {
      this.#moves++;
      this.http2 = null;
      this.#carrier = null;
      this.onGivenBack?.();
      return;
    }
    // Without an answer, an end is none.
    if (this.#kept !== null && code === constants.NGHTTP2_NO_ERROR) this.finish(this.failure(code));
    else super.over(code);
  }

  protected override finish(error: Error | null): void {
    if (this.closed) return;
    this.onOver?.();
    super.finish(error);
    this.#kept = null;
  }

  #open(): void {
    this.#kept = null;
    if (this.wantsDrain && !this.http2?.writableNeedDrain) this.drained();
  }

  #refused(status: number, why: unknown): void {
    const detail = typeof why === "string" ? `: ${why.slice(0, 200)}` : "";
    this.fail(
      linkError(
        linkErrorCode.refused,
        `the stream to ${this.#name} was refused with ${status}${detail}`,
        "look at `nicd status` of that node",
      ),
    );
  }
}
