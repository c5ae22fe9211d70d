import test from "ava";
import { bufferType, mapType, type Pair, status } from "../../src/mod.ts";
import { Guest } from "./guest.ts";

const head: readonly Pair[] = [
  [":method", "GET"],
  [":path", "/auth"],
  [":authority", "auth"],
];

function httpCall(guest: Guest, upstream: string, headers: readonly Pair[] | Uint8Array, body = "", timeoutMs = 100): number {
  const id = guest.word(5);
  const parameters = [...guest.put(upstream), ...guest.put(headers), ...guest.put(body), 0, 0, timeoutMs, id];
  return guest.call("proxy_http_call", ...parameters);
}
const idOf = (guest: Guest) => guest.u32(16 + 40);

test("proxy_http_call: an answer comes to the root, with its maps and body at hand", (t) => {
  const guest = new Guest();
  t.is(httpCall(guest, "upstream", head, "body"), status.ok);
  const id = idOf(guest);
  t.is(id, 4);
  t.deepEqual(guest.host.httpCalls[0]!.call, {
    upstream: "upstream",
    headers: [...head],
    body: Uint8Array.from(Buffer.from("body")),
    trailers: [],
    timeoutMs: 100,
  });
  t.is(guest.calls.size, 1);
  guest.host.httpCalls[0]!.done({ headers: [[":status", "200"]], body: Buffer.from("yes"), trailers: [["t", "1"]] });
  t.deepEqual(guest.delivered, ["http 1 4 1 3 1"]);
  t.is(guest.data[0]!.fields(mapType.httpCallResponseHeaders)?.get(":status"), "200");
  t.is(guest.data[0]!.fields(mapType.httpCallResponseTrailers)?.get("t"), "1");
  t.is(Buffer.from(guest.data[0]!.buffer(bufferType.httpCallResponseBody)!.slice(0, 3)).toString(), "yes");
  t.is(guest.calls.size, 0);
  t.is(guest.vm.data.fields(mapType.httpCallResponseHeaders), null);
});

test("proxy_http_call: a failure is an answer without fields, with a status", (t) => {
  const guest = new Guest();
  httpCall(guest, "upstream", head);
  guest.host.httpCalls[0]!.done(null);
  t.deepEqual(guest.delivered, ["http 1 4 0 0 0"]);
  t.deepEqual([guest.data[0]!.statusCode, guest.data[0]!.statusText], [status.brokenConnection, "reset"]);
  guest.host.httpCalls[0]!.done(null);
  t.is(guest.delivered.length, 1, "an answer comes once");
});

test("proxy_http_call: unknown upstream, missing pseudo-headers, damaged maps and bodies beyond the limit are bad arguments, and the number is 0", (t) => {
  const guest = new Guest({ limits: { bodyBytes: 4 } });
  t.is(httpCall(guest, "nope", head), status.badArgument);
  t.is(idOf(guest), 0);
  t.is(httpCall(guest, "upstream", []), status.badArgument);
  for (const missing of head)
    t.is(
      httpCall(
        guest,
        "upstream",
        head.filter((pair) => pair !== missing),
      ),
      status.badArgument,
    );
  t.is(httpCall(guest, "upstream", Buffer.from("no map")), status.badArgument);
  t.is(httpCall(guest, "upstream", head, "12345"), status.badArgument);
  t.is(guest.call("proxy_http_call", ...guest.put("upstream"), -1, 5, 0, 0, 0, 0, 0, guest.word(5)), status.invalidMemoryAccess);
  t.is(guest.calls.size, 0);
});

test("calls beyond limits.calls are an internalFailure until one is over", (t) => {
  const guest = new Guest({ limits: { calls: 1 } });
  t.is(httpCall(guest, "upstream", head), status.ok);
  t.is(httpCall(guest, "upstream", head), status.internalFailure);
  guest.host.httpCalls[0]!.done(null);
  t.is(httpCall(guest, "upstream", head), status.ok);
});

test("an answer that comes while the guest is at work waits", async (t) => {
  const guest = new Guest();
  httpCall(guest, "upstream", head);
  guest.vm.invoke(guest.vm.root, "test", () => {
    guest.host.httpCalls[0]!.done(null);
    t.deepEqual(guest.delivered, []);
    return 0;
  });
  await Promise.resolve();
  t.deepEqual(guest.delivered, ["http 1 4 0 0 0"]);
});

function grpcCall(guest: Guest, service: string | Uint8Array, metadata: readonly Pair[] = []): number {
  const parameters = [...guest.put(service), ...guest.put("pkg.Svc"), ...guest.put("Get"), ...guest.put(metadata), ...guest.put("msg")];
  return guest.call("proxy_grpc_call", ...parameters, 250, guest.word(5));
}
function grpcStream(guest: Guest): number {
  return guest.call("proxy_grpc_stream", ...guest.put("upstream"), ...guest.put("pkg.Svc"), ...guest.put("Chat"), 0, 0, guest.word(5));
}

test("proxy_grpc_call: service by name or as GrpcService; metadata, message, trailers and end come to the root", (t) => {
  const guest = new Guest();
  t.is(grpcCall(guest, Uint8Array.of(0x0a, 0x0a, 0x0a, 0x08, ...Buffer.from("upstream")), [["x-a", "1"]]), status.ok);
  const id = idOf(guest);
  t.is(id & 3, 1);
  const { call, events } = guest.host.grpcCalls[0]!;
  t.deepEqual(call, {
    upstream: "upstream",
    service: "pkg.Svc",
    method: "Get",
    metadata: [["x-a", "1"]],
    message: Uint8Array.from(Buffer.from("msg")),
    timeoutMs: 250,
  });
  events.onInitialMetadata([["i", "1"]]);
  events.onMessage(Buffer.from("reply"));
  events.onTrailingMetadata([]);
  events.onClose(5, "gone");
  events.onMessage(Buffer.from("late"));
  t.deepEqual(guest.delivered, [`initial 1 ${id} 1 0 0`, `message 1 ${id} 5 0 0`, `trailing 1 ${id} 0 0 0`, `close 1 ${id} 5 0 0`]);
  t.is(guest.data[0]!.fields(mapType.grpcCallInitialMetadata)?.get("i"), "1");
  t.is(Buffer.from(guest.data[1]!.buffer(bufferType.grpcCallMessage)!.slice(0, 5)).toString(), "reply");
  t.deepEqual([guest.data[3]!.statusCode, guest.data[3]!.statusText], [5, "gone"]);
});

test("proxy_grpc_call: an unknown service is a parseFailure (Envoy 1.40); damaged metadata a bad argument", (t) => {
  const guest = new Guest();
  t.is(grpcCall(guest, "nope"), status.parseFailure);
  t.is(guest.u32(16 + 40), 0);
  const parameters = [...guest.put("upstream"), ...guest.put("s"), ...guest.put("m"), ...guest.put("no map"), 0, 0, 0, guest.word(5)];
  t.is(guest.call("proxy_grpc_call", ...parameters), status.badArgument);
});

test("proxy_grpc_call and proxy_grpc_stream without metadata, as the AssemblyScript SDK 1.2.3 declares them, mean the same", (t) => {
  const guest = new Guest();
  const names = [...guest.put("upstream"), ...guest.put("pkg.Svc"), ...guest.put("Get")];
  t.is(guest.call("proxy_grpc_call", ...names, ...guest.put("msg"), 250, guest.word(5)), status.ok);
  t.is(idOf(guest) & 3, 1);
  t.is(guest.call("proxy_grpc_stream", ...names, guest.word(5)), status.ok);
  t.is(idOf(guest) & 3, 2);
  const [call, stream] = guest.host.grpcCalls.map((pending) => pending.call);
  t.deepEqual([call!.metadata, Buffer.from(call!.message!).toString(), call!.timeoutMs], [[], "msg", 250]);
  t.deepEqual([stream!.method, stream!.message, stream!.timeoutMs], ["Get", null, 0]);
  t.is(guest.call("proxy_grpc_call", 0, 0, 0), status.unimplemented);
});

test("proxy_grpc_stream: messages go out until it is closed; numbers of other kinds are bad arguments, of none notFound (Envoy 1.40)", (t) => {
  const guest = new Guest();
  t.is(guest.call("proxy_grpc_send", 2, ...guest.put("x"), 0), status.notFound);
  t.is(guest.call("proxy_grpc_send", 1, ...guest.put("x"), 0), status.badArgument);
  t.is(guest.call("proxy_grpc_cancel", 1), status.notFound);
  t.is(guest.call("proxy_grpc_close", 2), status.notFound);
  for (const id of [0, 4, 3]) {
    t.is(guest.call("proxy_grpc_close", id), status.badArgument);
    t.is(guest.call("proxy_grpc_cancel", id), status.badArgument);
  }
  t.is(grpcStream(guest), status.ok);
  const id = idOf(guest);
  t.is(id & 3, 2);
  t.is(guest.host.grpcCalls[0]!.call.message, null);
  t.is(guest.call("proxy_grpc_send", id, ...guest.put("one"), 0), status.ok);
  t.is(guest.call("proxy_grpc_send", id, ...guest.put("two"), 1), status.ok);
  t.is(guest.call("proxy_grpc_close", id), status.ok);
  t.deepEqual(guest.host.grpcCalls[0]!.doings, ["send one false", "send two true", "close"]);
  t.is(guest.call("proxy_grpc_cancel", id), status.ok);
  t.is(guest.host.grpcCalls[0]!.doings.at(-1), "cancel");
  guest.host.grpcCalls[0]!.events.onClose(1, "");
  t.deepEqual(guest.delivered, [], "nothing comes of a stream that was given up");
  t.is(guest.call("proxy_grpc_send", id, ...guest.put("x"), 0), status.notFound);
});
