/** What a hop tells of itself: which ends are counted, and whose span it is. */
import test from "ava";
import type { LinkCaller } from "../../src/link-caller.ts";
import { type Flag, flag } from "../../src/live-exchange.ts";
import { ExchangeFeed } from "../../src/telemetry/exchange-feed.ts";
import { LivePassingExchange } from "../../src/telemetry/passing-exchange.ts";
import { ExchangeDouble } from "../filters/exchange-double.ts";

const endpoint = (here: boolean) => ({ service: "web", address: "10.0.0.7", port: 8080, node: null, here, weight: 1, inFlight: 0 });
const linked: LinkCaller = { service: "shop", address: "10.0.0.9", port: 40_000, by: "link", node: "n2", security: "mtls" };

/** An exchange with some of its parts. */
function exchange(parts: Partial<ExchangeDouble> = {}): ExchangeDouble {
  const x = Object.assign(new ExchangeDouble(), { startNs: 5, endNs: 9, tries: 1, sampled: true, endpoint: endpoint(true) }, parts);
  x.traceId.fill(0xab);
  x.spanId.fill(0xcd);
  return x;
}

const ends = ({ client, server }: LivePassingExchange): string =>
  [client.here && "client", server.here && "server"].filter(Boolean).join("+");

const cases: readonly (readonly [what: string, parts: Partial<ExchangeDouble>, counted: string, span: string])[] = [
  ["a service's request to a replica here", {}, "client+server", "client"],
  ["a service's request to a replica elsewhere", { endpoint: endpoint(false) }, "client", "client"],
  ["a service's request that nicd answers itself", { endpoint: null, tries: 0 }, "client+server", "client"],
  ["a request from outside the mesh", { caller: { service: "", address: "1.2.3.4", port: 5, by: "nobody" } }, "client+server", "server"],
  [
    "one from outside to a replica elsewhere",
    { caller: { service: "", address: "1.2.3.4", port: 5, by: "nobody" }, endpoint: endpoint(false) },
    "client",
    "client",
  ],
  ["one that came over a link", { caller: linked }, "server", "server"],
  [
    "one that came over a link for a program of no service",
    { caller: { ...linked, service: "", by: "nobody" } as LinkCaller },
    "server",
    "server",
  ],
];
for (const [what, parts, counted, span] of cases) {
  test(`LivePassingExchange of ${what}: counts ${counted}, and is the ${span}'s span`, (t) => {
    const passing = new LivePassingExchange("n1", 0n);
    t.is(ends(passing.show(exchange(parts))), counted);
    t.is(ends(passing.asSpan()), span);
    t.is(passing.clientSpanId, "cd".repeat(8), "the id that the next hop was told");
    t.is(passing.serverSpanId, "cd".repeat(8));
    t.is(ends(passing.show(exchange(parts))), counted, "and the next one is counted as it should be");
  });
}

test("LivePassingExchange.security is that of the link it came by or goes by", (t) => {
  const passing = new LivePassingExchange("n1", 0n, () => "none");
  t.is(passing.show(exchange()).security, "none");
  t.is(passing.show(exchange({ caller: linked })).security, "mutual_tls");
  t.is(passing.show(exchange({ caller: { ...linked, security: "plain-text" } as LinkCaller })).security, "none");
  t.is(passing.show(exchange({ endpoint: endpoint(false) })).security, "none");
  t.is(new LivePassingExchange("n1", 0n).show(exchange({ endpoint: endpoint(false) })).security, "mutual_tls");
});

test("LivePassingExchange.aborted: no answer, or one that was cut; not an own answer for the same reason", (t) => {
  const passing = new LivePassingExchange("n1", 0n);
  const answered = (status: number, why: Flag): boolean =>
    passing.show(exchange({ flag: why, response: { status } as ExchangeDouble["response"] })).aborted;
  t.true(passing.show(exchange({ response: null })).aborted);
  t.false(answered(200, flag.none));
  t.false(answered(503, flag.upstreamConnectFailure));
  t.false(answered(504, flag.upstreamTimeout));
  t.true(answered(200, flag.upstreamReset));
  t.true(answered(200, flag.downstreamGone));
  t.true(answered(200, flag.tooLarge));
  t.false(answered(200, flag.faultDelay));
});

test("keep() lasts, and has what the passing one had", (t) => {
  const passing = new LivePassingExchange("n1", 1000n);
  const kept = passing.show(exchange()).asSpan().keep();
  passing.show(exchange({ caller: linked, startNs: 77 }));
  t.like(kept, {
    node: "n1",
    startNs: 1005n,
    endNs: 1009n,
    client: { service: "shop", here: true },
    server: { service: "web", here: false },
  });
});

test("ExchangeFeed keeps the last 4096 sampled exchanges, oldest first, and counts all", (t) => {
  const feed = new ExchangeFeed(new LivePassingExchange("n1", 0n), () => {});
  for (let index = 0; index < 10; index++) feed.add(exchange({ startNs: index, sampled: index % 2 === 0 }));
  t.is(feed.requests, 10);
  t.deepEqual(
    feed.recent().map(({ startNs }) => startNs),
    [0n, 2n, 4n, 6n, 8n],
  );
});

test("ExchangeFeed counts both ends before its sinks see the one span", (t) => {
  const seen: string[] = [];
  const passing = new LivePassingExchange("n1", 0n);
  const feed = new ExchangeFeed(passing, (_, arrived) => void seen.push(`count ${ends(passing)} ${arrived}`));
  const leave = feed.to(() => void seen.push(`span ${ends(passing)}`));
  feed.add(exchange());
  feed.add(exchange({ caller: linked }));
  leave();
  feed.add(exchange());
  t.deepEqual(seen, ["count client+server false", "span client", "count server true", "span server", "count client+server false"]);
});
