import { type AuthorisationRule, defaultRoute, type Route } from "@mitsu/catalog";
import { Timers } from "@mitsu/reactor/timers";
import test from "ava";
import fc from "fast-check";
import { Authorise } from "../../src/filters/authorise.ts";
import { buildChain, type ChainParts } from "../../src/filters/build-chain.ts";
import { Chain, positionOf, verdictOf } from "../../src/filters/chain.ts";
import { DenialLog } from "../../src/filters/denial-log.ts";
import type { Filter } from "../../src/filters/filter.ts";
import { TokenBucket } from "../../src/filters/token-bucket.ts";
import { type Verdict, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";

const x = new ExchangeDouble();
const data = new Uint8Array(3);

/** A filter that notes its calls and says what it was told to. */
function noting(name: string, calls: string[], says: Verdict = verdict.continue): Filter {
  const note = (what: string) => {
    calls.push(`${name} ${what}`);
    return says;
  };
  return {
    name,
    onRequestHead: () => note("request"),
    onRequestData: (_x, piece, last) => note(`request ${piece.length} ${last}`),
    onResponseHead: () => note("response"),
    onResponseData: (_x, piece, last) => note(`response ${piece.length} ${last}`),
    onEnd: () => void note("end"),
  };
}

test("Chain runs requests in order, answers in the opposite one", (t) => {
  const calls: string[] = [];
  const chain = new Chain([noting("a", calls), { name: "idle" }, noting("b", calls)]);
  const steps = [
    chain.requestHead(x, 0),
    chain.requestData(x, data, true, 0),
    chain.responseHead(x, 0),
    chain.responseData(x, data, false, 0),
  ];
  chain.end(x);
  t.deepEqual(steps.map(verdictOf), [verdict.continue, verdict.continue, verdict.continue, verdict.continue]);
  t.deepEqual(calls, [
    "a request",
    "b request",
    "a request 3 true",
    "b request 3 true",
    "b response",
    "a response",
    "b response 3 false",
    "a response 3 false",
    "a end",
    "b end",
  ]);
});

test("Chain goes on behind the filter that said stop, and ends at the one that answers", (t) => {
  const calls: string[] = [];
  const chain = new Chain([noting("a", calls), noting("b", calls, verdict.stop), noting("c", calls, verdict.respond), noting("d", calls)]);
  const step = chain.requestHead(x, 0);
  t.is(verdictOf(step), verdict.stop);
  t.deepEqual(calls, ["a request", "b request"]);
  t.is(verdictOf(chain.requestHead(x, positionOf(step))), verdict.respond);
  t.deepEqual(calls.slice(2), ["c request"]);
});

test("Chain wants data only when a filter does", (t) => {
  const idle = new Chain([{ name: "a", onRequestHead: () => verdict.continue }]);
  t.deepEqual([idle.wantsRequestData, idle.wantsResponseData], [false, false]);
  const both = new Chain([
    { name: "a", onRequestData: () => verdict.continue },
    { name: "b", onResponseData: () => verdict.continue },
  ]);
  t.deepEqual([both.wantsRequestData, both.wantsResponseData], [true, true]);
});

test("Chain calls every filter once whatever stops there are, up to the first answer", (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Verdict>(0, 1, 2), { maxLength: 10 }), (says) => {
      for (const run of ["requestHead", "responseHead"] as const) {
        const calls: string[] = [];
        const chain = new Chain(says.map((one, index) => noting(String(index), calls, one)));
        let step = chain[run](x, 0);
        while (verdictOf(step) === verdict.stop) step = chain[run](x, positionOf(step));
        const order = run === "requestHead" ? says : says.toReversed();
        const answer = order.indexOf(verdict.respond);
        t.is(calls.length, answer < 0 ? says.length : answer + 1);
        t.is(verdictOf(step), answer < 0 ? verdict.continue : verdict.respond);
        t.is(new Set(calls).size, calls.length);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

const parts: ChainParts = { trace: null, authorise: null, timers: new Timers(0), random: () => 0, workers: 1, filters: [] };
const noEdit = defaultRoute().requestHeaders;
const busy: Route = defaultRoute({
  to: [{ service: "cart", weight: 1 }],
  redirect: { status: 302, scheme: null, host: "b", port: null, path: null },
  respond: { status: 200, body: "" },
  rewrite: { host: "inner", path: null },
  requestHeaders: { ...noEdit, remove: ["a"] },
  responseHeaders: { ...noEdit, set: [["a", "b"]] },
  fault: { delay: { share: 1, ms: 1 }, abort: { share: 1, status: 503 } },
  maxRequestBytes: 1,
  maxResponseBytes: 1,
});

test("buildChain() has filters in the order that it tells, a default route none", (t) => {
  const rule: AuthorisationRule = { name: "r", action: "deny", to: ["cart"], from: ["*"], match: defaultRoute().match, dryRun: false };
  const log = new DenialLog({ warn: () => {}, info: () => {} });
  const services = [
    { name: "web", authorisation: "allow" },
    { name: "cart", authorisation: "allow" },
  ] as const;
  const whole: ChainParts = {
    ...parts,
    trace: { name: "trace" },
    authorise: new Authorise([rule], services, log),
    filters: [{ name: "own" }],
  };
  const bucket = new TokenBucket({ requests: 1, perMs: 1, burst: 1 });
  t.deepEqual(
    buildChain("web", busy, bucket, whole).filters.map(({ name }) => name),
    [
      "trace",
      "authorise",
      "rate-limit",
      "fault-delay",
      "fault-abort",
      "redirect",
      "respond",
      "rewrite",
      "request-headers",
      "response-headers",
      "request-size",
      "response-size",
      "own",
    ],
  );
  t.deepEqual(buildChain("web", defaultRoute(), null, parts).filters, []);
  t.deepEqual(
    buildChain("web", defaultRoute(), null, whole).filters.map(({ name }) => name),
    ["trace", "own"],
  );
});
