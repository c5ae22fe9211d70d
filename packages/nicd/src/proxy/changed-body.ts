/**
 * A body that filters may change: read without its framing, passed through their stages, and framed anew. Its length is told where all of it is
 * there before the head goes, else it goes in chunks, or to the connection's end.
 *
 * @module
 */
import type { BodySink, BodyStage, Trailers } from "../filters/body-stage.ts";
import { BodyReader, type Framing, framing } from "../http1/body-reader.ts";
import { parseTrailers } from "../http1/trailers.ts";

/** How a body goes on: with its length told, in chunks, or to the connection's end. */
export type NewFraming = "length" | "chunked" | "untilClose";

/** Where it comes from and goes. */
export interface BodyEnd {
  /** Chunks can be sent; without, a body of unknown length goes to the connection's end, and its trailers are lost. */
  readonly takesChunks: boolean;
  /** Makes the stages in the order that the body passes them, one at least. @param last What the last of them gives to. */
  bodyStages(last: BodySink): readonly BodyStage[];
  /**
   * Sends the head, and what there is of the body, framed.
   *
   * @param length Of the whole body, where that is told.
   * @returns Whether it went: nothing more is to be sent otherwise.
   */
  beginBody(how: NewFraming, length: number, bytes: Buffer): boolean;
  /** Sends more of it, framed. */
  moreBody(bytes: Buffer): void;
  /** All was sent. */
  endBody(): void;
  /** The exchange is over: what comes of stages goes nowhere. */
  readonly hasEnded: boolean;
}

const nothing = Buffer.alloc(0);
const crlf = Buffer.from("\r\n");
const noTrailers: Trailers = [];

/** See the module. */
export class ChangedBody implements BodySink {
  readonly #end: BodyEnd;
  /** Takes chunk framing off; null where the body's length was told, of which so much is still to come. */
  readonly #reader: BodyReader | null;
  #left: number;
  readonly #stages: readonly BodyStage[];
  /** Of the trailers' lines, what has come. */
  #trailerBytes: Buffer = nothing;
  /** What stages let go on since the last flush. */
  #out: Buffer = nothing;
  #trailers: Trailers = noTrailers;
  #ended = false;
  #begun: NewFraming | null = null;
  #sentEnd = false;
  /** Bytes are being pushed through: they are sent together. */
  #busy = false;

  /** @param length Where `kind` is `framing.length`. */
  constructor(kind: Framing, length: number, end: BodyEnd) {
    this.#end = end;
    this.#left = length;
    this.#reader = kind === framing.length ? null : new BodyReader();
    this.#reader?.begin(kind, length);
    this.#stages = end.bodyStages(this);
  }

  /** Nothing more should be read for now. */
  get isFull(): boolean {
    for (const stage of this.#stages) if (stage.isFull) return true;
    return false;
  }

  /** Takes bytes as they came. */
  push(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    if (reader === null) {
      this.#left -= end - start;
      this.#pass(buffer.subarray(start, end), this.#left <= 0);
      return;
    }
    const pieces: Buffer[] = [];
    for (let at = start; at < end && !reader.done; ) {
      const next = reader.step(buffer, at, end);
      if (reader.dataEnd > reader.dataStart) pieces.push(buffer.subarray(reader.dataStart, reader.dataEnd));
      if (reader.trailersAt >= 0) this.#trailerBytes = Buffer.concat([this.#trailerBytes, buffer.subarray(reader.trailersAt, next)]);
      at = next;
    }
    this.#pass(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), reader.done);
  }

  /** A body that ends with its connection has ended. */
  close(): void {
    const reader = this.#reader;
    if (reader === null || reader.done) return;
    reader.close();
    this.#pass(nothing, true);
  }

  /** Gives what came at once to the first stage at once. */
  #pass(piece: Buffer, done: boolean): void {
    const trailers = done && this.#trailerBytes.length > 2 ? parseTrailers(this.#trailerBytes) : noTrailers;
    const first = this.#stages[0]!;
    this.#busy = true;
    try {
      if (piece.length > 0 || (done && trailers.length === 0)) first.data(piece, done && trailers.length === 0);
      if (trailers.length > 0) first.trailers(trailers);
    } finally {
      this.#busy = false;
    }
    this.flush();
  }

  // ── The last stage's next ────────────────────────────────────────────────────────────────────────────────────────────────────

  data(piece: Buffer, last: boolean): void {
    if (this.#ended || this.#end.hasEnded) return;
    // No copy of a single piece: what comes while bytes are pushed through is sent before they are read over.
    if (piece.length > 0) this.#out = this.#out.length === 0 ? piece : Buffer.concat([this.#out, piece]);
    this.#ended = last;
    if (!this.#busy) this.flush();
  }

  trailers(fields: Trailers): void {
    if (this.#ended || this.#end.hasEnded) return;
    this.#trailers = fields;
    this.#ended = true;
    if (!this.#busy) this.flush();
  }

  /** Sends what is to be sent. */
  flush(): void {
    const end = this.#end;
    if (end.hasEnded || this.#sentEnd) return;
    const out = this.#out;
    if (this.#begun === null) {
      const whole = this.#ended && this.#trailers.length === 0;
      // The head waits for the body to be whole, so that its length can be told, where one was; a stream's head goes at once, as whoever reads it may
      // wait for it before anything else happens.
      if (!whole && out.length === 0 && (this.#reader === null || this.isFull) && !this.#ended) return;
      this.#out = nothing;
      this.#begun = whole ? "length" : end.takesChunks ? "chunked" : "untilClose";
      if (!end.beginBody(this.#begun, out.length, this.#framed(out))) return;
    } else {
      this.#out = nothing;
      const framed = this.#framed(out);
      if (framed.length > 0) end.moreBody(framed);
    }
    if (!this.#ended || end.hasEnded) return;
    this.#sentEnd = true;
    end.endBody();
  }

  #framed(bytes: Buffer): Buffer {
    if (this.#begun !== "chunked") return bytes;
    const parts: Buffer[] = [];
    if (bytes.length > 0) parts.push(Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, crlf);
    if (this.#ended)
      parts.push(Buffer.from(`0\r\n${this.#trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`, "latin1"));
    return parts.length === 0 ? nothing : Buffer.concat(parts);
  }
}
