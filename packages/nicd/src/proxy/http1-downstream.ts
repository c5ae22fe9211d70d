/**
 * One HTTP/1.1 connection of a client: its requests come one after the other, pipelined ones wait. Over 300 lines: what is held, why it is
 * paused, and what the one timer is about belong together in every state.
 * @module
 */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Timer } from "@mitsu/reactor/timers";
import { BodyReader, framing } from "../http1/body-reader.ts";
import { Http1RequestHead } from "../http1/request-head.ts";
import { incomplete, longestHead, type Refusal, refusal, scanRequest } from "../http1/scan-head.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { HttpExchange } from "./http-exchange.ts";

/** A client may be so slow with a head, and so long without a request. */
const headTimeoutMs = 60_000;
const idleTimeoutMs = 3_600_000;
/** After an answer that ends the connection, what the client still sends is read so long, or a reset would destroy that answer. RFC 9112 §9.6 */
const lingerMs = 1000;

const nothing = Buffer.alloc(0);
const LF = 10;

const refusalNames = new Map<number, string>(Object.entries(refusal).map(([name, number]) => [number, name]));
const refusalStatus = new Map<number, string>([
  [refusal.tooLong, "431 Request Header Fields Too Large"],
  [refusal.tooManyFields, "431 Request Header Fields Too Large"],
  [refusal.unknownTransferEncoding, "501 Not Implemented"],
  [refusal.badVersion, "505 HTTP Version Not Supported"],
]);

/** Reads requests; each is handed to an {@link HttpExchange}, which answers by {@link write}. */
export class Http1Downstream implements ByteStreamEvents {
  readonly stream: ByteStream;
  readonly plane: DataPlane;
  readonly entry: Entry;
  readonly head: Http1RequestHead = new Http1RequestHead();
  /** The present exchange's ids: see `LiveExchange`. As numbers, so that they are zeroed by four stores. */
  readonly #ids: Float64Array = new Float64Array(4);
  readonly traceId: Uint8Array = new Uint8Array(this.#ids.buffer, 0, 16);
  readonly spanId: Uint8Array = new Uint8Array(this.#ids.buffer, 16, 8);
  readonly parentSpanId: Uint8Array = new Uint8Array(this.#ids.buffer, 24, 8);
  readonly #reader: BodyReader = new BodyReader();
  readonly #timer: Timer;
  #exchange: HttpExchange | null = null;
  #tunnel: ByteStreamEvents | null = null;
  /** Bytes of a head that is not whole, or behind the present request, or of its body while that waits; ours. */
  #held: Buffer = nothing;
  /** The held bytes that are being read. */
  #reading: Buffer = nothing;
  /** Some of a head has come: its time runs from its first byte on, whatever comes after it. */
  #headBegun = false;
  /** The exchange takes no more of the body for now. */
  #bodyWaits = false;
  /** The held bytes are looked at in a moment, or when the client has read the answers so far. */
  #goesOn = false;
  #paused = false;
  /** What was written waits for the client to read. */
  #full = false;
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

  /** The request has been read to its end. */
  get requestIsWhole(): boolean {
    return this.#reader.done;
  }

  get clientHasEnded(): boolean {
    return this.#ended;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#tunnel) this.#tunnel.onData(buffer, start, end);
    else if (this.#lingers) return;
    else if (this.#held.length === 0) this.#read(buffer, start, end);
    else if (this.#exchange || this.#goesOn) this.#hold(buffer, start, end);
    else {
      // A head is looked at again only when a line has ended since: a byte at a time costs no more than its reading.
      const whole = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      this.#held = whole;
      if (buffer.subarray(start, end).includes(LF)) this.#readHeld();
      else if (whole.length > longestHead) this.#refuse(refusal.tooLong);
    }
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#tunnel) this.#tunnel.onEnd();
    else if (this.#exchange) this.#exchange.onClientEnd();
    else if (!this.#goesOn) this.stream.end(); // between two requests, or in the middle of a head
  }

  onDrain(): void {
    this.#full = false;
    if (this.#tunnel) this.#tunnel.onDrain();
    else if (this.#exchange) this.#exchange.onClientDrain();
    else if (this.#lingers) this.plane.reactor.timers.arm(this.#timer, lingerMs);
    else if (this.#goesOn) this.plane.reactor.defer(this.#goOn);
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

  /** Writes to the client. @returns False when it does not read fast enough: {@link HttpExchange.onClientDrain} follows. */
  write(buffer: Buffer, start: number, end: number): boolean {
    const goesOn = this.stream.write(buffer, start, end);
    this.#full = !goesOn;
    return goesOn;
  }

  /** Reads on after {@link pauseBody}. */
  resumeBody(): void {
    if (!this.#bodyWaits) return;
    this.#bodyWaits = false;
    if (this.#held.length > 0 && !this.#reader.done) this.#readHeld();
    this.#flow();
  }

  /** No more of the request's body for now. */
  pauseBody(): void {
    if (this.#reader.done || this.#exchange === null) return;
    this.#bodyWaits = true;
    this.#flow();
  }

  /** The exchange is over: its answer has been written whole. @param close Nothing can follow on this connection. */
  exchangeEnded(close: boolean): void {
    this.#exchange = null;
    this.#bodyWaits = false;
    if (this.#closed) return;
    if (close || this.plane.draining) {
      this.#linger();
      return;
    }
    this.plane.reactor.timers.arm(this.#timer, idleTimeoutMs);
    if (this.#held.length > 0 || this.#full) {
      // Not from within the call that ended the exchange: a thousand pipelined requests would go that deep. Nor before the client has read the
      // answers so far: it could ask for gigabytes in a few bytes.
      this.#goesOn = true;
      if (!this.#full) this.plane.reactor.defer(this.#goOn);
      this.#flow();
    } else if (this.#ended) this.stream.end();
    else this.#flow();
  }

  /** No further request is taken. */
  drain(): void {
    if (this.#exchange === null && this.#tunnel === null && this.#held.length === 0 && !this.#lingers) this.#linger();
  }

  /** Makes the ids zero, for the next exchange. */
  forgetIds(): void {
    const ids = this.#ids;
    ids[0] = ids[1] = ids[2] = ids[3] = 0;
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
    this.#bodyWaits = false;
    this.#flow();
    return held;
  }

  /** Looks at what is held, some time after the exchange that it had to wait for. */
  readonly #goOn = (): void => {
    if (this.#closed || this.#lingers || !this.#goesOn || this.#full) return;
    this.#goesOn = false;
    if (this.plane.draining) {
      this.#linger();
      return;
    }
    if (this.#held.length > 0) this.#readHeld();
    if (this.#closed || this.#lingers || this.#tunnel) return;
    if (this.#ended && this.#exchange === null && !this.#goesOn)
      this.stream.end(); // what is left is no whole head, and will be none
    else this.#flow();
  };

  #readHeld(): void {
    const held = this.#held;
    this.#held = nothing;
    this.#reading = held;
    this.#read(held, 0, held.length);
    this.#reading = nothing;
  }

  #read(buffer: Buffer, start: number, end: number): void {
    if (this.#exchange) this.#readBody(this.#exchange, buffer, start, end);
    else this.#readHead(buffer, start, end);
  }

  #readHead(buffer: Buffer, start: number, end: number): void {
    const { table } = this.head;
    const headEnd = scanRequest(buffer, start, end, table);
    if (headEnd === incomplete) {
      if (!this.#headBegun) this.plane.reactor.timers.arm(this.#timer, headTimeoutMs);
      this.#headBegun = true;
      this.#hold(buffer, start, end);
      return;
    }
    if (headEnd < 0) {
      this.#refuse(headEnd as Refusal);
      return;
    }
    this.#headBegun = false;
    this.plane.reactor.timers.disarm(this.#timer);
    this.head.take(buffer);
    this.#reader.begin(table.chunked ? framing.chunked : table.contentLength > 0 ? framing.length : framing.none, table.contentLength);
    const bodyEnd = this.#stepBody(buffer, headEnd, end);
    if (bodyEnd < 0) {
      this.#answer("400 Bad Request");
      return;
    }
    if (bodyEnd < end) this.#hold(buffer, bodyEnd, end);
    this.#exchange = new HttpExchange(this);
    this.#flow();
    this.#exchange.begin(buffer, headEnd, bodyEnd);
  }

  #readBody(exchange: HttpExchange, buffer: Buffer, start: number, end: number): void {
    if (this.#reader.done || this.#bodyWaits) {
      this.#hold(buffer, start, end);
      this.#flow();
      return;
    }
    const bodyEnd = this.#stepBody(buffer, start, end);
    if (bodyEnd < 0) {
      exchange.onRequestBroken();
      return;
    }
    if (bodyEnd < end) {
      this.#hold(buffer, bodyEnd, end);
      this.#flow();
    }
    exchange.onRequestData(buffer, start, bodyEnd);
  }

  /** @returns Where the body's bytes end; -1 when its framing is broken. */
  #stepBody(buffer: Buffer, start: number, end: number): number {
    const reader = this.#reader;
    let at = start;
    while (at < end && !reader.done) {
      at = reader.step(buffer, at, end);
      if (reader.failed) {
        this.plane.refused("badChunk");
        return -1;
      }
    }
    return at;
  }

  /** Keeps what cannot be dealt with yet. */
  #hold(buffer: Buffer, start: number, end: number): void {
    const bytes = buffer.subarray(start, end);
    if (this.#held.length > 0) this.#held = Buffer.concat([this.#held, bytes]);
    else this.#held = buffer === this.#reading ? bytes : Buffer.from(bytes);
  }

  /** Reads from the client while there is somewhere for its bytes to go: one request at a time. */
  #flow(): void {
    const pauses = this.#bodyWaits || this.#goesOn || (this.#exchange !== null && this.#held.length > 0);
    if (pauses === this.#paused) return;
    this.#paused = pauses;
    if (pauses) this.stream.pause();
    else this.stream.resume();
  }

  #refuse(why: Refusal): void {
    this.plane.refused(refusalNames.get(why)!);
    this.#answer(refusalStatus.get(why) ?? "400 Bad Request");
  }

  /** Answers what is no request. */
  #answer(status: string): void {
    const answer = Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`, "latin1");
    this.write(answer, 0, answer.length);
    this.#linger();
  }

  #linger(): void {
    this.#lingers = true;
    this.#goesOn = false;
    this.#held = nothing;
    this.stream.end();
    this.#flow();
    // A client that has not read its answer yet gets the time that it takes.
    this.plane.reactor.timers.arm(this.#timer, this.#full ? idleTimeoutMs : lingerMs);
  }

  #timedOut(): void {
    if (this.#exchange) {
      try {
        this.#exchange.onTimeout();
      } catch (error) {
        this.abort(); // a fault of ours that struck the answer as well: nobody is left to wait for ever
        throw error;
      }
      return;
    }
    if (!this.#lingers && this.#held.length > 0 && !this.#goesOn) {
      this.plane.refused("slowHead");
      this.#answer("408 Request Timeout");
      return;
    }
    this.stream.destroy();
  }
}
