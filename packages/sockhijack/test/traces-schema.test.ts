/** What `@mitsu/telemetry` puts on the control socket, and what `@mitsu/ipc` takes there. @module */
import { sockhijack } from "@mitsu/ipc";
import { exchangeToWire, RecentTraces } from "@mitsu/telemetry";
import test from "ava";
import { shop } from "../../telemetry/test/some-exchanges.ts";

const bare = { ...shop[3]!, parentSpanId: undefined, readNs: undefined, firstNs: undefined };

test("the schema of `exchanges` takes what exchangeToWire() makes, whole, and no time that is none", (t) => {
  for (const exchange of [...shop, bare]) {
    const wire = exchangeToWire(exchange);
    t.deepEqual(sockhijack.exchanges.event.parse(wire), wire);
  }
  t.false(sockhijack.exchanges.event.safeParse({ ...exchangeToWire(bare), startNs: "soon" }).success);
});

test("the schema of `traces` takes what RecentTraces answers, whole", (t) => {
  const recent = new RecentTraces({ recent: () => shop, to: () => () => undefined });
  const answer = recent.traces({ limit: 10 });
  t.is(answer.traces[0]!.exchanges.length, shop.length);
  t.deepEqual(sockhijack.traces.response.parse(answer), answer);
});
