import test from "ava";
import { LiveEndpoint } from "../../src/cluster/live-endpoint.ts";
import { RequestSizeLimit } from "../../src/filters/request-size-limit.ts";
import { ResponseSizeLimit } from "../../src/filters/response-size-limit.ts";
import { flag, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";
import { RequestDouble, ResponseDouble } from "./head-double.ts";

/** An exchange that a replica answered. */
function answered(response: ResponseDouble, method = "GET"): ExchangeDouble {
  const x = new ExchangeDouble(new RequestDouble("/", { method }));
  x.endpoint = new LiveEndpoint({ service: "web", address: "10.0.0.1", port: 80, node: null, here: true, weight: 1 });
  x.response = response;
  return x;
}

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
  const judged = (status: number, method: string, length: string) => {
    const x = answered(new ResponseDouble(status, [["content-length", length]]), method);
    limit.onResponseHead(x);
    return ofStatuses(x);
  };
  t.deepEqual(judged(200, "GET", "11"), ["502 OM"]);
  t.deepEqual(judged(200, "GET", "10"), []);
  t.deepEqual(judged(200, "HEAD", "11"), []);
  t.deepEqual(judged(304, "GET", "11"), []);
});

test("ResponseSizeLimit lets own answers pass, its own 502 too", (t) => {
  const limit = new ResponseSizeLimit(10);
  const untried = new ExchangeDouble();
  untried.response = new ResponseDouble(403, [["content-length", "19"]]);
  t.is(limit.onResponseHead(untried), verdict.continue);
  const failed = answered(new ResponseDouble(504, [["content-length", "40"]]));
  failed.flag = flag.upstreamTimeout;
  t.is(limit.onResponseHead(failed), verdict.continue);
  const late = answered(new ResponseDouble(200, [["content-length", "40"]]));
  late.flag = flag.faultDelay;
  t.is(limit.onResponseHead(late), verdict.respond);
  t.is(limit.onResponseHead(late), verdict.continue);
});

test("ResponseSizeLimit refuses a body without a length at the byte beyond", (t) => {
  const limit = new ResponseSizeLimit(10);
  const x = answered(new ResponseDouble());
  t.is(limit.onResponseHead(x), verdict.continue);
  t.is(limit.onResponseData(x, new Uint8Array(10)), verdict.continue);
  t.is(limit.onResponseData(x, new Uint8Array(1)), verdict.respond);
  limit.onEnd(x);
});
