import { Timers } from "@mitsu/reactor/timers";
import test from "ava";
import { FaultAbort } from "../../src/filters/fault-abort.ts";
import { FaultDelay } from "../../src/filters/fault-delay.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";
import { flag, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";

test("FaultDelay holds a request back for its time, then lets it go on", (t) => {
  const timers = new Timers(0);
  const filter = new FaultDelay({ share: 1, ms: 50 }, () => 0.99, timers);
  const x = new ExchangeDouble();
  t.is(filter.onRequestHead(x), verdict.stop);
  t.is(x.flag, flag.faultDelay);
  timers.advance(49);
  t.is(x.resumes, 0);
  timers.advance(51);
  t.is(x.resumes, 1);
  filter.onEnd(x);
  timers.advance(500);
  t.is(x.resumes, 1);
});

test("FaultDelay forgets an exchange that ends while it is held back", (t) => {
  const timers = new Timers(0);
  const filter = new FaultDelay({ share: 1, ms: 50 }, () => 0, timers);
  const [gone, waiting] = [new ExchangeDouble(), new ExchangeDouble()];
  filter.onRequestHead(gone);
  filter.onRequestHead(waiting);
  filter.onEnd(gone);
  filter.onEnd(new ExchangeDouble());
  timers.advance(100);
  t.deepEqual([gone.resumes, waiting.resumes], [0, 1]);
});

test("FaultDelay and FaultAbort take their share", (t) => {
  const random = new Xoshiro128(Uint32Array.of(1, 2, 3, 4));
  const delay = new FaultDelay({ share: 0.1, ms: 1 }, () => random.fraction(), new Timers(0));
  const abort = new FaultAbort({ share: 0.1, status: 503 }, () => random.fraction());
  const none = new FaultAbort({ share: 0, status: 503 }, () => 0);
  for (let n = 0; n < 5000; n++) {
    const x = new ExchangeDouble();
    delay.onRequestHead(x);
    delay.onEnd(x);
    abort.onRequestHead(x);
    t.is(none.onRequestHead(x), verdict.continue);
  }
  for (const count of [delay.delayed, abort.aborted]) t.true(Math.abs(count - 500) < 110, String(count));
});

test("FaultAbort answers with its status, Envoy's words and the flag", (t) => {
  const x = new ExchangeDouble();
  t.is(new FaultAbort({ share: 1, status: 418 }, () => 0.5).onRequestHead(x), verdict.respond);
  t.deepEqual(x.answers, [{ status: 418, flag: flag.faultAbort, body: "fault filter abort" }]);
});
