import { type Attributes, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import test from "ava";
import type { Exchange } from "../src/exchange.ts";
import { resourceFromAttributes } from "../src/otlp-protobuf.ts";
import { SpanMaker } from "../src/spans.ts";
import { redactedQuery } from "../src/url-redaction.ts";
import { at, someExchange, spanIdOf, type Told, traceIdOf } from "./some-exchanges.ts";

const maker = new SpanMaker({ daemon: "sockhijack", resource: resourceFromAttributes, version: "1.2.3" });
const told = { from: "web", to: "cart", span: 7, ms: [1, 2, 5] } as const;
const exchange = (more: Partial<Told> = {}): Exchange => someExchange({ ...told, ...more });

/** Attributes, name and status of the client's and of the server's span. */
function both(more: Partial<Told> = {}) {
  const [client, server] = maker.spans(exchange(more));
  return { client: client!, server: server! };
}
const pick = (attributes: Attributes, ...names: readonly string[]) => names.map((name) => attributes[name]);

test("SpanMaker makes the CLIENT span of a client that is here", (t) => {
  const [span, ...rest] = maker.spans(exchange({ here: "client", parent: 3, target: "/items/17?a=b" }));
  t.deepEqual(rest, []);
  t.is(span!.name, "GET /items/{id}");
  t.is(span!.kind, SpanKind.CLIENT);
  t.deepEqual(span!.spanContext(), { traceId: traceIdOf(1), spanId: spanIdOf(7), traceFlags: 1, isRemote: false });
  t.is(span!.parentSpanContext?.spanId, spanIdOf(3));
  t.deepEqual(span!.attributes, {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.request.size": 100,
    "http.response.size": 1000,
    "server.address": "cart",
    "server.port": 8080,
    "server.service.name": "cart",
    "network.peer.address": "127.0.0.2",
    "network.peer.port": 8080,
    "url.full": "http://cart:8080/items/17?a=b",
    "url.template": "/items/{id}",
    "mitsu.redirected": true,
    "mitsu.link": "thread",
    "mitsu.injected": false,
    "mitsu.time_to_first_byte_ms": 4,
  });
  t.deepEqual(span!.resource.attributes, { "service.name": "web", "service.instance.id": "127.0.0.1", "host.name": "n1" });
  t.is(span!.instrumentationScope.version, "1.2.3");
});

test("SpanMaker makes the SERVER span of a server that is here, a child of what the client's program sent", (t) => {
  const [span, ...rest] = maker.spans(exchange({ here: "server", parent: 3, method: "POST", target: "/items?a=b" }));
  t.deepEqual(rest, []);
  t.is(span!.name, "POST /items");
  t.is(span!.kind, SpanKind.SERVER);
  t.is(span!.spanContext().spanId, spanIdOf(0x107));
  t.is(span!.parentSpanContext?.spanId, spanIdOf(3));
  t.true(span!.parentSpanContext?.isRemote);
  t.deepEqual(span!.attributes, {
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "http.request.size": 100,
    "http.response.size": 1000,
    "http.route": "/items",
    "url.scheme": "http",
    "url.path": "/items",
    "url.query": "a=b",
    "server.address": "cart",
    "server.port": 8080,
    "client.address": "127.0.0.1",
    "client.port": 40_007,
    "client.service.name": "web",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": 40_007,
    "mitsu.redirected": true,
    "mitsu.link": "thread",
    "mitsu.injected": false,
    "mitsu.time_to_first_byte_ms": 3,
  });
  t.deepEqual(span!.resource.attributes, { "service.name": "cart", "service.instance.id": "127.0.0.2:8080", "host.name": "n1" });
});

test("SpanMaker hangs the server's span on the client's when both are here", (t) => {
  const { client, server } = both();
  t.is(client.parentSpanContext, undefined);
  t.deepEqual(server.parentSpanContext, { traceId: traceIdOf(1), spanId: spanIdOf(7), traceFlags: 1, isRemote: true });
});

test("SpanMaker makes nothing of what is not sampled or has no end here", (t) => {
  t.deepEqual(maker.spans(exchange({ sampled: false })), []);
  const { client, server, ...rest } = exchange();
  t.deepEqual(maker.spans({ ...rest, client: { ...client, here: false }, server: { ...server, here: false } }), []);
});

test("SpanMaker keeps time to the nanosecond: the client's from sending, the server's from reading", (t) => {
  const { client, server } = both();
  const [seconds, nanos] = [Number(at(0) / 1_000_000_000n), 1_000_000];
  t.deepEqual(
    [client.startTime, client.endTime, client.duration],
    [
      [seconds, nanos],
      [seconds, 5 * nanos],
      [0, 4 * nanos],
    ],
  );
  t.deepEqual(
    [server.startTime, server.duration],
    [
      [seconds, 2 * nanos],
      [0, 3 * nanos],
    ],
  );
  const [, unread] = maker.spans({ ...exchange(), readNs: undefined });
  t.deepEqual(unread!.startTime, [seconds, nanos]);
  const [, early] = maker.spans({ ...exchange(), firstNs: at(1.5) });
  t.deepEqual([early!.startTime, early!.attributes["mitsu.time_to_first_byte_ms"]], [[seconds, nanos], 0.5]);
});

/** Status code and what came of the connection → error of the client's span, error of the server's. */
const outcomes: readonly (readonly [number, boolean, string | undefined, string | undefined])[] = [
  [200, false, undefined, undefined],
  [304, false, undefined, undefined],
  [404, false, "404", undefined],
  [500, false, "500", "500"],
  [503, true, "503", "503"],
  [200, true, "aborted", "aborted"],
  [404, true, "404", "aborted"],
  [0, true, "aborted", "aborted"],
];
for (const [status, aborted, ofClient, ofServer] of outcomes) {
  test(`SpanMaker tells ${status}${aborted ? ", aborted," : ""} as the conventions say`, (t) => {
    const { client, server } = both({ status, aborted, ...(status === 0 ? { firstNs: undefined } : {}) });
    for (const [span, error] of [
      [client, ofClient],
      [server, ofServer],
    ] as const) {
      t.is(span.attributes["error.type"], error);
      t.is(span.status.code, error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
      t.is(span.status.message !== undefined, error === "aborted");
      t.is(span.attributes["http.response.status_code"], status || undefined);
      t.is("http.response.size" in span.attributes, status !== 0);
      t.is("mitsu.time_to_first_byte_ms" in span.attributes, status !== 0);
    }
  });
}

test("SpanMaker tells a method it does not know as _OTHER, and the span is then named HTTP", (t) => {
  const { client, server } = both({ method: "BREW", target: "/pot" });
  for (const span of [client, server]) {
    t.is(span.name, "HTTP /pot");
    t.deepEqual(pick(span.attributes, "http.request.method", "http.request.method_original"), ["_OTHER", "BREW"]);
  }
  t.is(maker.spans(exchange({ method: "get" }))[0]!.attributes["http.request.method_original"], "get");
  const own = new SpanMaker({ daemon: "sockhijack", resource: resourceFromAttributes, methods: ["BREW"] });
  t.is(own.spans(exchange({ method: "BREW", target: "/pot" }))[0]!.name, "BREW /pot");
});

test("SpanMaker writes whole URLs for every form of target, and no secrets", (t) => {
  const url = (more: Partial<Told>) => pick(both(more).client.attributes, "url.full")[0];
  t.is(url({ target: "http://ann:secret@shop.example/a?sig=1#b" }), "http://REDACTED:REDACTED@shop.example/a?sig=REDACTED");
  t.is(url({ method: "OPTIONS", target: "*" }), "http://cart:8080");
  t.is(url({ method: "CONNECT", target: "db.example:443" }), "http://db.example:443");
  const { server } = both({ target: "/a?color=blue&X-Amz-Signature=1&SIG=2" });
  t.is(server.attributes["url.query"], "color=blue&X-Amz-Signature=REDACTED&SIG=2");
  t.is(redactedQuery("sig=1&design=2&Signature="), "sig=REDACTED&design=2&Signature=REDACTED");
});

test("SpanMaker calls what is outside the mesh by its address", (t) => {
  const [span] = maker.spans({
    ...exchange({ here: "client" }),
    server: { service: "", address: "fd00::1", port: 80, here: false },
  });
  t.deepEqual(pick(span!.attributes, "server.address", "server.port", "server.service.name", "url.full"), [
    "fd00::1",
    80,
    undefined,
    "http://[fd00::1]/cart",
  ]);
});

test("SpanMaker shares one resource among the spans of an instance", (t) => {
  const [one, two] = [both(), both({ span: 8 })];
  t.is(one.server.resource, two.server.resource);
  t.is(one.client.resource, two.client.resource);
  t.not(one.client.resource, one.server.resource);
});

test("SpanMaker tells what only a proxy knows, and whose scope it is", (t) => {
  const nicd = new SpanMaker({ daemon: "nicd", resource: resourceFromAttributes });
  const [client] = nicd.spans(exchange({ flags: "URX", security: "mutual_tls", tries: 3, route: "cart-v2", status: 503 }));
  t.is(client!.instrumentationScope.name, "mitsu.nicd");
  const names = ["mitsu.response_flags", "mitsu.security", "mitsu.tries", "mitsu.route"];
  t.deepEqual(pick(client!.attributes, ...names), ["URX", "mutual_tls", 3, "cart-v2"]);
  t.deepEqual(pick(both().client.attributes, ...names), [undefined, undefined, undefined, undefined]);
  t.is(maker.spans(exchange())[0]!.instrumentationScope.name, "mitsu.sockhijack");
});
