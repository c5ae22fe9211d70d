/** Traces the daemon keeps, hands out and follows. @module */
import { setImmediate as turn } from "node:timers/promises";
import test from "ava";
import type { Exchange } from "../src/exchange.ts";
import { QuietTraces } from "../src/quiet-traces.ts";
import { RecentTraces } from "../src/recent-traces.ts";
import { TraceStore, traceStoreLimits } from "../src/trace-store.ts";
import { exchangeFromWire } from "../src/wire.ts";
import { shop, someExchange, traceIdOf } from "./some-exchanges.ts";

const one = (trace: number, more: Partial<Exchange> = {}, ms = 1): Exchange => ({
  ...someExchange({ from: "a", to: "b", span: trace, ms: [0, 0, ms] }),
  traceId: traceIdOf(trace),
  ...more,
});
const many = { traces: 1000, exchanges: 1000, exchangesEach: 1000, bytes: 1e9 };
const ids = (store: TraceStore): string[] => store.last(1000).map(({ traceId }) => traceId);

test("TraceStore keeps exchanges by trace, the newest last, and none that is not sampled", (t) => {
  const store = new TraceStore();
  for (const exchange of [one(1), one(2), one(3, { sampled: false }), one(1, { target: "/2" })]) store.add(exchange);
  t.deepEqual(ids(store), [traceIdOf(2), traceIdOf(1)]);
  t.deepEqual(
    store.last(1)[0]!.exchanges.map(({ target }) => target),
    ["/b", "/2"],
  );
  t.like(store.size, { traces: 2, exchanges: 3 });
});

test("TraceStore lets the trace go that has been quiet longest, at each of its limits", (t) => {
  const byTraces = new TraceStore({ ...many, traces: 2 });
  for (const n of [1, 2, 1, 3]) byTraces.add(one(n));
  t.deepEqual(ids(byTraces), [traceIdOf(1), traceIdOf(3)]);

  const byExchanges = new TraceStore({ ...many, exchanges: 3 });
  for (const n of [1, 1, 2, 3]) byExchanges.add(one(n));
  t.deepEqual(ids(byExchanges), [traceIdOf(2), traceIdOf(3)]);
  t.is(byExchanges.size.exchanges, 2);

  const byBytes = new TraceStore({ ...many, bytes: 3000 });
  for (const n of [1, 2, 3, 4]) byBytes.add(one(n));
  t.deepEqual(ids(byBytes), [traceIdOf(2), traceIdOf(3), traceIdOf(4)]);
  byBytes.add(one(5, { target: "/".repeat(1000) }));
  t.deepEqual(ids(byBytes), [traceIdOf(5)]);
  t.true(byBytes.size.bytes <= 3000);
});

test("TraceStore stays within its limits when a client sends one trace id for ever, and begins that trace anew in time", (t) => {
  const store = new TraceStore({ ...many, traces: 3, exchangesEach: 2 });
  for (let n = 0; n < 5; n++) store.add(one(1));
  t.deepEqual([store.size.exchanges, store.refused], [2, 3]);
  for (const n of [2, 3, 4]) {
    store.add(one(n));
    store.add(one(1));
  }
  t.true(ids(store).includes(traceIdOf(1)));
  t.is(store.last(1)[0]!.exchanges.length, 1);
});

test("TraceStore's limits hold under 30000 traces", (t) => {
  const store = new TraceStore();
  for (let n = 0; n < 30_000; n++) store.add(one(n >> (n % 3)));
  const { traces, exchanges, bytes } = store.size;
  t.true(traces <= traceStoreLimits.traces && exchanges <= traceStoreLimits.exchanges && bytes <= traceStoreLimits.bytes);
  t.is(
    exchanges,
    store.last(1e6).reduce((sum, trace) => sum + trace.exchanges.length, 0),
  );
});

test("TraceStore.last() restricts by service, duration and number", (t) => {
  const store = new TraceStore();
  for (const exchange of [one(2, {}, 5), one(3, {}, 50), ...shop]) store.add(exchange);
  const found = (limit: number, filter: Parameters<TraceStore["last"]>[1]) =>
    store.last(limit, filter).map(({ traceId }) => Number.parseInt(traceId, 16));
  t.deepEqual(found(9, {}), [2, 3, 1]);
  t.deepEqual(found(2, {}), [3, 1]);
  t.deepEqual(found(9, { service: "db" }), [1]);
  t.deepEqual(found(9, { minMs: 12 }), [3, 1], "a trace lasts from its first request to its last answer");
  t.deepEqual(found(9, { minMs: 12, service: "b" }), [3]);
  t.deepEqual(found(9, { service: "nobody" }), []);
});

/** A source that a test speaks through. */
function source() {
  const said: Exchange[] = [];
  const sinks = new Set<(exchange: Exchange) => void>();
  return {
    sinks,
    to: (sink: (exchange: Exchange) => void) => {
      sinks.add(sink);
      return () => void sinks.delete(sink);
    },
    recent: () => said,
    say: (...exchanges: readonly Exchange[]) => {
      said.push(...exchanges.filter(({ sampled }) => sampled));
      for (const exchange of exchanges) for (const sink of sinks) sink(exchange);
    },
  };
}

test("RecentTraces answers with the last traces, and counts links of all requests", (t) => {
  const feed = source();
  const recent = new RecentTraces(feed);
  feed.say(...shop, one(9, { sampled: false, link: "ambiguous" }));
  const answer = recent.traces({ limit: 10 });
  t.deepEqual(answer.linkedShare, { header: 1, thread: 2, "side-band": 0, ambiguous: 1, none: 1 });
  t.deepEqual(answer.traces[0]!.exchanges.map(exchangeFromWire), [...shop]);
  t.deepEqual(recent.traces({ limit: 10, minMs: 1000 }).traces, []);
  recent.close();
  t.is(feed.sinks.size, 0);
});

test("RecentTraces.follow() gives sampled exchanges as they end until it is aborted", async (t) => {
  const feed = source();
  const recent = new RecentTraces(feed);
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { target } of recent.follow(stop.signal)) seen.push(target);
  })();
  await turn();
  feed.say(one(1, { target: "/1" }), one(2, { target: "/2", sampled: false }));
  await turn();
  feed.say(one(3, { target: "/3" }));
  await turn();
  t.deepEqual(seen, ["/1", "/3"]);
  stop.abort();
  await reading;
  t.is(feed.sinks.size, 1, "its own sink is gone, the store's stays");
});

test("RecentTraces.follow() drops the oldest for a reader that is slow, and counts them", async (t) => {
  const feed = source();
  const recent = new RecentTraces(feed);
  const stop = new AbortController();
  const events = recent.follow(stop.signal);
  const first = events.next();
  feed.say(...Array.from({ length: 5000 }, (_, n) => one(1, { target: `/${n}` })));
  await first;
  t.is(recent.dropped, 5000 - 4096);
  stop.abort();
  t.true((await events.next()).done);
});

test("QuietTraces gives a trace out once its root has ended and nothing more came for a moment", (t) => {
  const quiet = new QuietTraces({ endedMs: 300, openMs: 3000 });
  const [inner, , , root] = shop;
  quiet.add(inner!, 0);
  t.deepEqual(quiet.take(1000), [], "its root has not ended");
  quiet.add(root!, 1000);
  t.deepEqual(quiet.take(1299), []);
  t.deepEqual(quiet.take(1300), [{ traceId: traceIdOf(1), exchanges: [inner, root] }]);
  t.deepEqual(quiet.take(), []);
});

test("QuietTraces gives out a trace without a root after longer, and all that are left at the end", (t) => {
  const quiet = new QuietTraces({ endedMs: 300, openMs: 3000 });
  quiet.add(shop[0]!, 0);
  quiet.add(one(2), 0);
  t.is(quiet.take(300).length, 1);
  t.is(quiet.take(2999).length, 0);
  t.is(quiet.take(3000).length, 1);
  quiet.add(one(3), 3000);
  t.is(quiet.take().length, 1);
});

test("QuietTraces holds a bounded number of exchanges", (t) => {
  const quiet = new QuietTraces();
  for (let n = 0; n < 10_005; n++) quiet.add(one(n), 0);
  t.deepEqual(
    quiet.take(0).map(({ traceId }) => traceId),
    [0, 1, 2, 3, 4].map(traceIdOf),
  );
});
