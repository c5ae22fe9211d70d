/** A body on its way through filters, of which one may hold it back. @module */
import { positionOf, type Step, verdictOf } from "../filters/chain.ts";
import { BodyReader, type Framing } from "../http1/body-reader.ts";
import { verdict } from "../live-exchange.ts";

const nothing = Buffer.alloc(0);

/** Runs the filters for one piece: {@link Chain.requestData} or {@link Chain.responseData} of an exchange. */
export type RunFilters = (data: Uint8Array, last: boolean, from: number) => Step;

/**
 * Shows filters the body's own bytes, and says how much of the bytes as they came, chunk framing with them, may go on.
 *
 * @example
 * ```ts
 * const passed = body.pass(buffer, start, end);
 * next.write(buffer, start, passed);
 * // later, when a filter that said stop says resume:
 * const held = body.takeHeld();
 * next.write(held, 0, body.pass(held, 0, held.length));
 * ```
 */
export class FilteredBody {
  /** A filter holds it back; what {@link pass} did not let go on is kept here. */
  stopped = false;
  readonly #run: RunFilters;
  readonly #reader = new BodyReader();
  #held: Buffer = nothing;
  /** Where the filters go on with the first piece of what was held; 0 when they have not seen it. */
  #from = 0;
  /** That piece, relative to the held bytes, of which the reader has seen so many. */
  #pieceStart = 0;
  #pieceEnd = 0;
  #seen = 0;

  constructor(kind: Framing, length: number, run: RunFilters) {
    this.#run = run;
    this.#reader.begin(kind, length);
  }

  /** @returns Up to where bytes may go on now; the rest is held, or lost when a filter has answered. */
  pass(buffer: Buffer, start: number, end: number): number {
    if (this.stopped) {
      this.#held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      return start;
    }
    let at = start;
    if (this.#from > 0) {
      const piece = buffer.subarray(start + this.#pieceStart, start + this.#pieceEnd);
      const step = this.#run(piece, this.#reader.done, this.#from);
      if (verdictOf(step) !== verdict.continue) return this.#halt(step, buffer, start, end);
      this.#from = 0;
      at = start + this.#seen;
    }
    const reader = this.#reader;
    while (at < end && !reader.done) {
      const before = at;
      at = reader.step(buffer, at, end);
      const { dataStart, dataEnd, done } = reader;
      if (dataEnd === dataStart && !done) continue;
      const step = this.#run(buffer.subarray(dataStart, dataEnd), done, 0);
      if (verdictOf(step) === verdict.continue) continue;
      this.#pieceStart = dataStart - before;
      this.#pieceEnd = dataEnd - before;
      this.#seen = at - before;
      return this.#halt(step, buffer, before, end);
    }
    return at;
  }

  /** A body that ends with its connection has ended. @returns False when a filter holds that back or has answered. */
  close(): boolean {
    if (this.stopped || this.#reader.done) return !this.stopped;
    this.#reader.close();
    const step = this.#run(nothing, true, 0);
    if (verdictOf(step) === verdict.continue) return true;
    this.#pieceStart = this.#pieceEnd = this.#seen = 0;
    this.#halt(step, nothing, 0, 0);
    return false;
  }

  /** What was held, to be given to {@link pass} again. */
  takeHeld(): Buffer {
    const held = this.#held;
    this.#held = nothing;
    this.stopped = false;
    return held;
  }

  #halt(step: Step, buffer: Buffer, start: number, end: number): number {
    if (verdictOf(step) === verdict.stop) {
      this.stopped = true;
      this.#from = positionOf(step);
      this.#held = Buffer.from(buffer.subarray(start, end));
    }
    return start;
  }
}
