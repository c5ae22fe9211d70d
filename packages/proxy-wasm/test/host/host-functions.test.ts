import test from "ava";
import { HostWorkSpent } from "../../src/host/filter-trap.ts";
import { bufferType, status } from "../../src/mod.ts";
import { Guest } from "./guest.ts";

test("proxy_log logs UTF-8 at its level, not below the host's, and knows no level 6", (t) => {
  const guest = new Guest();
  guest.host.logLevel = "info";
  t.is(guest.call("proxy_log", 2, ...guest.put("grün")), status.ok);
  t.is(guest.call("proxy_log", 1, ...guest.put("quiet")), status.ok);
  t.is(guest.call("proxy_log", 5, ...guest.put("loud")), status.ok);
  t.is(guest.call("proxy_log", 6, ...guest.put("x")), status.badArgument);
  t.is(guest.call("proxy_log", -1, ...guest.put("x")), status.badArgument);
  t.is(guest.call("proxy_log", 2, -1, 5), status.invalidMemoryAccess);
  t.deepEqual(guest.host.logs, ["info: grün", "critical: loud"]);
  const level = guest.word();
  t.is(guest.call("proxy_get_log_level", level), status.ok);
  t.is(guest.u32(level), 2);
});

test("proxy_log cuts a line of more than 16 KiB", (t) => {
  const guest = new Guest();
  guest.call("proxy_log", 2, 0, guest.bytes.length);
  t.is(guest.host.logs[0]!.length, "info: ".length + 16 * 1024);
});

test("proxy_get_current_time_nanoseconds gives the host's clock", (t) => {
  const guest = new Guest();
  const time = guest.word();
  t.is(guest.call("proxy_get_current_time_nanoseconds", time), status.ok);
  t.is(guest.u64(time), 1_700_000_000_000_000_000n);
  t.is(guest.call("proxy_get_current_time_nanoseconds", guest.bytes.length - 7), status.invalidMemoryAccess);
});

test("proxy_get_property: the plugin's own, the stream's, the host's; with dots where there are no NULs", (t) => {
  const guest = new Guest();
  guest.stream.properties.set("request.path", Buffer.from("/x"));
  t.is(guest.read("proxy_get_property", ...guest.put("plugin_name")), "test");
  t.is(guest.read("proxy_get_property", ...guest.put("plugin_root_id\0")), "root");
  t.is(guest.read("proxy_get_property", ...guest.put("plugin_vm_id")), "");
  t.is(guest.read("proxy_get_property", ...guest.put("request\0path")), "/x");
  t.is(guest.read("proxy_get_property", ...guest.put("request.path")), "/x");
  t.is(guest.read("proxy_get_property", ...guest.put("xds\0node\0id")), "node-1");
  t.is(guest.read("proxy_get_property", ...guest.put("request\0nope")), status.notFound);
  guest.inRoot();
  t.is(guest.read("proxy_get_property", ...guest.put("request\0path")), status.notFound);
});

test("proxy_get_property of nothing, or of a message without a value of its own, is a serializationFailure (Envoy 1.40)", (t) => {
  const guest = new Guest();
  for (const path of ["", "request", "filter_state"])
    t.is(guest.read("proxy_get_property", ...guest.put(path)), status.serializationFailure);
  t.is(guest.read("proxy_get_property", ...guest.put("\0")), status.notFound);
  t.is(guest.read("proxy_get_property", -5, 9), status.invalidMemoryAccess);
});

test("proxy_set_property works in streams, is notFound elsewhere, and is bounded", (t) => {
  const guest = new Guest({ limits: { mapBytes: 64 } });
  t.is(guest.call("proxy_set_property", ...guest.put("mine"), ...guest.put("kept")), status.ok);
  t.is(guest.read("proxy_get_property", ...guest.put("mine")), "kept");
  t.is(guest.call("proxy_set_property", ...guest.put("refused"), ...guest.put("x")), status.notFound);
  t.is(guest.call("proxy_set_property", ...guest.put("large"), ...guest.put("x".repeat(60))), status.badArgument);
  guest.inRoot();
  t.is(guest.call("proxy_set_property", ...guest.put("mine"), ...guest.put("x")), status.notFound);
});

test("proxy_continue_stream, proxy_close_stream and proxy_send_local_response wait for the callback's end, in order", (t) => {
  const guest = new Guest();
  t.is(guest.call("proxy_continue_stream", 0), status.ok);
  t.is(guest.call("proxy_send_local_response", 403, ...guest.put("a b"), ...guest.put("no"), ...guest.put([["x-a", "1"]]), -1), status.ok);
  t.is(guest.call("proxy_close_stream", 1), status.ok);
  t.is(guest.call("proxy_continue_stream", 2), status.ok);
  t.deepEqual(guest.stream.events, []);
  guest.finishCallback();
  t.deepEqual(guest.stream.events, ["resume 0", "respond 403", "close 1", "resume 2"]);
  t.deepEqual(guest.stream.answer, {
    status: 403,
    details: "a_b",
    headers: [["x-a", "1"]],
    body: Uint8Array.from(Buffer.from("no")),
    grpcStatus: -1,
  });
});

test("streams that are none: badArgument; the upstream half cannot be continued (Envoy 1.40)", (t) => {
  const guest = new Guest();
  for (const stream of [4, 9, -1]) {
    t.is(guest.call("proxy_continue_stream", stream), status.badArgument);
    t.is(guest.call("proxy_close_stream", stream), status.badArgument);
  }
  t.is(guest.call("proxy_continue_stream", 3), status.unimplemented);
  t.is(guest.call("proxy_close_stream", 3), status.ok);
});

test("proxy_continue_request, proxy_continue_response and proxy_clear_route_cache of ABI 0.1.0 are there in all versions", (t) => {
  const guest = new Guest();
  t.is(guest.call("proxy_continue_request"), status.ok);
  t.is(guest.call("proxy_continue_response"), status.ok);
  t.is(guest.call("proxy_clear_route_cache"), status.ok);
  guest.finishCallback();
  t.deepEqual(guest.stream.events, ["clearRoute", "resume 0", "resume 1"]);
});

test("proxy_send_local_response: the first one counts, of 200 to 599, within the limits, never from the root", (t) => {
  const guest = new Guest({ limits: { bodyBytes: 4 } });
  const send = (code: number, body: string, grpc = -1) =>
    guest.call("proxy_send_local_response", code, 0, 0, ...guest.put(body), 0, 0, grpc);
  t.is(send(199, ""), status.badArgument);
  t.is(send(600, ""), status.badArgument);
  t.is(send(200, "12345"), status.badArgument);
  t.is(guest.call("proxy_send_local_response", 200, 0, 0, 0, 0, ...guest.put("no map"), -1), status.badArgument);
  t.is(guest.call("proxy_send_local_response", 200, 0, 0, -1, 2, 0, 0, -1), status.invalidMemoryAccess);
  t.is(send(200, "1234", 16), status.ok);
  t.is(send(500, ""), status.ok);
  guest.finishCallback();
  t.deepEqual(guest.stream.events, ["respond 200"]);
  t.is(guest.stream.answer?.grpcStatus, 16);
  guest.inRoot();
  t.is(send(200, ""), status.badArgument);
});

test("a local response that comes too late closes the stream, as its filter does not want the rest to be seen", (t) => {
  const guest = new Guest();
  guest.stream.mayRespond = false;
  guest.call("proxy_send_local_response", 403, 0, 0, 0, 0, 0, 0, 99);
  guest.finishCallback();
  t.deepEqual(guest.stream.events, ["respond 403", "close 1"]);
});

test("proxy_set_effective_context chooses a context that is there", (t) => {
  const guest = new Guest();
  const stream = guest.vm.effective;
  guest.inRoot();
  t.is(guest.call("proxy_set_effective_context", 999), status.badArgument);
  t.is(guest.call("proxy_set_effective_context", stream.id), status.ok);
  t.is(guest.read("proxy_get_header_map_value", 0, ...guest.put(":path")), "/hello?a=1");
  t.is(guest.call("proxy_set_effective_context", 1), status.ok);
  t.is(guest.call("proxy_done"), status.notFound);
  t.is(guest.call("proxy_set_tick_period_milliseconds", 250), status.ok);
  t.deepEqual(guest.host.ticks, [250]);
});

test("host functions stop a callback that keeps the host busy: calls, log lines, bytes", (t) => {
  const guest = new Guest({ limits: { fuel: 100_000, startFuel: 100_000 } });
  const spend = (task: () => void) => {
    guest.finishCallback();
    guest.vm.invoke(guest.vm.root, "refill", () => 0);
    let calls = 0;
    t.throws(
      () => {
        for (; calls < 10_000; calls++) task();
      },
      { instanceOf: HostWorkSpent },
    );
    return calls;
  };
  guest.stream.setBody(bufferType.requestBody, "x".repeat(10_000));
  t.true(spend(() => guest.call("proxy_get_current_time_nanoseconds", 8)) <= 500);
  t.true(spend(() => guest.call("proxy_log", 2, 0, 100)) <= 50);
  t.true(spend(() => guest.call("proxy_get_buffer_bytes", 0, 0, 10_000, 16, 24)) <= 10);
});

test("no host function throws, or answers anything but a status, whatever its parameters (10 000 calls, fixed seed)", (t) => {
  const guest = new Guest({ limits: { startFuel: 2 ** 31, calls: 10 } });
  guest.vm.invoke(guest.vm.root, "refill", () => 0);
  guest.inStream();
  guest.stream.setBody(bufferType.requestBody, "body");
  let state = 77;
  const next = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const size = guest.bytes.length;
  const number = () => [0, 1, 2, 3, 16, 200, next(9), next(4096), size - 1, size, size - 4, -1, -16, 0x7fff_ffff, -0x8000_0000][next(15)]!;
  const names = Object.keys(guest.functions).filter((name) => name !== "proc_exit");
  const wide = new Set(["proxy_increment_metric", "proxy_record_metric"]);
  const answers = new Set<number>();
  for (let round = 0; round < 10_000; round++) {
    const name = names[next(names.length)]!;
    const parameters: (number | bigint)[] = Array.from({ length: { proxy_grpc_call: 12, proxy_grpc_stream: 9 }[name] ?? 10 }, number);
    if (wide.has(name)) parameters[1] = BigInt(number());
    const answer = guest.call(name, ...parameters);
    if (!Number.isInteger(answer) || answer < 0 || answer > 76) t.fail(`${name}(${parameters.join()}) answered ${answer}`);
    answers.add(answer);
    // Allocations do not use up memory here.
    if (round % 100 === 0) guest.reset();
  }
  t.true(answers.size > 8, `statuses seen: ${[...answers].join()}`);
});
