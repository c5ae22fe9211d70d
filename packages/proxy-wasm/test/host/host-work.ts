#!/usr/bin/env node
/**
 * How long a callback can keep the host busy that does nothing but call one host function, until `work` of `src/host/vm.ts` stops it: what its weights
 * are chosen by.
 *
 * `node packages/proxy-wasm/test/host/host-work.ts [FUNCTION …]` prints milliseconds of wall clock, the median and the most of rounds in new virtual machines.
 *
 * @module
 */
import { bufferType, encodePairs, FilterTrap, type Pair } from "../../src/mod.ts";
import { FakeStream } from "./fake-stream.ts";
import { start } from "./started-plugin.ts";
import { watFilter } from "./wat-filter.ts";

const rounds = 9;
const heapAt = 500_000;
const texts = { "user-agent": 64, upstream: 128, compress: 256, "request.path": 300 } as const;
const call = encodePairs([
  [":method", "GET"],
  [":path", "/"],
  [":authority", "a"],
]);
const large = encodePairs(Array.from({ length: 1000 }, (_, index): Pair => [`x-${index}`, "v".repeat(200)]));
const [callAt, largeAt] = [1024, 100_000];

const bytes = (data: Uint8Array) => [...data].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
const text = (name: keyof typeof texts) => `${texts[name]} ${name.length}`;

/** Parameters by function; several sets where it matters. */
const cases: readonly (readonly [name: string, parameters: string])[] = [
  ["proxy_get_current_time_nanoseconds", "16"],
  ["proxy_get_header_map_value", `0 ${text("user-agent")} 16 20`],
  ["proxy_get_header_map_pairs", "0 16 20"],
  ["proxy_get_header_map_size", "0 16"],
  ["proxy_add_header_map_value", `0 ${text("user-agent")} 64 10`],
  ["proxy_replace_header_map_value", `0 ${text("user-agent")} 64 1`],
  ["proxy_remove_header_map_value", `0 ${text("user-agent")}`],
  ["proxy_set_header_map_pairs", `0 ${largeAt} ${large.length}`],
  ["proxy_log", "2 64 10"],
  ["proxy_log", "2 64 16000"],
  ["proxy_get_buffer_bytes", "0 0 -1 16 20"],
  ["proxy_set_buffer_bytes", "0 5 1 64 1"],
  ["proxy_set_buffer_bytes", "0 0 -1 64 1000000"],
  ["proxy_get_property", `${text("request.path")} 16 20`],
  ["proxy_get_property", "4096 4000 16 20"],
  ["proxy_set_property", `${text("request.path")} 64 1`],
  ["proxy_send_local_response", "403 0 0 0 1000 0 0 -1"],
  ["proxy_send_local_response", `403 0 0 0 0 ${largeAt} ${large.length} -1`],
  ["proxy_continue_stream", "0"],
  ["proxy_close_stream", "0"],
  ["proxy_http_call", `${text("upstream")} ${callAt} ${call.length} 0 0 0 0 0 16`],
  ["proxy_http_call", `${text("upstream")} ${largeAt} ${large.length} 0 0 0 0 0 16`],
  ["proxy_set_shared_data", `${text("user-agent")} 0 1000 0`],
  ["proxy_get_shared_data", `${text("user-agent")} 16 20 24`],
  ["proxy_register_shared_queue", `${text("user-agent")} 16`],
  ["proxy_enqueue_shared_queue", `1 ${text("user-agent")}`],
  ["proxy_define_metric", `0 ${text("user-agent")} 16`],
  ["proxy_get_metric", "4 16"],
  ["proxy_call_foreign_function", `${text("compress")} 0 40000 16 20`],
  ["proxy_set_tick_period_milliseconds", "100"],
  ["proxy_set_effective_context", "2"],
];

/** Milliseconds until the callback is stopped. */
function measure(name: string, parameters: string): number {
  const constants = parameters.split(" ").map((value) => `(i32.const ${value})`);
  const data = Object.entries(texts).map(([name, at]) => `(data (i32.const ${at}) "${name}")`);
  const filter = watFilter(`${data.join("\n")} (data (i32.const ${callAt}) "${bytes(call)}") (data (i32.const ${largeAt}) "${bytes(large)}")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (loop $forever (drop (call $${name} ${constants.join(" ")})) (global.set $heap (i32.const ${heapAt})) (br $forever)) (i32.const 0))`);
  const { plugin } = start(filter.replace('"memory") 1)', '"memory") 64)'));
  const stream = FakeStream.get(Array.from({ length: 20 }, (_, index): Pair => [`x-h${index}`, "v".repeat(20)]));
  stream.setBody(bufferType.requestBody, "x".repeat(1_000_000));
  stream.properties.set("request.path", Buffer.from("/hello"));
  const context = plugin.openHttp(stream);
  const from = performance.now();
  try {
    context.requestHeaders(true);
  } catch (error) {
    if (error instanceof FilterTrap && error.report.reason === "fuel") return performance.now() - from;
    throw error;
  }
  throw new Error(`${name} was not stopped`);
}

const chosen = process.argv.slice(2);
for (const [name, parameters] of cases) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const times = Array.from({ length: rounds }, () => measure(name, parameters)).sort((one, other) => one - other);
  console.log(`${name} ${parameters}: ${times[rounds >> 1]!.toFixed(1)} ms, at most ${times.at(-1)!.toFixed(1)} ms`);
}
