/** An exchange for tests, which notes what filters do with it. @module */
import { defaultRoute } from "@mitsu/catalog";
import { type Flag, flag, type Kept, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../../src/live-exchange.ts";
import type { ResponseHead } from "../../src/message-head.ts";
import { RequestDouble } from "./head-double.ts";

let last = 0;

/** Change what a test is about by assignment. */
export class ExchangeDouble implements LiveExchange {
  readonly id: number = ++last;
  caller: LiveExchange["caller"] = { service: "shop", address: "10.0.0.9", port: 40000, by: "cgroup" };
  service = "web";
  port = 80;
  request: RequestDouble;
  response: ResponseHead | null = null;
  route: LiveExchange["route"] = defaultRoute();
  target = "web";
  endpoint: LiveExchange["endpoint"] = null;
  tries = 0;
  flag: Flag = flag.none;
  deniedBy = "";
  kept: Kept[] | null = null;
  readonly traceId: Uint8Array = new Uint8Array(16);
  readonly spanId: Uint8Array = new Uint8Array(8);
  readonly parentSpanId: Uint8Array = new Uint8Array(8);
  sampled = false;
  startNs = 0;
  firstNs = 0;
  endNs = 0;
  requestBytes = 0;
  responseBytes = 0;
  /** Own answers and resumes so far. */
  answers: OwnAnswer[] = [];
  resumes = 0;

  constructor(request: RequestDouble = new RequestDouble()) {
    this.request = request;
  }

  respond(answer: OwnAnswer): Verdict {
    this.answers.push(answer);
    if (answer.flag !== flag.none) this.flag = answer.flag;
    return verdict.respond;
  }

  resume(): void {
    this.resumes++;
  }

  readonly requestHasBody = false;
  readonly responseHasBody = false;
  buffer(): void {}
  chooseAgain(): void {}
  reset(why: Flag): void {
    this.flag = why;
  }
}
