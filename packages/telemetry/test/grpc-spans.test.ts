/** Spans of gRPC and of HTTP/2. */
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import test from "ava";
import { grpcStatusName } from "../src/grpc-status.ts";
import { resourceFromAttributes } from "../src/otlp-protobuf.ts";
import { RouteNames } from "../src/route.ts";
import { SpanMaker } from "../src/spans.ts";
import { nameless, someCall, type Told } from "./some-exchanges.ts";

const maker = new SpanMaker({ daemon: "sockhijack", resource: resourceFromAttributes });
function both(more: Partial<Told> = {}, of: SpanMaker = maker) {
  const [client, server] = of.spans(someCall(more));
  return { client: client!, server: server! };
}

const common = {
  ...{ "network.protocol.name": "http", "network.protocol.version": "2", "server.address": "cart", "server.port": 8080 },
  ...{ "mitsu.redirected": true, "mitsu.link": "none", "mitsu.injected": false },
};
const method = "shop.v1.Cart/Get";

test("SpanMaker makes both spans of a gRPC call as the conventions say", (t) => {
  const { client, server } = both();
  t.deepEqual([client.name, client.kind, server.name, server.kind], [method, SpanKind.CLIENT, method, SpanKind.SERVER]);
  const call = { ...common, "rpc.system.name": "grpc", "rpc.method": method, "rpc.status_code": "OK" };
  t.deepEqual(client.attributes, {
    ...call,
    ...{ "server.service.name": "cart", "network.peer.address": "127.0.0.2", "network.peer.port": 8080 },
    "mitsu.time_to_first_byte_ms": 4,
  });
  t.deepEqual(server.attributes, {
    ...call,
    ...{ "client.address": "127.0.0.1", "client.port": 40_007, "client.service.name": "web" },
    ...{ "network.peer.address": "127.0.0.1", "network.peer.port": 40_007 },
    "mitsu.time_to_first_byte_ms": 3,
  });
});

for (let status = 0; status <= 16; status++) {
  const name = grpcStatusName(status);
  test(`SpanMaker tells gRPC's ${name} as the conventions say`, (t) => {
    const { client, server } = both({ grpcStatus: status });
    const ofServer = ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"].includes(name);
    for (const [span, isError] of [
      [client, status !== 0],
      [server, ofServer],
    ] as const) {
      t.is(span.attributes["rpc.status_code"], name);
      t.is(span.attributes["error.type"], isError ? name : undefined);
      t.is(span.status.code, isError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    }
  });
}

test("SpanMaker tells a gRPC call that broke off, and one whose status is not known", (t) => {
  const { client, server } = both({ grpcStatus: undefined, aborted: true });
  t.deepEqual([client.attributes["error.type"], server.attributes["error.type"]], ["aborted", "aborted"]);
  t.false("rpc.status_code" in client.attributes);
  t.is(client.status.message, "the connection ended before the answer had");
  const unknown = both({ grpcStatus: undefined });
  t.is(unknown.client.attributes["error.type"], undefined);
  t.is(both({ status: 0, firstNs: undefined, grpcStatus: undefined, aborted: true }).client.attributes["error.type"], "aborted");
});

test("SpanMaker tells methods that the server does not have, and those past the limit, as _OTHER", (t) => {
  const own = new SpanMaker({ daemon: "sockhijack", resource: resourceFromAttributes, routes: new RouteNames({ limit: 1 }) });
  t.is(both({}, own).client.name, method);
  for (const { client, server } of [both({ grpcStatus: 12 }), both({ target: "/shop.v1.Cart/Set" }, own)]) {
    for (const { name, attributes } of [client, server]) {
      t.deepEqual([name, attributes["rpc.method"]], ["grpc", "_OTHER"]);
      t.regex(attributes["rpc.method_original"] as string, /^shop\.v1\.Cart\//);
    }
  }
});

test("SpanMaker tells HTTP/2 as HTTP, by the name that the client used in URLs", (t) => {
  const { client, server } = both({ protocol: "http/2", method: "GET", target: "/items/17?a=b", grpcStatus: undefined });
  t.is(client.name, "GET /items/{id}");
  t.like(client.attributes, { ...common, "http.request.method": "GET", "url.full": "http://cart.mesh:8080/items/17?a=b" });
  t.like(server.attributes, { ...common, "http.route": "/items/{id}", "url.path": "/items/17", "http.response.status_code": 200 });
  t.false("rpc.system.name" in client.attributes);
});

test("SpanMaker shows that names were lost, and takes that for no error", (t) => {
  const { client, server } = both(nameless);
  for (const { name, attributes, status } of [client, server]) {
    t.is(name, "HTTP {other}");
    t.like(attributes, { "http.request.method": "_OTHER", "mitsu.names_lost": true, "http.response.size": 1000 });
    t.is(status.code, SpanStatusCode.UNSET);
    for (const unknown of ["http.request.method_original", "http.response.status_code", "url.full", "url.path", "error.type"]) {
      t.false(unknown in attributes, unknown);
    }
  }
  t.is(both({ ...nameless, aborted: true }).client.attributes["error.type"], "aborted");
  t.is(both({ ...nameless, firstNs: undefined }).client.attributes["error.type"], "aborted", "no answer was seen");
  const lost = both({ target: "" }).client;
  t.deepEqual([lost.name, lost.attributes["rpc.method"], "rpc.method_original" in lost.attributes], ["grpc", "_OTHER", false]);
});
