/** Refuses requests with long bodies. @module */
import { flag, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import { BodyCount } from "./body-count.ts";
import type { Filter } from "./filter.ts";

const tooLarge: OwnAnswer = { status: 413, flag: flag.tooLarge, body: "Payload Too Large" };

/** 413 as soon as a body is known to be longer: by its Content-Length, or when that much has come. */
export class RequestSizeLimit implements Filter {
  readonly name = "request-size";
  readonly #most: number;
  readonly #count: BodyCount;

  /** @param most Bytes of the body, at least 1. */
  constructor(most: number) {
    this.#most = most;
    this.#count = new BodyCount(most);
  }

  onRequestHead(x: LiveExchange): Verdict {
    const length = x.request.get("content-length");
    if (length === undefined) this.#count.begin(x);
    // What is within the limit by its length cannot be longer: the framing sees to that.
    return Number(length) > this.#most ? x.respond(tooLarge) : verdict.continue;
  }

  onRequestData(x: LiveExchange, data: Uint8Array): Verdict {
    return this.#count.add(x, data.length) ? verdict.continue : x.respond(tooLarge);
  }

  onEnd(x: LiveExchange): void {
    this.#count.end(x);
  }
}
