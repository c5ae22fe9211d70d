import { MitsuError } from "@mitsu/cli";
import test from "ava";
import { action, bodyAction, mapType, SharedMemories } from "../../src/mod.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeStream } from "./fake-stream.ts";
import { type StartOptions, start } from "./started-plugin.ts";
import { callback, hostFunctionParameters, say, watFilter } from "./wat-filter.ts";

test("startPlugin() runs _initialize, root context, vm_start and configure, with the sizes of the configurations", (t) => {
  const log = (
    letter: number,
  ) => `(i32.store8 (i32.const 16) (i32.const ${letter})) (i32.store8 (i32.const 17) (i32.add (local.get 1) (i32.const 48)))
    (call $say (i32.const 16) (i32.const 2))`;
  const { host, plugin } = start(
    watFilter(`${say}
      (func (export "_initialize") (i32.store8 (i32.const 16) (i32.const 73)) (call $say (i32.const 16) (i32.const 1)))
      (func (export "main") (param i32 i32) (result i32) ${log(77)} (i32.const 0))
      (func (export "proxy_on_context_create") (param i32 i32) ${log(67)})
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32) ${log(86)} (i32.const 1))
      (func (export "proxy_on_configure") (param i32 i32) (result i32) ${log(80)} (i32.const 1))`),
  );
  t.deepEqual(host.logs, ["info: I", "info: M0", "info: C0", "info: V9", "info: P5"]);
  plugin.openHttp(new FakeStream());
  t.is(host.logs.at(-1), "info: C1", "a stream's parent is the root");
});

test("startPlugin() refuses a filter that answers false, traps, spins, ends itself or has no allocator", (t) => {
  const refused = (body: string, pattern: RegExp, options: StartOptions = {}) => {
    const error = t.throws(() => start(body.startsWith("(module") ? body : watFilter(body), options), {
      instanceOf: MitsuError,
      code: "ERR_FILTER_START",
    });
    t.regex(error!.message, pattern);
  };
  refused('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))', /proxy_on_vm_start answered false/);
  refused('(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))', /proxy_on_configure answered false/);
  refused('(func (export "_initialize") unreachable)', /_initialize: unreachable/);
  refused("(func $f unreachable) (start $f)", /unreachable/);
  refused('(func (export "_start") (loop $l (br $l)))', /_start: out of fuel/, { limits: { startFuel: 100_000 } });
  refused('(func (export "_start") (call $proc_exit (i32.const 3)))', /proc_exit\(3\)/);
  refused('(module (memory (export "memory") 1))', /neither malloc nor proxy_on_memory_allocate/);
  refused('(module (func (export "malloc") (param i32) (result i32) (i32.const 0)))', /exports no memory/);
  t.notThrows(() => start(watFilter('(func (export "_start") (call $proc_exit (i32.const 0)))')));
});

test("startPlugin() refuses an import that no host has", (t) => {
  const error = t.throws(() => start('(module (import "env" "proxy_get_secret" (func (param i32))) (memory (export "memory") 1))'), {
    code: "ERR_FILTER_IMPORT",
  });
  t.regex(error!.message, /function env\.proxy_get_secret/);
  t.throws(() => start('(module (import "env" "constructor" (func)) (memory (export "memory") 1))'), { code: "ERR_FILTER_IMPORT" });
});

test("every host function links by its exact type and answers a status to zeros, in every version", (t) => {
  const calls = Object.entries(hostFunctionParameters)
    .map(([name, types]) => `(drop (call $${name} ${types.map((type) => `(${type}.const 0)`).join(" ")}))`)
    .join("\n");
  for (const abi of ["0_1_0", "0_2_0", "0_2_1"]) {
    const { plugin } = start(watFilter(callback("proxy_on_request_headers", calls), abi));
    t.is(plugin.openHttp(FakeStream.get()).requestHeaders(true), action.continue);
  }
});

test("proxy_on_memory_allocate is the allocator of a module without malloc", (t) => {
  const text = watFilter(
    `(data (i32.const 16) "x-a") ${callback(
      "proxy_on_request_headers",
      `
    (drop (call $proxy_get_header_map_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 32) (i32.const 36)))
    (drop (call $proxy_log (i32.const 2) (i32.load (i32.const 32)) (i32.load (i32.const 36))))`,
    )}`,
  ).replace('"malloc"', '"proxy_on_memory_allocate"');
  const { plugin, host } = start(text);
  plugin.openHttp(FakeStream.get([["x-a", "found"]])).requestHeaders(true);
  t.deepEqual(host.logs, ["info: found"]);
});

test("an allocator that grows memory moves nothing away from the host: values arrive, and out words too", (t) => {
  const text = `(module
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 16) "x-a")
    (func (export "malloc") (param i32) (result i32) (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $get (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 32) (i32.const 36)))
      (drop (call $log (i32.const 2) (i32.load (i32.const 32)) (i32.load (i32.const 36)))) (i32.const 0)))`;
  const { plugin, host } = start(text);
  const context = plugin.openHttp(FakeStream.get([["x-a", "found"]]));
  for (let round = 0; round < 3; round++) context.requestHeaders(true);
  t.deepEqual(host.logs, ["info: found", "info: found", "info: found"]);
  t.is(plugin.memoryBytes, 4 * 65536);
});

test("openHttp() calls only what a module exports, with field counts, and ends in Envoy's order: log, done, delete", (t) => {
  const letter = (code: number) => `(i32.store8 (i32.const 16) (i32.const ${code})) (call $say (i32.const 16) (i32.const 1))`;
  const { plugin, host } = start(
    watFilter(`${say}
      ${callback("proxy_on_delete", letter(68))} ${callback("proxy_on_done", letter(79))} ${callback("proxy_on_log", letter(76))}
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.add (local.get 1) (local.get 2)))`),
  );
  t.deepEqual(plugin.callbacks, {
    requestHeaders: true,
    requestBody: false,
    requestTrailers: false,
    responseHeaders: false,
    responseBody: false,
    responseTrailers: false,
    tcp: false,
    log: true,
    changesBodies: false,
  });
  const context = plugin.openHttp(FakeStream.get());
  t.is(context.id, 2);
  t.is(context.requestBody(5, true), bodyAction.continue);
  t.is(context.requestHeaders(true), action.stopAllIterationAndWatermark, "6, as numbers beyond the last mean the last");
  const calls = plugin.counters.calls;
  context.end();
  context.end();
  t.deepEqual(host.logs, ["info: L", "info: O", "info: D"]);
  t.is(plugin.counters.calls, calls + 3);
  t.is(context.requestHeaders(true), action.continue, "nothing is called after the end");
  t.is(plugin.openHttp(FakeStream.get()).id, 3);
});

test("actions come back as they are; a local response stops whatever the callback answers", (t) => {
  const { plugin } = start(
    watFilter(`
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
      (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (local.get 1))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (drop (call $proxy_send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
        (i32.const 0))
      (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (i32.const 7))`),
  );
  const stream = FakeStream.get();
  const context = plugin.openHttp(stream);
  t.is(context.requestHeaders(true), action.stopIteration);
  t.deepEqual(
    [0, 1, 2, 3, 4].map((size) => context.requestBody(size, false)),
    [0, 1, 2, 3, 3],
  );
  t.is(context.responseTrailers(), action.stopIteration);
  t.is(context.responseHeaders(false), action.stopAllIterationAndWatermark);
  t.deepEqual(stream.events, ["respond 403"]);
});

test("an HTTP call's answer reaches a stream through proxy_set_effective_context, and resumes it", (t) => {
  const pairs =
    "\\03\\00\\00\\00\\07\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00\\01\\00\\00\\00\\0a\\00\\00\\00\\01\\00\\00\\00:method\\00GET\\00:path\\00/\\00:authority\\00a\\00";
  const { plugin, host } = start(
    watFilter(`(data (i32.const 16) "upstream") (data (i32.const 32) "${pairs}") (data (i32.const 128) "x-auth") (global $ctx (mut i32) (i32.const 0))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (global.set $ctx (local.get 0))
        (if (call $proxy_http_call (i32.const 16) (i32.const 8) (i32.const 32) (i32.const ${4 + 24 + 7 + 3 + 5 + 1 + 10 + 1 + 6})
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) (then unreachable)) (i32.const 1))
      (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (if (i32.ne (local.get 0) (i32.const 1)) (then unreachable))
        (drop (call $proxy_set_effective_context (global.get $ctx)))
        (drop (call $proxy_add_header_map_value (i32.const 0) (i32.const 128) (i32.const 6) (i32.const 16) (local.get 3)))
        (drop (call $proxy_continue_stream (i32.const 0))))`),
  );
  const stream = FakeStream.get();
  const context = plugin.openHttp(stream);
  t.is(context.requestHeaders(true), action.stopIteration);
  t.is(plugin.counters.callsOpen, 1);
  host.httpCalls[0]!.done({ headers: [[":status", "200"]], body: Buffer.from("yes"), trailers: [] });
  t.is(stream.fields(mapType.requestHeaders)?.get("x-auth"), "ups");
  t.deepEqual(stream.events, ["resume 0"]);
});

test("tick(), queueReady(), foreignFunction() and configure() call the root, with their data at hand", (t) => {
  const { plugin, host } = start(
    watFilter(`${say}
      (func $show (param $buffer i32)
        (drop (call $proxy_get_buffer_bytes (local.get $buffer) (i32.const 0) (i32.const 100) (i32.const 32) (i32.const 36)))
        (call $say (i32.load (i32.const 32)) (i32.load (i32.const 36))))
      (func (export "proxy_on_tick") (param i32) (i32.store8 (i32.const 16) (i32.add (local.get 0) (i32.const 48))) (call $say (i32.const 16) (i32.const 1)))
      (func (export "proxy_on_queue_ready") (param i32 i32) (i32.store8 (i32.const 16) (i32.add (local.get 1) (i32.const 48))) (call $say (i32.const 16) (i32.const 1)))
      (func (export "proxy_on_foreign_function") (param i32 i32 i32) (call $show (i32.const 8)))
      (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $show (i32.const 7)) (i32.ne (local.get 1) (i32.const 3)))`),
  );
  plugin.tick();
  plugin.queueReady(7);
  plugin.foreignFunction(1, Buffer.from("argument"));
  t.true(plugin.configure(Buffer.from("next")));
  t.false(plugin.configure(Buffer.from("bad")));
  t.deepEqual(host.logs, ["info: hello", "info: 1", "info: 7", "info: argument", "info: next", "info: bad"]);
});

test("an item that one plugin puts into a queue wakes the plugin that registered it", async (t) => {
  const shared = new SharedMemories();
  const [receiver, sender] = [new FakeHost(shared.of("vm")), new FakeHost(shared.of("vm"))];
  start(
    watFilter(`(data (i32.const 16) "q")
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.eqz (call $proxy_register_shared_queue (i32.const 16) (i32.const 1) (i32.const 32))))
      (func (export "proxy_on_queue_ready") (param i32 i32)
        (drop (call $proxy_dequeue_shared_queue (local.get 1) (i32.const 32) (i32.const 36)))
        (drop (call $proxy_log (i32.const 2) (i32.load (i32.const 32)) (i32.load (i32.const 36)))))`),
    { host: receiver, vmId: "vm" },
  );
  const { plugin } = start(
    watFilter(`(data (i32.const 16) "q")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $proxy_resolve_shared_queue (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))
        (call $proxy_enqueue_shared_queue (i32.load (i32.const 32)) (i32.const 16) (i32.const 1)))`),
    { host: sender, vmId: "vm" },
  );
  t.is(plugin.openHttp(FakeStream.get()).requestHeaders(true), action.continue);
  t.deepEqual(receiver.logs, []);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(receiver.logs, ["info: q"]);
});

test("stop() ends the root; a filter that still has work ends by its proxy_done, or by the second stop()", (t) => {
  const busy = watFilter(`
    (func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_on_delete") (param i32) (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 0))))
    (func (export "proxy_on_tick") (param i32) (if (call $proxy_done) (then unreachable)))`);
  const { plugin, host } = start(busy);
  t.false(plugin.stop());
  t.deepEqual([host.stopped, host.logs.length], [0, 0]);
  plugin.tick();
  t.deepEqual([host.stopped, host.logs.length], [1, 1]);
  t.notThrows(() => plugin.tick());
  t.true(plugin.stop());
  const { plugin: second, host: other } = start(busy);
  t.false(second.stop());
  t.true(second.stop());
  t.deepEqual([other.stopped, other.logs.length, other.ticks], [0, 1, [0]]);
});

test("after stop() streams that are left end quietly, and no exchange passes as if the filter had seen it", (t) => {
  const { plugin, host } = start(
    watFilter(
      `${callback("proxy_on_request_headers", "")} ${callback("proxy_on_log", "(drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 0)))")}`,
    ),
  );
  const context = plugin.openHttp(FakeStream.get());
  t.true(plugin.stop());
  t.throws(() => context.requestHeaders(true), { code: "ERR_FILTER_STOPPED" });
  t.notThrows(() => context.end());
  t.deepEqual(host.logs, []);
  t.throws(() => plugin.openHttp(FakeStream.get()), { code: "ERR_FILTER_STOPPED" });
});

test("an item of a queue whose plugin was stopped wakes nobody, and the next plugin of that name finds it", async (t) => {
  const shared = new SharedMemories();
  const filter = watFilter(`(data (i32.const 16) "q")
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.eqz (call $proxy_register_shared_queue (i32.const 16) (i32.const 1) (i32.const 32))))
    (func (export "proxy_on_queue_ready") (param i32 i32) (drop (call $proxy_log (i32.const 2) (i32.const 16) (i32.const 1))))`);
  const { plugin, host } = start(filter, { host: new FakeHost(shared.of("")) });
  const queue = shared.of("").resolveQueue("", "q")!;
  plugin.stop();
  shared.of("").enqueue(queue, Buffer.from("item"));
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual([host.logs, host.traps], [[], []]);
  const { host: next } = start(filter, { host: new FakeHost(shared.of("")) });
  shared.of("").enqueue(queue, Buffer.from("another"));
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(next.logs, ["info: q"]);
  t.deepEqual(shared.of("").dequeue(queue), Buffer.from("item"));
});
