/** Traces as people see them. @module */
import type { Paint } from "@mitsu/cli";
import test from "ava";
import type { Exchange } from "../src/exchange.ts";
import { linkText, noLinks } from "../src/link-counts.ts";
import { timelineBar } from "../src/timeline.ts";
import { traceText } from "../src/tree-text.ts";
import { at, nameless, shop, someCall, someExchange, traceIdOf } from "./some-exchanges.ts";

const plain: Paint = (_style, text) => text;
const marked: Paint = (style, text) => `<${style}>${text}</>`;
const pipe = { isTTY: false, columns: 80 };
const terminal = (columns: number) => ({ isTTY: true, columns });
const trace = { traceId: traceIdOf(1), exchanges: shop };

test("traceText() draws requests below each other, and no bar where there is no terminal", (t) => {
  t.is(
    traceText(trace, pipe, plain),
    `00000000000000000000000000000001  12.0 ms  4 services, 7 spans  2026-01-01T00:00:00.000Z
(outside) → web  POST /             200  11.0 ms  tcp
├─ web → cart  GET /cart            200  6.00 ms  redirected, by thread
│  └─ cart → db  GET /items?user=1  200  3.00 ms  redirected, by thread
└─ web → ads  GET /ads              503  2.00 ms  tcp, by header
`,
  );
});

test("traceText() draws a bar where the terminal is wide enough: the wait light, the server's part dark", (t) => {
  t.is(
    traceText(trace, terminal(110), plain),
    `00000000000000000000000000000001  12.0 ms  4 services, 7 spans  2026-01-01T00:00:00.000Z
(outside) → web  POST /             200  11.0 ms     ██████████████████████████████████  tcp
├─ web → cart  GET /cart            200  6.00 ms        ▒██████████████████              redirected, by thread
│  └─ cart → db  GET /items?user=1  200  3.00 ms           ▒█████████                    redirected, by thread
└─ web → ads  GET /ads              503  2.00 ms                             ▒▒█████     tcp, by header
`,
  );
});

test("traceText() leaves out marks and bar, then cuts requests, to fit a narrow terminal", (t) => {
  t.is(
    traceText(trace, terminal(46), plain),
    `00000000000000000000000000000001  12.0 ms
(outside) → web  POST /           200  11.0 ms
├─ web → cart  GET /cart          200  6.00 ms
│  └─ cart → db  GET /items?use…  200  3.00 ms
└─ web → ads  GET /ads            503  2.00 ms
`,
  );
  const long = {
    traceId: traceIdOf(1),
    exchanges: [
      ...shop,
      someExchange({ from: "web", to: "x".repeat(60), span: 9, parent: 0x101, ms: [1, 2, 3], target: "/y".repeat(45), aborted: true }),
    ],
  };
  for (let columns = 1; columns < 240; columns++) {
    for (const line of traceText(long, terminal(columns), plain).split("\n")) t.true(line.length <= columns, `${columns}: ${line}`);
  }
});

test("traceText() shows failures in red, refused requests in yellow", (t) => {
  const one = (more: Parameters<typeof someExchange>[0] extends infer T ? Partial<T> : never): string =>
    traceText(
      { traceId: traceIdOf(1), exchanges: [someExchange({ from: "a", to: "b", span: 1, ms: [0, 0, 1], ...more })] },
      pipe,
      marked,
    ).split("\n")[1]!;
  t.is(one({}), "a → b  GET /b  200  1.00 ms  <dim>redirected</>");
  t.is(one({ status: 404 }), "a → b  GET /b  <yellow>404</>  1.00 ms  <dim>redirected</>");
  t.is(one({ status: 500 }), "a → b  GET /b  <red>500</>  1.00 ms  <dim>redirected</>");
  t.is(one({ status: 0 }), "a → b  GET /b  <red>none</>  1.00 ms  <dim>redirected</>");
  t.is(one({ status: 0, aborted: true }), "a → b  GET /b  <red>aborted</>  1.00 ms  <dim>redirected</>");
  t.is(one({ status: 200, aborted: true }), "a → b  GET /b  <red>200 aborted</>  1.00 ms  <dim>redirected</>");
  t.is(one({ link: "ambiguous", redirected: false }), "a → b  GET /b  200  1.00 ms  <dim>tcp, parent ambiguous</>");
  t.is(one({ parent: 77, link: "header" }), "a → b  GET /b  200  1.00 ms  <dim>redirected, by header, parent elsewhere</>");
  t.is(one({ to: "", here: "client", target: "/" }), "a → 127.0.0.2:8080  GET /  200  1.00 ms  <dim>redirected</>");
});

test("traceText() shows gRPC's methods and statuses, and what was lost", (t) => {
  const one = (more: Parameters<typeof someCall>[0]): string =>
    traceText({ traceId: traceIdOf(1), exchanges: [someCall({ redirected: false, ...more })] }, pipe, marked)
      .split("\n")[1]!
      .replace("  4.00 ms  <dim>tcp</>", "");
  t.is(one({}), "web → cart  gRPC shop.v1.Cart/Get  OK");
  t.is(one({ grpcStatus: 5 }), "web → cart  gRPC shop.v1.Cart/Get  <yellow>NOT_FOUND</>");
  t.is(one({ grpcStatus: 14 }), "web → cart  gRPC shop.v1.Cart/Get  <red>UNAVAILABLE</>");
  t.is(one({ grpcStatus: undefined }), "web → cart  gRPC shop.v1.Cart/Get  200");
  t.is(one({ grpcStatus: undefined, aborted: true }), "web → cart  gRPC shop.v1.Cart/Get  <red>200 aborted</>");
  t.is(one({ status: 503, grpcStatus: 14 }), "web → cart  gRPC shop.v1.Cart/Get  <red>UNAVAILABLE</>");
  t.is(one(nameless), "web → cart  (names lost)  ?");
  t.is(one({ ...nameless, status: 404 }), "web → cart  (names lost)  <yellow>404</>");
  t.is(one({ ...nameless, method: "GET" }), "web → cart  GET ?  ?");
  t.is(one({ ...nameless, firstNs: undefined }), "web → cart  (names lost)  <red>none</>");
  t.is(one({ protocol: "http/2", method: "GET", target: "/a", grpcStatus: undefined }), "web → cart  GET /a  200");
});

test("traceText() lets nothing from the network drive the terminal", (t) => {
  const exchanges = [someExchange({ from: "a", to: "b", span: 1, ms: [0, 0, 1], target: "/\x1b[2J\n\x9b", method: "G\x07T" })];
  const text = traceText({ traceId: traceIdOf(1), exchanges }, pipe, plain);
  t.true(text.includes("a → b  G�T /�[2J��"), JSON.stringify(text));
});

test("traceText() says how a proxy sent a request on", (t) => {
  const told = { from: "web", to: "cart", span: 1, ms: [0, 1, 2], redirected: false } as const;
  const marks = (more: Partial<Exchange>) =>
    traceText({ traceId: traceIdOf(1), exchanges: [{ ...someExchange(told), ...more }] }, pipe, plain)
      .split("\n")[1]!
      .split("ms  ")[1];
  t.is(marks({}), "tcp");
  t.is(marks({ security: "mutual_tls", flags: "", tries: 1 }), "mutual TLS");
  t.is(marks({ security: "none", flags: "URX", tries: 3, link: "header" }), "tcp, by header, URX, 3 tries");
});

test("traceText() has a heading for a trace without an end that is here", (t) => {
  const exchange = someExchange({ from: "a", to: "b", span: 1, ms: [0, 0, 1] });
  const far = { ...exchange, client: { ...exchange.client, here: false }, server: { ...exchange.server, here: false } };
  t.is(traceText({ traceId: traceIdOf(1), exchanges: [far] }, pipe, plain).split("\n").length, 2);
});

test("traceText() draws 1000 requests below each other", (t) => {
  const exchanges = Array.from({ length: 1000 }, (_, n) =>
    someExchange({ from: "a", to: "b", span: n * 0x1000, ...(n > 0 ? { parent: (n - 1) * 0x1000 + 0x100 } : {}), ms: [n, n, 9999] }),
  );
  t.is(
    traceText({ traceId: traceIdOf(1), exchanges }, terminal(80), plain)
      .trimEnd()
      .split("\n").length,
    1001,
  );
});

test("timelineBar() is as long as told, and never empty", (t) => {
  const between = (from: number, to: number) => ({ startNs: at(from), endNs: at(to) });
  const whole = between(0, 8);
  t.is(timelineBar({ whole, client: between(1, 6), server: between(2, 5), width: 8 }), " ▒███▒  ");
  t.is(timelineBar({ whole, client: between(4, 4.001), server: undefined, width: 8 }), "    ▒   ");
  t.is(timelineBar({ whole, client: between(8, 8), server: undefined, width: 8 }), "       ▒");
  t.is(timelineBar({ whole, client: between(-9, 99), server: between(90, 99), width: 8 }), "▒▒▒▒▒▒▒█", "another node's clock");
  t.is(timelineBar({ whole: between(0, 0), client: between(0, 0), server: undefined, width: 3 }), "▒▒▒");
});

test("linkText() says 100 % only of all", (t) => {
  t.is(
    linkText({ header: 10, thread: 70, "side-band": 0, ambiguous: 5, none: 15 }),
    "80.0 % of 100 requests have a parent: 70 by thread, 10 by header; 5 had several to choose from, 15 none",
  );
  const none = noLinks();
  t.regex(linkText({ ...none, thread: 99_999, ambiguous: 1 }), /^99\.9 % of 100000 requests/);
  t.regex(linkText({ ...none, header: 1 }), /^100\.0 % of 1 request has a parent/);
  t.regex(linkText({ ...none, thread: 1, "side-band": 1 }), /have a parent: 1 by thread, 0 by header, 1 beside the stream; 0 had/);
  t.is(linkText(none), "no requests seen yet");
});
