/** Refuses answers with long bodies. @module */
import { flag, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import { BodyCount } from "./body-count.ts";
import type { Filter } from "./filter.ts";

const tooLarge: OwnAnswer = { status: 502, flag: flag.tooLarge, body: "the answer is too large" };

/** 502 when an answer tells that it is longer; where it only turns out to be, `respond` finds the answer begun, and the exchange is cut off. */
export class ResponseSizeLimit implements Filter {
  readonly name = "response-size";
  readonly #most: number;
  readonly #count: BodyCount;

  /** @param most Bytes of the body, at least 1. */
  constructor(most: number) {
    this.#most = most;
    this.#count = new BodyCount(most);
  }

  onResponseHead(x: LiveExchange): Verdict {
    // These have a length, but no body (RFC 9110 §8.6).
    if (x.response === null || x.request.method === "HEAD" || x.response.status === 304) return verdict.continue;
    // Own answers pass: no replica was tried, or what it did has failed the exchange already; the 502 of this filter is one of them.
    if (x.endpoint === null || (x.flag !== flag.none && x.flag !== flag.faultDelay)) return verdict.continue;
    const length = x.response.get("content-length");
    if (length === undefined) this.#count.begin(x);
    return Number(length) > this.#most ? x.respond(tooLarge) : verdict.continue;
  }

  onResponseData(x: LiveExchange, data: Uint8Array): Verdict {
    return this.#count.add(x, data.length) ? verdict.continue : x.respond(tooLarge);
  }

  onEnd(x: LiveExchange): void {
    this.#count.end(x);
  }
}
