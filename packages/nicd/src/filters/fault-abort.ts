/** Answers a share of the requests with an error, on purpose. @module */
import type { Fault } from "@mitsu/catalog";
import { flag, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";

/** No replica is asked. */
export class FaultAbort implements Filter {
  readonly name = "fault-abort";
  /** Requests answered so far. */
  aborted = 0;
  readonly #share: number;
  readonly #answer: OwnAnswer;
  readonly #random: () => number;

  constructor({ share, status }: NonNullable<Fault["abort"]>, random: () => number) {
    this.#share = share;
    this.#answer = { status, flag: flag.faultAbort, body: "fault filter abort" };
    this.#random = random;
  }

  onRequestHead(x: LiveExchange): Verdict {
    if (this.#random() >= this.#share) return verdict.continue;
    this.aborted++;
    return x.respond(this.#answer);
  }
}
