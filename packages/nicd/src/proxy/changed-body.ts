/**
 * A body that filters may change: read without its framing, passed through their stages, and framed anew. Its length is told where all of it is
 * there before the head goes, else it goes in chunks, or to the connection's end.
 *
 * @module
 */
import type { BodySink, BodyStage, Trailers } from "../filters/body-stage.ts";
import { BodyReader, type Framing, framing } from "../http1/body-reader.ts";
import { parseTrailers } from "../http1/trailers.ts";

/** How a body goes on. */
export type NewFraming =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "untilClose" };

/** Where it goes. */
export interface BodyEnd {
  /** Chunks can be sent; without, a body of unknown length goes to the connection's end, and its trailers are lost. */
  readonly chunks: boolean;
  /** Sends the head, and what there is of the body, framed. @returns Whether it went: nothing more is to be sent otherwise. */
  begin(how: NewFraming, bytes: Buffer): boolean;
  /** Sends more of it, framed. */
  more(bytes: Buffer): void;
  /** All was sent. */
  end(): void;
  /** The exchange is over: what comes of stages goes nowhere. */
  isOver(): boolean;
}

const nothing = Buffer.alloc(0);
const crlf = Buffer.from("\r\n");

/** Makes the stages in the order that the body passes them. @param end What the last of them gives to. */
export type MakeStages = (end: BodySink) => readonly BodyStage[];

/** See the module. */
export class ChangedBody implements BodySink {
  readonly #end: BodyEnd;
  readonly #reader = new BodyReader();
  readonly #stages: readonly BodyStage[];
  /** The head waits for the body to be whole, so that its length can be told. */
  readonly #waits: boolean;
  /** Of the trailers' lines, what has come. */
  #trailerBytes: Buffer = nothing;
  /** What stages let go on since the last flush. */
  #out: Buffer[] = [];
  #trailers: Trailers = [];
  #ended = false;
  #begun: NewFraming["kind"] | null = null;
  #sentEnd = false;
  /** Bytes are being pushed through: they are sent together. */
  #busy = false;

  /** @param length Where `kind` is `framing.length`. @param make Makes one stage at least. */
  constructor(kind: Framing, length: number, end: BodyEnd, make: MakeStages) {
    this.#end = end;
    this.#reader.begin(kind, length);
    this.#waits = kind === framing.length;
    this.#stages = make(this);
  }

  /** Nothing more should be read for now. */
  get isFull(): boolean {
    return this.#stages.some(({ isFull }) => isFull);
  }

  /** Takes bytes as they came. */
  push(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    const pieces: Buffer[] = [];
    for (let at = start; at < end && !reader.done; ) {
      const next = reader.step(buffer, at, end);
      if (reader.dataEnd > reader.dataStart) pieces.push(buffer.subarray(reader.dataStart, reader.dataEnd));
      if (reader.trailersAt >= 0) this.#trailerBytes = Buffer.concat([this.#trailerBytes, buffer.subarray(reader.trailersAt, next)]);
      at = next;
    }
    this.#pass(pieces, reader.done);
  }

  /** A body that ends with its connection has ended. */
  close(): void {
    if (this.#reader.done) return;
    this.#reader.close();
    this.#pass([], true);
  }

  /** Gives what came at once to the first stage at once. */
  #pass(pieces: readonly Buffer[], done: boolean): void {
    const trailers = done && this.#trailerBytes.length > 2 ? parseTrailers(this.#trailerBytes) : [];
    const piece = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
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
    if (this.#ended || this.#end.isOver()) return;
    // No copy: what comes while bytes are pushed through is sent before they are read over.
    if (piece.length > 0) this.#out.push(piece);
    this.#ended = last;
    if (!this.#busy) this.flush();
  }

  trailers(fields: Trailers): void {
    if (this.#ended || this.#end.isOver()) return;
    this.#trailers = fields;
    this.#ended = true;
    if (!this.#busy) this.flush();
  }

  /** Sends what is to be sent. */
  flush(): void {
    if (this.#end.isOver() || this.#sentEnd) return;
    const out = this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out);
    if (this.#begun === null) {
      const whole = this.#ended && this.#trailers.length === 0;
      // A stream's head goes at once, as whoever reads it may wait for it before anything else happens.
      if (!whole && out.length === 0 && (this.#waits || this.isFull) && !this.#ended) return;
      const how: NewFraming = whole ? { kind: "length", length: out.length } : { kind: this.#end.chunks ? "chunked" : "untilClose" };
      this.#out = [];
      this.#begun = how.kind;
      if (!this.#end.begin(how, this.#framed(out))) return;
    } else {
      this.#out = [];
      const framed = this.#framed(out);
      if (framed.length > 0) this.#end.more(framed);
    }
    if (!this.#ended || this.#end.isOver()) return;
    this.#sentEnd = true;
    this.#end.end();
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
