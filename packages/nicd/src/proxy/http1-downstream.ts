/** One HTTP/1.1 connection of a client: its requests come one after the other, pipelined ones wait. @module */
import type { ByteStream, ByteStreamEvents } from "../byte-stream.ts";
import { BodyReader, framing } from "../http1/body-reader.ts";
import { Http1RequestHead } from "../http1/request-head.ts";
import { incomplete, type Refusal, refusal, scanRequest } from "../http1/scan-head.ts";
import { Timer } from "../reactor/timers.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { HttpExchange } from "./http-exchange.ts";

/** A client may be so slow with a head, and so long without a request. */
const headTimeoutMs = 60_000;
const idleTimeoutMs = 3_600_000;
/** After an answer that ends the connection, what the client still sends is read so long, or a reset would destroy that answer. RFC 9112 §9.6 */
const lingerMs = 1000;

const nothing = Buffer.alloc(0);

const refusalNames = new Map<number, string>(Object.entries(refusal).map(([name, number]) => [number, name]));

/** Reads requests; each is handed to an {@link HttpExchange}, which answers by {@link stream}. */
export class Http1Downstream implements ByteStreamEvents {
  readonly stream: ByteStream;
  readonly plane: DataPlane;
  readonly entry: Entry;
  readonly head: Http1RequestHead = new Http1RequestHead();
  /** The present exchange's ids: see `LiveExchange`. */
  readonly traceId: Uint8Array = new Uint8Array(16);
  readonly spanId: Uint8Array = new Uint8Array(8);
  readonly parentSpanId: Uint8Array = new Uint8Array(8);
  readonly #reader: BodyReader = new BodyReader();
  readonly #timer: Timer;
  #exchange: HttpExchange | null = null;
  /** Bytes of a head that is not whole, or behind the present request. */
  #held: Buffer = nothing;
  #paused = false;
  #tunnel: ByteStreamEvents | null = null;
  #lingers = false;
  /** The client sends no more. */
  #ended = false;
  #closed = false;

  constructor(plane: DataPlane, entry: Entry, stream: ByteStream) {
    this.plane = plane;
    this.entry = entry;
    this.stream = stream;
    this.#timer = new Timer(() => this.#timedOut());
    plane.reactor.timers.arm(this.#timer, headTimeoutMs);
    plane.connections.http++;
    plane.downstreams.add(this);
  }

  /** Between two requests, or before the first. */
  get isIdle(): boolean {
    return this.#exchange === null && this.#held.length === 0;
  }

  /** The request has been read to its end. */
  get requestIsWhole(): boolean {
    return this.#reader.done;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#tunnel) this.#tunnel.onData(buffer, start, end);
    else if (this.#lingers) return;
    else if (this.#exchange) this.#readBody(buffer, start, end);
    else if (this.#held.length === 0) this.#readHead(buffer, start, end);
    else {
      // Looked at again only when a line has ended since: a byte at a time costs no more than its reading.
      const whole = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      this.#held = whole;
      if (buffer.subarray(start, end).includes(10)) {
        this.#held = nothing;
        this.#readHead(whole, 0, whole.length);
      } else if (whole.length > 64 * 1024) this.#refuse(refusal.tooLong);
    }
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#tunnel) this.#tunnel.onEnd();
    else if (this.#exchange) this.#exchange.onClientEnd();
    else this.stream.end(); // between two requests, or in the middle of a head
  }

  onDrain(): void {
    if (this.#tunnel) this.#tunnel.onDrain();
    else this.#exchange?.onClientDrain();
  }

  onClose(error: Error | null): void {
    this.#closed = true;
    this.plane.reactor.timers.disarm(this.#timer);
    this.plane.downstreams.delete(this);
    this.plane.connections.http--;
    if (this.#tunnel) this.#tunnel.onClose(error);
    else this.#exchange?.onClientGone();
    this.#exchange = null;
  }

  /** Reads on after {@link pauseBody}. */
  resumeBody(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.stream.resume();
    if (this.#held.length > 0 && this.#exchange) {
      const held = this.#held;
      this.#held = nothing;
      this.#readBody(held, 0, held.length);
    }
  }

  /** No more of the request's body for now. */
  pauseBody(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.stream.pause();
  }

  /** The exchange is over: its answer has been written whole. @param close Nothing can follow on this connection. */
  exchangeEnded(close: boolean): void {
    this.#exchange = null;
    if (this.#closed) return;
    if (close || this.plane.draining) {
      this.#linger();
      return;
    }
    if (this.#ended && this.#held.length === 0) {
      this.stream.end();
      return;
    }
    this.plane.reactor.timers.arm(this.#timer, idleTimeoutMs);
    if (this.#held.length > 0) {
      const held = this.#held;
      this.#held = nothing;
      // Not from within the call that ended the exchange: a thousand pipelined requests would go that deep.
      this.plane.reactor.defer(() => {
        if (!this.#closed) this.onData(held, 0, held.length);
      });
    }
    if (this.#paused) {
      this.#paused = false;
      this.stream.resume();
    }
  }

  /** The present exchange may take so long. */
  limit(ms: number): void {
    this.plane.reactor.timers.arm(this.#timer, ms);
  }

  /** It may take as long as it does. */
  unlimit(): void {
    this.plane.reactor.timers.disarm(this.#timer);
  }

  /** The answer cannot be ended as it was begun: the client must see that. */
  abort(): void {
    this.#exchange = null;
    this.stream.destroy(true);
  }

  /** From now on bytes go to somebody else. @returns What the client has sent already. */
  becomeTunnel(events: ByteStreamEvents): Buffer {
    this.plane.reactor.timers.disarm(this.#timer);
    this.#exchange = null;
    this.#tunnel = events;
    const held = this.#held;
    this.#held = nothing;
    if (this.#paused) {
      this.#paused = false;
      this.stream.resume();
    }
    return held;
  }

  #readHead(buffer: Buffer, start: number, end: number): void {
    const { table } = this.head;
    const headEnd = scanRequest(buffer, start, end, table);
    if (headEnd === incomplete) {
      if (this.#held.length === 0) this.plane.reactor.timers.arm(this.#timer, headTimeoutMs);
      this.#held = Buffer.from(buffer.subarray(start, end));
      return;
    }
    if (headEnd < 0) {
      this.#refuse(headEnd as Refusal);
      return;
    }
    this.plane.reactor.timers.disarm(this.#timer);
    this.head.take(buffer);
    this.#reader.begin(table.chunked ? framing.chunked : table.contentLength > 0 ? framing.length : framing.none, table.contentLength);
    const exchange = new HttpExchange(this);
    this.#exchange = exchange;
    const bodyEnd = this.#stepBody(exchange, buffer, headEnd, end);
    if (bodyEnd < 0) return;
    if (bodyEnd < end) this.#hold(buffer, bodyEnd, end);
    exchange.begin(buffer, headEnd, bodyEnd);
  }

  #readBody(buffer: Buffer, start: number, end: number): void {
    if (this.#reader.done || this.#held.length > 0 || this.#paused) {
      this.#hold(buffer, start, end);
      return;
    }
    const exchange = this.#exchange!;
    const bodyEnd = this.#stepBody(exchange, buffer, start, end);
    if (bodyEnd < 0) return;
    if (bodyEnd < end) this.#hold(buffer, bodyEnd, end);
    exchange.onRequestData(buffer, start, bodyEnd);
  }

  /** @returns Where the body's bytes end; -1 when the request was refused. */
  #stepBody(exchange: HttpExchange, buffer: Buffer, start: number, end: number): number {
    const reader = this.#reader;
    let at = start;
    while (at < end && !reader.done) {
      at = reader.step(buffer, at, end);
      if (reader.failed) {
        this.plane.refused("badChunk");
        exchange.onRequestBroken();
        return -1;
      }
      if (reader.dataEnd > reader.dataStart) exchange.onRequestPiece(buffer, reader.dataStart, reader.dataEnd);
    }
    return at;
  }

  /** Keeps what is behind the present request, and holds the client up: one request at a time. */
  #hold(buffer: Buffer, start: number, end: number): void {
    this.#held =
      this.#held.length === 0 ? Buffer.from(buffer.subarray(start, end)) : Buffer.concat([this.#held, buffer.subarray(start, end)]);
    this.pauseBody();
  }

  #refuse(why: Refusal): void {
    this.plane.refused(refusalNames.get(why)!);
    const status =
      why === refusal.tooLong || why === refusal.tooManyFields
        ? "431 Request Header Fields Too Large"
        : why === refusal.badVersion
          ? "505 HTTP Version Not Supported"
          : "400 Bad Request";
    const answer = Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`, "latin1");
    this.stream.write(answer, 0, answer.length);
    this.#linger();
  }

  #linger(): void {
    this.stream.end();
    if (this.#ended) return;
    this.#lingers = true;
    if (this.#paused) this.stream.resume();
    this.plane.reactor.timers.arm(this.#timer, lingerMs);
  }

  #timedOut(): void {
    if (this.#exchange) {
      this.#exchange.onTimeout();
      return;
    }
    if (!this.#lingers && this.#held.length > 0) {
      this.plane.refused("slowHead");
      const answer = Buffer.from("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "latin1");
      this.stream.write(answer, 0, answer.length);
    }
    this.stream.destroy();
  }
}
