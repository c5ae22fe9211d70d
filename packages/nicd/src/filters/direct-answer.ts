/** Answers in the place of a service. @module */
import type { DirectAnswer as Answer } from "@mitsu/catalog";
import { flag, type LiveExchange, type OwnAnswer, type Verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";

/** Every request gets a route's `respond`. */
export class DirectAnswer implements Filter {
  readonly name = "respond";
  readonly #answer: OwnAnswer;

  constructor({ status, body }: Answer) {
    this.#answer = { status, flag: flag.none, body };
  }

  onRequestHead(x: LiveExchange): Verdict {
    return x.respond(this.#answer);
  }
}
