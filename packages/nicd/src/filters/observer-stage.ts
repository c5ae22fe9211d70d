/** A filter that only looks at a body's pieces, on the way of a body that others change. @module */
import { type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { BodySink, BodyStage, Trailers } from "./body-stage.ts";

const nothing = Buffer.alloc(0);

/** Passes on what the filter does not object to. Such filters answer, or let pass; none of them holds a body back. */
export class ObserverStage implements BodyStage {
  readonly isFull = false;
  readonly #x: LiveExchange;
  readonly #look: (x: LiveExchange, data: Uint8Array, last: boolean) => Verdict;
  readonly #next: BodySink;
  #over = false;

  constructor(x: LiveExchange, look: (x: LiveExchange, data: Uint8Array, last: boolean) => Verdict, next: BodySink) {
    this.#x = x;
    this.#look = look;
    this.#next = next;
  }

  data(piece: Buffer, last: boolean): void {
    if (this.#over) return;
    this.#over = this.#look(this.#x, piece, last) === verdict.respond;
    if (!this.#over) this.#next.data(piece, last);
  }

  trailers(fields: Trailers): void {
    if (this.#over) return;
    this.#over = this.#look(this.#x, nothing, true) === verdict.respond;
    if (!this.#over) this.#next.trailers(fields);
  }
}
