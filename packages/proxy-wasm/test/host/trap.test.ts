import test, { type ExecutionContext } from "ava";
import { action, bodyAction, bufferType, FieldList, FilterTrap, mapType, type Plugin } from "../../src/mod.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeStream } from "./fake-stream.ts";
import { start } from "./started-plugin.ts";
import { callback, streamCallbacks, watFilter } from "./wat-filter.ts";

function exchange(plugin: Plugin, stream: FakeStream): void {
  const context = plugin.openHttp(stream);
  context.requestHeaders(false);
  stream.setBody(bufferType.requestBody, "ab");
  context.requestBody(2, false);
  context.requestTrailers();
  stream.maps.set(mapType.responseHeaders, new FieldList([[":status", "200"]]));
  context.responseHeaders(false);
  context.responseBody(0, true);
  context.responseTrailers();
  context.end();
}

function connection(plugin: Plugin, stream: FakeStream): void {
  const context = plugin.openTcp(stream);
  context.newConnection();
  context.downstreamData(1, false);
  context.upstreamData(1, false);
  context.downstreamClose(true);
  context.upstreamClose(false);
  context.end();
}

function trapOf(t: ExecutionContext, task: () => void): FilterTrap {
  const trap = t.throws(task, { instanceOf: FilterTrap });
  return trap!;
}

test("a trap in each callback of an exchange is a FilterTrap with its name, told once, and ends the plugin", (t) => {
  for (const name of Object.keys(streamCallbacks)) {
    const { plugin, host } = start(watFilter(callback(name, "unreachable")));
    const run = name.includes("connection") || name.includes("stream_data") ? connection : exchange;
    const trap = trapOf(t, () => run(plugin, FakeStream.get()));
    t.is(trap.report.callback, name);
    t.is(trap.report.reason, "trap");
    t.deepEqual(host.traps, [trap.report]);
    t.deepEqual(plugin.trapped, trap.report);
    trapOf(t, () => plugin.openHttp(FakeStream.get()).requestHeaders(true));
    t.is(host.traps.length, 1);
  }
});

test("a trap says why, and in which functions of the guest", (t) => {
  const report = (instructions: string, functions = "", limits = {}) => {
    const { plugin } = start(watFilter(`${functions} ${callback("proxy_on_request_headers", instructions)}`), { limits });
    return trapOf(t, () => plugin.openHttp(FakeStream.get()).requestHeaders(true)).report;
  };
  t.regex(report("(call $inner)", "(func $inner (call $core)) (func $core unreachable)").detail, /^unreachable \(in core < inner < /);
  t.is(report("(loop $l (br $l))", "", { fuel: 100_000 }).reason, "fuel");
  t.is(report("(drop (i32.load (i32.const 0x7fffffff)))").reason, "memory");
  t.is(
    report("(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable", "", { memoryBytes: 2 ** 18 }).reason,
    "memory",
  );
  const overflow = report("(call $f)", "(func $f (call $f))", { fuel: 2_000_000_000 });
  t.deepEqual([overflow.reason, overflow.detail.slice(0, 14)], ["trap", "stack overflow"]);
  t.regex(report("(call $proc_exit (i32.const 7))").detail, /proc_exit\(7\)/);
  t.is(report("(drop (i32.div_s (i32.const 1) (i32.const 0)))").reason, "trap");
});

test("a callback that only calls the host runs out of fuel too", (t) => {
  const { plugin } = start(
    watFilter(callback("proxy_on_request_headers", "(loop $l (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 9))) (br $l))")),
  );
  t.is(trapOf(t, () => plugin.openHttp(FakeStream.get()).requestHeaders(true)).report.reason, "fuel");
});

test("an exception of the stream around is a trap of the host's, and not the next exchange's", (t) => {
  const { plugin } = start(
    watFilter(callback("proxy_on_request_headers", "(drop (call $proxy_get_header_map_size (i32.const 0) (i32.const 16)))")),
  );
  const stream = FakeStream.get();
  const context = plugin.openHttp(stream);
  let broken = false;
  stream.fields = () => {
    if (broken) throw new Error("broken stream");
    broken = true;
    return null;
  };
  const { report } = trapOf(t, () => context.requestHeaders(true));
  t.deepEqual([report.reason, report.detail.split(" (")[0]], ["host", "broken stream"]);
});

test("end() of the streams of a plugin that has trapped is quiet, and later methods throw", (t) => {
  const { plugin } = start(watFilter(`${callback("proxy_on_request_headers", "unreachable")} ${callback("proxy_on_log", "")}`));
  const [one, other] = [plugin.openHttp(FakeStream.get()), plugin.openHttp(FakeStream.get())];
  trapOf(t, () => one.requestHeaders(true));
  t.notThrows(() => one.end());
  trapOf(t, () => other.requestHeaders(true));
  t.notThrows(() => other.end());
  t.true(plugin.stop());
});

test("each callback has the whole of its fuel, and what it uses is counted", (t) => {
  const { plugin } = start(
    watFilter(
      callback(
        "proxy_on_request_headers",
        "(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000))))",
      ),
    ),
    {
      limits: { fuel: 60_000 },
    },
  );
  const context = plugin.openHttp(FakeStream.get());
  for (let round = 0; round < 20; round++) context.requestHeaders(true);
  t.true(plugin.counters.fuel > 20 * 5000 * 2, `${plugin.counters.fuel}`);
});

test("functions beyond the capabilities answer unimplemented and are counted; callbacks of bodies, trailers and TCP are not called", (t) => {
  const body = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (i32.sub (call $proxy_set_tick_period_milliseconds (i32.const 10)) (i32.const 8)))
    ${["proxy_on_request_body", "proxy_on_request_trailers", "proxy_on_new_connection"].map((name) => callback(name, "unreachable")).join("\n")}`;
  const { plugin, host } = start(watFilter(body), { capabilities: [] });
  const context = plugin.openHttp(FakeStream.get());
  t.is(context.requestHeaders(true), action.stopAllIterationAndWatermark, "12 - 8");
  t.deepEqual([plugin.counters.denied, host.ticks], [1, []]);
  t.is(context.requestBody(1, true), bodyAction.continue);
  t.is(context.requestTrailers(), action.continue);
  t.is(plugin.openTcp(FakeStream.get()).newConnection(), action.continue);
  t.deepEqual([plugin.callbacks.requestBody, plugin.callbacks.requestTrailers, plugin.callbacks.tcp], [false, false, false]);
  const { host: allowing, plugin: allowed } = start(watFilter(body), { capabilities: ["timer"] });
  allowed.openHttp(FakeStream.get()).requestHeaders(true);
  t.deepEqual(allowing.ticks, [10]);
});

test("a trap in a call's answer does not throw at the caller: onTrap tells it, and other calls are given up", (t) => {
  const pairs =
    "\\03\\00\\00\\00\\07\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00\\01\\00\\00\\00\\0a\\00\\00\\00\\01\\00\\00\\00:method\\00GET\\00:path\\00/\\00:authority\\00a\\00";
  const { plugin, host } = start(
    watFilter(`(data (i32.const 16) "upstream") (data (i32.const 32) "${pairs}")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $proxy_http_call (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 61) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)))
      (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) unreachable)`),
  );
  const context = plugin.openHttp(FakeStream.get());
  t.deepEqual([context.requestHeaders(true), context.requestHeaders(true)], [0, 0]);
  t.notThrows(() => host.httpCalls[0]!.done(null));
  t.is(host.traps[0]?.callback, "proxy_on_http_call_response");
  t.true(host.httpCalls[1]!.cancelled);
  t.notThrows(() => host.httpCalls[1]!.done(null));
  t.is(host.ticks.at(-1), 0);
});

test("a trap in the root's proxy_on_done is no crash: the AssemblyScript SDK always traps there", (t) => {
  const { plugin, host } = start(watFilter(callback("proxy_on_done", "unreachable")));
  t.true(plugin.stop());
  t.deepEqual(host.traps, []);
});

test("a callback within a callback acts on its own stream, and the outer one goes on with its own", (t) => {
  const { plugin } = start(
    watFilter(`(data (i32.const 16) "nested") (data (i32.const 32) "x-a")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $proxy_call_foreign_function (i32.const 16) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $proxy_add_header_map_value (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 16) (i32.const 6)))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (call $proxy_add_header_map_value (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 16) (i32.const 1)))`),
    {
      host: Object.assign(new FakeHost(), {
        foreign: () => () => {
          inner.responseHeaders(false);
          return new Uint8Array(0);
        },
      }),
    },
  );
  const [outerStream, innerStream] = [FakeStream.get(), FakeStream.get()];
  const inner = plugin.openHttp(innerStream);
  t.is(plugin.openHttp(outerStream).requestHeaders(true), action.continue);
  t.is(outerStream.fields(mapType.requestHeaders)?.get("x-a"), "nested");
  t.is(innerStream.fields(mapType.requestHeaders)?.get("x-a"), "n");
});
