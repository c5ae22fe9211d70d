/** A ByteStream on an HTTP/2 stream, at either end of a link. @module */
import { constants, type Http2Stream } from "node:http2";
import type { MitsuError } from "@mitsu/cli/error";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { http2ErrorName, linkError, linkErrorCode } from "./link-error.ts";

const { NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR, NGHTTP2_NO_ERROR } = constants;

/** What a stream counts its bytes in: one for all streams of a link. */
export interface ByteCounts {
  bytesIn: number;
  bytesOut: number;
}

/** What a stream needs to know of its link. */
export interface Carrier {
  readonly counts: ByteCounts;
  /** Why the link broke; null while it has not. */
  readonly lost: Error | null;
}

/**
 * Carries bytes between an {@link Http2Stream} and the events given. Memory: what the reader holds back, at most a stream's window, and what waits to
 * be sent, at most the send buffer and one write, as long as the writer obeys `write`'s answer.
 */
export class LinkStream implements ByteStream {
  protected readonly events: ByteStreamEvents;
  protected http2: Http2Stream | null = null;
  protected closed = false;
  protected paused = false;
  protected ended = false;
  protected wantsDrain = false;
  /** The other end has sent all it had to. */
  #whole = false;
  #carrier: Carrier | null = null;
  #counts: ByteCounts = { bytesIn: 0, bytesOut: 0 };

  constructor(events: ByteStreamEvents) {
    this.events = events;
  }

  /** Goes on with an HTTP/2 stream of a link. */
  protected carry(http2: Http2Stream, carrier: Carrier): void {
    const { counts } = carrier;
    this.http2 = http2;
    this.#carrier = carrier;
    this.#counts = counts;
    http2.on("data", (chunk: Buffer) => {
      counts.bytesIn += chunk.length;
      if (!this.closed && this.http2 === http2) this.events.onData(chunk, 0, chunk.length);
    });
    http2.on("end", () => {
      // Node tells the end of a stream that was reset or lost as well; only a whole one is not destroyed yet. (A reset without an error follows
      // a whole answer: RFC 9113 §8.1.)
      if (this.closed || this.http2 !== http2 || http2.destroyed || http2.rstCode !== NGHTTP2_NO_ERROR) return;
      this.#whole = true;
      this.events.onEnd();
    });
    http2.on("drain", () => this.http2 === http2 && this.drained());
    // `close` follows with the code.
    http2.on("error", () => {});
    http2.on("close", () => this.http2 === http2 && this.over(http2.rstCode));
    if (this.paused) http2.pause();
  }

  write(buffer: Uint8Array, start: number, end: number): boolean {
    if (this.closed || this.ended) return true;
    // The HTTP/2 session keeps what it is given until it is sent, and the caller's buffer is its own again after this call.
    return this.send(Buffer.from(buffer.subarray(start, end)));
  }

  pause(): void {
    this.paused = true;
    this.http2?.pause();
  }

  resume(): void {
    this.paused = false;
    this.http2?.resume();
  }

  end(): void {
    if (this.closed || this.ended) return;
    this.ended = true;
    this.http2?.end();
  }

  destroy(reset = false): void {
    if (this.closed) return;
    // A program's own reset is told as such (RFC 9113 §8.5).
    this.reset(reset ? NGHTTP2_CONNECT_ERROR : NGHTTP2_CANCEL);
    this.finish(null);
  }

  /** Sends RST_STREAM. */
  protected reset(code: number): void {
    const { http2 } = this;
    if (http2 === null) return;
    // Node's close() ends the stream before it resets it, which the other end would take for all there was to come. What `_final` would do is send
    // that end, so where nobody has asked for one, it is made to do nothing.
    if (!this.ended) http2._final = (done) => done();
    http2.close(code);
  }

  /** Takes over `bytes`. */
  protected send(bytes: Buffer): boolean {
    this.#counts.bytesOut += bytes.length;
    const more = this.http2 === null || this.http2.write(bytes);
    if (!more) this.wantsDrain = true;
    return more;
  }

  protected drained(): void {
    if (this.closed || !this.wantsDrain) return;
    this.wantsDrain = false;
    this.events.onDrain();
  }

  /** The HTTP/2 stream is closed. */
  protected over(code: number): void {
    this.finish(code === NGHTTP2_NO_ERROR && this.#whole ? null : this.failure(code));
  }

  /** Why it ended before all of it had come. */
  protected failure(code: number): MitsuError {
    const lost = this.#carrier?.lost;
    if (lost) {
      const hint = "what was sent may have reached the program; only what may be repeated may be tried again";
      return linkError(linkErrorCode.lost, `a stream ended before its time: ${lost.message}`, hint, lost);
    }
    const hint = "look at the program at the other end";
    return linkError(linkErrorCode.reset, `the stream was reset by the other node: ${http2ErrorName(code)}`, hint);
  }

  /** Tells the end, once. */
  protected finish(error: Error | null): void {
    if (this.closed) return;
    this.closed = true;
    queueMicrotask(() => this.events.onClose(error)); // never from within a method
  }
}
