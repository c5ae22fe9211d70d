/** One direction of an exchange: what comes in, what the filter holds back of it, and what went on. @module */
import { type Action, action, type BodyAction, ByteList, bodyAction, FieldList, type Pair } from "@mitsu/proxy-wasm";
import type { Message } from "./answers.ts";

/** The filter's callbacks of that direction. */
export interface HalfCallbacks {
  headers(endOfStream: boolean): Action;
  body(size: number, endOfStream: boolean): BodyAction;
  trailers(): Action;
}

/** The same as {@link Message}, while it grows. */
export interface Passed {
  headers: readonly Pair[] | null;
  readonly body: Uint8Array[];
  trailers: readonly Pair[];
}

const nothing = new Uint8Array(0);

/**
 * Runs the callbacks over a message and obeys what they answer, as Envoy 1.40 does: a head that is stopped stops all that follows; a stopped body is
 * kept as a whole, kept but seen piece by piece, or lost.
 */
export class Half {
  fields: FieldList;
  trailers: FieldList | null = null;
  /** What the filter may see and change of the body now. */
  buffer: ByteList = new ByteList(nothing);
  /** Bytes of body that came in. */
  received = 0;
  readonly passed: Passed = { headers: null, body: [], trailers: [] };
  /** The body outgrew what may be buffered. */
  overflown = false;
  readonly #message: Message;
  readonly #limit: number;
  readonly #kept: Uint8Array[] = [];
  #held = false;
  #resumed = false;

  /** @param limit Bytes that may be held back of a body. */
  constructor(message: Message, limit: number) {
    this.#message = message;
    this.#limit = limit;
    this.fields = new FieldList(message.headers);
  }

  /** Whether it waits to be resumed. */
  get held(): boolean {
    return this.#held;
  }

  /** Whether its head is on its way: nothing else can be said then. */
  get begun(): boolean {
    return this.passed.headers !== null;
  }

  /** What was held back goes on. */
  resume(): void {
    this.#resumed = true;
    this.#held = false;
  }

  /** From the head to the end; waits at each `yield` for {@link resume}. Stop asking when the exchange is over. */
  *run(callbacks: HalfCallbacks): Generator<void> {
    const { body, trailers } = this.#message;
    const hasTrailers = trailers.length > 0;
    const stopped = this.#stops(callbacks.headers(body.length === 0 && !hasTrailers));
    if (stopped) {
      // What comes in while all is stopped is one piece in the end.
      const waiting = body.reduce((bytes, piece) => bytes + piece.length, 0);
      if (waiting > this.#limit) {
        this.overflown = true;
        return;
      }
      yield* this.#hold();
    }
    this.#passHead();
    yield* this.#runBody(stopped && body.length > 0 ? [Buffer.concat(body)] : body, hasTrailers, callbacks);
    if (!hasTrailers) return;
    this.trailers = new FieldList(trailers);
    if (this.#stops(callbacks.trailers())) yield* this.#hold();
    this.#passBody();
    this.passed.trailers = this.trailers.pairs();
    this.trailers = new FieldList(this.passed.trailers, true);
  }

  *#runBody(pieces: readonly Uint8Array[], more: boolean, callbacks: HalfCallbacks): Generator<void> {
    for (const [at, piece] of pieces.entries()) {
      this.received += piece.length;
      this.buffer.splice(this.buffer.length, 0, piece);
      this.#resumed = false;
      const answer = callbacks.body(this.buffer.length, at === pieces.length - 1 && !more);
      if (answer === bodyAction.continue || this.#resumed) {
        this.#passBody();
        this.#held = false;
        continue;
      }
      this.#held = true;
      if (answer === bodyAction.stopIterationNoBuffer) this.buffer = new ByteList(nothing);
      if (answer === bodyAction.stopIterationAndWatermark) {
        this.#kept.push(this.buffer.bytes);
        this.buffer = new ByteList(nothing);
      }
      if (answer === bodyAction.stopIterationAndBuffer && this.buffer.length > this.#limit) {
        this.overflown = true;
        return;
      }
    }
    if (this.#held && !more) {
      yield* this.#hold();
      this.#passBody();
    }
  }

  #stops(answer: Action): boolean {
    const resumed = this.#resumed;
    this.#resumed = false;
    return answer !== action.continue && answer !== action.endStream && !resumed;
  }

  *#hold(): Generator<void> {
    this.#held = true;
    while (this.#held) yield;
    this.#resumed = false;
  }

  #passHead(): void {
    this.passed.headers = this.fields.pairs();
    this.fields = new FieldList(this.passed.headers, true);
  }

  #passBody(): void {
    for (const piece of [...this.#kept.splice(0), this.buffer.bytes]) if (piece.length > 0) this.passed.body.push(piece);
    this.buffer = new ByteList(nothing);
  }
}
