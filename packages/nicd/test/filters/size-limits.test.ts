import test from "ava";
import { RequestSizeLimit } from "../../src/filters/request-size-limit.ts";
import { ResponseSizeLimit } from "../../src/filters/response-size-limit.ts";
import { verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";
import { RequestDouble, ResponseDouble } from "./head-double.ts";

const withLength = (length: string) => new ExchangeDouble(new RequestDouble("/", { method: "POST", fields: [["content-length", length]] }));
const ofStatuses = (x: ExchangeDouble) => x.answers.map(({ status, flag }) => `${status} ${flag}`);

test("RequestSizeLimit refuses by Content-Length, and takes what is just as long as the limit", (t) => {
  const limit = new RequestSizeLimit(10);
  t.is(limit.onRequestHead(withLength("10")), verdict.continue);
  const long = withLength("11");
  t.is(limit.onRequestHead(long), verdict.respond);
  t.deepEqual(ofStatuses(long), ["413 OM"]);
});

test("RequestSizeLimit refuses a body without a length at the byte beyond, each exchange for itself", (t) => {
  const limit = new RequestSizeLimit(10);
  const [one, other] = [new ExchangeDouble(), new ExchangeDouble()];
  for (const x of [one, other]) t.is(limit.onRequestHead(x), verdict.continue);
  t.is(limit.onRequestData(one, new Uint8Array(6)), verdict.continue);
  t.is(limit.onRequestData(other, new Uint8Array(6)), verdict.continue);
  t.is(limit.onRequestData(one, new Uint8Array(4)), verdict.continue);
  t.is(limit.onRequestData(one, new Uint8Array(1)), verdict.respond);
  t.deepEqual(ofStatuses(one), ["413 OM"]);
  limit.onEnd(one);
  t.is(limit.onRequestData(other, new Uint8Array(4)), verdict.continue);
  t.is(limit.onRequestData(one, new Uint8Array(99)), verdict.continue, "forgotten at its end");
});

test("ResponseSizeLimit refuses by Content-Length, but for answers that have no body", (t) => {
  const limit = new ResponseSizeLimit(10);
  const answered = (status: number, method: string, length: string) => {
    const x = new ExchangeDouble(new RequestDouble("/", { method }));
    x.response = new ResponseDouble(status, [["content-length", length]]);
    limit.onResponseHead(x);
    return ofStatuses(x);
  };
  t.deepEqual(answered(200, "GET", "11"), ["502 OM"]);
  t.deepEqual(answered(200, "GET", "10"), []);
  t.deepEqual(answered(200, "HEAD", "11"), []);
  t.deepEqual(answered(304, "GET", "11"), []);
});

test("ResponseSizeLimit refuses a body without a length at the byte beyond", (t) => {
  const limit = new ResponseSizeLimit(10);
  const x = new ExchangeDouble();
  x.response = new ResponseDouble();
  t.is(limit.onResponseHead(x), verdict.continue);
  t.is(limit.onResponseData(x, new Uint8Array(10)), verdict.continue);
  t.is(limit.onResponseData(x, new Uint8Array(1)), verdict.respond);
  limit.onEnd(x);
});
