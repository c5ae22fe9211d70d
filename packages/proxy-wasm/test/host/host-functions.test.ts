import { createSign, generateKeyPairSync } from "node:crypto";
import { deflateSync } from "node:zlib";
import test from "ava";
import { HostWorkSpent } from "../../src/host/filter-trap.ts";
import { bufferType, SharedMemories, status } from "../../src/mod.ts";
import { FakeHost } from "./fake-host.ts";
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

test("shared data: any number is taken for a new key, later only the last one; an empty value is a value", (t) => {
  const guest = new Guest();
  const cas = guest.word(2);
  const set = (value: string, number: number) => guest.call("proxy_set_shared_data", ...guest.put("k\xff"), ...guest.put(value), number);
  const get = () => {
    const [at, length] = guest.put("k\xff");
    const [pointer, size] = [guest.word(0), guest.word(1)];
    const answer = guest.call("proxy_get_shared_data", at, length, pointer, size, cas);
    if (answer !== status.ok) return answer;
    return Buffer.from(guest.bytes).toString("utf8", guest.u32(pointer), guest.u32(pointer) + guest.u32(size));
  };
  t.is(get(), status.notFound);
  t.is(set("v", 5), status.ok);
  t.is(get(), "v");
  const first = guest.u32(cas);
  t.true(first >= 1);
  t.is(set("w", first + 1), status.casMismatch);
  t.is(set("", first), status.ok);
  t.is(get(), "");
  t.is(guest.u32(cas), first + 1);
  t.is(set("z", 0), status.ok);
  t.is(get(), "z");
  t.is(guest.call("proxy_set_shared_data", -1, 9, ...guest.put("v"), 0), status.invalidMemoryAccess);
});

test("SharedMemories keeps machines apart and within its bounds", (t) => {
  const shared = new SharedMemories({ bytes: 300, keys: 2, queues: 1, depth: 2 }, () => {});
  const [one, other] = [shared.of("one"), shared.of("other")];
  t.is(one.set("a", Buffer.alloc(10), 0), "ok");
  t.is(other.get("a"), undefined);
  t.is(other.set("a", Buffer.alloc(1), 0), "ok");
  t.is(one.set("b", Buffer.alloc(1), 0), "full");
  t.is(one.set("a", Buffer.alloc(200), 0), "full");
  const before = shared.bytes;
  const queue = one.registerQueue("q", () => {});
  t.is(
    other.registerQueue("q", () => {}),
    0,
  );
  t.is(other.resolveQueue("one", "q"), queue);
  t.is(one.enqueue(queue, Buffer.from("1")), "ok");
  t.is(other.enqueue(queue, Buffer.alloc(200)), "full");
  t.deepEqual(other.dequeue(queue), Buffer.from("1"));
  t.is(one.dequeue(queue), "empty");
  t.true(shared.bytes > before, "the queue's name stays");
});

test("SharedMemories gives items in order while its queue is filled and emptied at once", (t) => {
  const shared = new SharedMemories(undefined, () => {}).of("");
  const queue = shared.registerQueue("q", () => {});
  let [put, taken] = [0, 0];
  for (let round = 1; round < 200; round++) {
    for (let count = round % 7; count > 0; count--) shared.enqueue(queue, Uint8Array.of(put++ % 256));
    for (let count = round % 5; count > 0; count--) {
      const item = shared.dequeue(queue);
      if (item === "empty") break;
      t.deepEqual(item, Uint8Array.of(taken++ % 256));
    }
  }
  t.true(taken > 300);
});

test("shared queues: unknown, empty, first in first out, one notice an item, later than the call", (t) => {
  const later: (() => void)[] = [];
  const guest = new Guest({ host: new FakeHost(new SharedMemories(undefined, (task) => later.push(task)).of("")) });
  const id = guest.word(2);
  t.is(guest.call("proxy_resolve_shared_queue", 0, 0, ...guest.put("q"), id), status.notFound);
  t.is(guest.call("proxy_register_shared_queue", ...guest.put("q"), id), status.ok);
  const queue = guest.u32(id);
  t.is(guest.call("proxy_register_shared_queue", ...guest.put("q"), id), status.ok);
  t.is(guest.u32(id), queue);
  t.is(guest.call("proxy_resolve_shared_queue", 0, 0, ...guest.put("q"), id), status.ok);
  t.is(guest.u32(id), queue);
  t.is(guest.call("proxy_resolve_shared_queue", ...guest.put("other"), ...guest.put("q"), id), status.notFound);
  t.is(guest.read("proxy_dequeue_shared_queue", queue), status.empty);
  t.is(guest.read("proxy_dequeue_shared_queue", 99), status.notFound);
  t.is(guest.call("proxy_enqueue_shared_queue", 99, ...guest.put("x")), status.notFound);
  for (const item of ["one", "", "three"]) t.is(guest.call("proxy_enqueue_shared_queue", queue, ...guest.put(item)), status.ok);
  t.deepEqual(guest.delivered, []);
  for (const task of later) task();
  t.deepEqual(guest.delivered, [`queue ${queue}`, `queue ${queue}`, `queue ${queue}`]);
  t.is(guest.call("proxy_dequeue_shared_queue", queue, -1, guest.word(1)), status.invalidMemoryAccess);
  t.deepEqual(
    [1, 2, 3].map(() => guest.read("proxy_dequeue_shared_queue", queue)),
    ["one", "", "three"],
  );
});

test("metrics: counters only go up, gauges anywhere, histograms observe; numbers as Envoy's", (t) => {
  const guest = new Guest();
  const id = guest.word(2);
  const define = (type: number, name: string) => {
    const answer = guest.call("proxy_define_metric", type, ...guest.put(name), id);
    return answer === status.ok ? guest.u32(id) : -answer;
  };
  const get = (number: number) => {
    const answer = guest.call("proxy_get_metric", number, guest.word(3));
    return answer === status.ok ? guest.u64(16 + 24) : answer;
  };
  const [counter, gauge, histogram] = [define(0, "c"), define(1, "g"), define(2, "h")];
  t.deepEqual([counter, gauge, histogram], [4, 5, 6]);
  t.is(define(0, "c"), counter);
  t.is(define(1, "c"), -status.badArgument);
  t.is(define(3, "x"), -status.badArgument);
  t.is(guest.call("proxy_increment_metric", counter, 2n), status.ok);
  t.is(guest.call("proxy_increment_metric", counter, 0n), status.badArgument);
  t.is(guest.call("proxy_increment_metric", counter, -1n), status.badArgument);
  t.is(guest.call("proxy_record_metric", counter, 5n), status.ok);
  t.is(get(counter), 7n);
  t.is(guest.call("proxy_increment_metric", gauge, -1n), status.ok);
  t.is(get(gauge), 2n ** 64n - 1n);
  t.is(guest.call("proxy_record_metric", gauge, 7n), status.ok);
  t.is(get(gauge), 7n);
  t.is(guest.call("proxy_increment_metric", histogram, 1n), status.badArgument);
  t.is(guest.call("proxy_record_metric", histogram, 3n), status.ok);
  t.deepEqual(guest.host.metrics.get("h")?.observed, [3]);
  t.is(get(histogram), status.badArgument);
  for (const name of ["proxy_increment_metric", "proxy_record_metric"]) t.is(guest.call(name, 400, 1n), status.notFound);
  t.is(get(400), status.notFound);
});

test("metrics beyond limits.metrics are an internalFailure", (t) => {
  const guest = new Guest({ limits: { metrics: 1 } });
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("a"), guest.word()), status.ok);
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("b"), guest.word()), status.internalFailure);
  t.is(guest.call("proxy_define_metric", 0, ...guest.put("a"), guest.word()), status.ok);
});

test("proxy_call_foreign_function: the host's own first, then compress and uncompress, others notFound", (t) => {
  const guest = new Guest();
  guest.host.foreignFunctions = new Map([
    ["twice", (argument: Uint8Array) => Buffer.concat([argument, argument])],
    [
      "bad",
      () => {
        throw new Error("no");
      },
    ],
  ]);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("nope"), ...guest.put("x")), status.notFound);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("twice"), ...guest.put("ab")), "abab");
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("bad"), ...guest.put("ab")), status.badArgument);
  const packed = guest.readBytes("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a".repeat(100)));
  t.true(packed.length < 20);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put(packed)), "a".repeat(100));
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put("zzz")), status.serializationFailure);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("clear_route_cache"), 0, 0), "");
  t.deepEqual(guest.stream.events, ["clearRoute"]);
});

test("proxy_call_foreign_function: either out pointer may be null (Envoy 1.40)", (t) => {
  const guest = new Guest();
  t.is(guest.call("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a"), 0, 0), status.ok);
  const length = guest.word();
  t.is(guest.call("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a"), 0, length), status.ok);
  t.is(guest.u32(length), deflateSync("a").length);
  t.deepEqual(guest.allocations, []);
});

test("uncompress ends at limits.bodyBytes", (t) => {
  const guest = new Guest({ limits: { bodyBytes: 1000 } });
  const bomb = deflateSync(Buffer.alloc(100_000));
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put(bomb)), status.serializationFailure);
});

test("verify_signature tells a good signature from a bad one, and takes exactly one key", (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = createSign("sha256").update("text").sign(privateKey);
  const field = (number: number, bytes: Uint8Array) => [(number << 3) | 2, (bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
  const der = publicKey.export({ format: "der", type: "spki" });
  const pem = Buffer.from(publicKey.export({ format: "pem", type: "spki" }));
  const ask = (...parts: number[][]) => {
    const guest = new Guest();
    return guest.read("proxy_call_foreign_function", ...guest.put("verify_signature"), ...guest.put(Uint8Array.from(parts.flat())));
  };
  const [hash, signed, text] = [field(1, Buffer.from("sha256")), field(3, signature), field(4, Buffer.from("text"))];
  t.is(ask(hash, field(2, der), signed, text), "\x08\x01");
  t.is(ask(hash, field(5, pem), signed, text), "\x08\x01");
  t.regex(ask(hash, field(2, der), signed, field(4, Buffer.from("other"))) as string, /Failed to verify/);
  t.regex(ask(field(1, Buffer.from("md4")), field(2, der), signed, text) as string, /not supported/);
  t.regex(ask(hash, field(2, Buffer.from("key")), signed, text) as string, /Failed to parse/);
  t.is(ask(hash, signed, text), status.badArgument);
  t.is(ask(hash, field(2, der), field(5, pem), signed, text), status.badArgument);
  t.is(ask([0x0a, 0x7f]), status.badArgument);
});

test("WASI fd_write: 1 is information, 2 an error, one line's end is cut, other files are none", (t) => {
  const guest = new Guest();
  const vectors = (...texts: string[]): [number, number] => {
    const all = texts.map((text) => guest.put(text));
    const [at] = guest.put(new Uint8Array(8 * all.length));
    for (const [index, [from, length]] of all.entries()) {
      guest.setU32(at + 8 * index, from);
      guest.setU32(at + 8 * index + 4, length);
    }
    return [at, all.length];
  };
  const written = guest.word();
  t.is(guest.call("fd_write", 1, ...vectors("a", "b\n\n"), written), 0);
  t.is(guest.u32(written), 4);
  t.is(guest.call("fd_write", 2, ...vectors("no"), written), 0);
  t.deepEqual(guest.host.logs, ["info: ab\n", "error: no"]);
  t.is(guest.call("fd_write", 3, ...vectors("x"), written), 8);
  t.is(guest.call("fd_write", 1, -8, 1, written), 21);
  t.is(guest.call("fd_write", 1, ...vectors("x"), -1), 21);
  t.is(guest.call("fd_write", 1, 0, -1, written), 28);
  const [bad] = guest.put(new Uint8Array(8));
  guest.setU32(bad, 0xffff_fff0);
  guest.setU32(bad + 4, 100);
  t.is(guest.call("fd_write", 1, bad, 1, written), 21);
});

test("WASI clocks, arguments, environment and files answer as Envoy's", (t) => {
  const guest = new Guest();
  const at = guest.word();
  t.is(guest.call("clock_time_get", 0, 0n, at), 0);
  t.is(guest.u64(at), 1_700_000_000_000_000_000n);
  t.is(guest.call("clock_time_get", 1, 0n, at), 0);
  t.is(guest.u64(at), 5n);
  t.is(guest.call("clock_time_get", 2, 0n, at), 58);
  for (const name of ["args_sizes_get", "environ_sizes_get"]) {
    const [count, bytes] = [guest.word(0), guest.word(1)];
    t.is(guest.call(name, count, bytes), 0);
    t.deepEqual([guest.u32(count), guest.u32(bytes)], [0, 0]);
    t.is(guest.call(name, -1, bytes), 21);
  }
  t.is(guest.call("args_get", 0, 0), 0);
  t.is(guest.call("environ_get", 0, 0), 0);
  t.is(guest.call("fd_prestat_get", 3, 0), 8);
  t.is(guest.call("path_open", 3, 0, 0, 0, 0, 0n, 0n, 0, 0), 44);
  t.is(guest.call("fd_read", 0, 0, 0, 0), 52);
  t.is(guest.call("fd_seek", 1, 0n, 0, 0), 0);
  t.is(guest.call("sched_yield"), 0);
  const [stat] = guest.put(new Uint8Array(24).fill(9));
  t.is(guest.call("fd_fdstat_get", 1, stat), 0);
  t.deepEqual([...guest.bytes.slice(stat, stat + 24)], [0, 0, 0, 0, 0, 0, 0, 0, 64, ...new Array<number>(15).fill(0)]);
  t.is(guest.call("fd_fdstat_get", 5, stat), 8);
});

test("WASI poll_oneoff: every event is there at once, as a callback never waits", (t) => {
  const guest = new Guest();
  const [subscription] = guest.put(new Uint8Array(48));
  guest.setU32(subscription, 77);
  const [event] = guest.put(new Uint8Array(32).fill(9));
  const count = guest.word();
  t.is(guest.call("poll_oneoff", subscription, event, 1, count), 0);
  t.deepEqual([guest.u32(count), guest.u32(event), guest.u32(event + 8)], [1, 77, 0]);
  t.is(guest.call("poll_oneoff", subscription, event, 0, count), 28);
  t.is(guest.call("poll_oneoff", -1, event, 1, count), 21);
});

test("WASI random_get gives limits.randomBytes a callback, and wants a capability", (t) => {
  const guest = new Guest({ limits: { randomBytes: 100 } });
  guest.finishCallback();
  const [at] = guest.put(new Uint8Array(64));
  t.is(guest.call("random_get", at, 64), 0);
  t.true(new Set(guest.bytes.slice(at, at + 64)).size > 10);
  t.is(guest.call("random_get", at, 64), 28);
  guest.finishCallback();
  t.is(guest.call("random_get", at, 64), 0);
  t.is(guest.call("random_get", -1, 64), 21);
  t.is(new Guest({ capabilities: [] }).call("random_get", 0, 1), 76);
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

test("no host function throws, or answers anything but a status, whatever its parameters (20 000 calls, fixed seed)", (t) => {
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
  for (let round = 0; round < 20_000; round++) {
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
