/** Small filters in WebAssembly's text, for tests. @module */
import { defaultLimits, type FilterModule, loadModule } from "@mitsu/proxy-wasm";
import wabt from "wabt";

/**
 * A filter whose callbacks are these; they find what the ABI has as `$log`, `$continue`, `$respond`, `$call`, `$tick`, and text at 16.
 *
 * @param text At 16 in memory.
 */
export async function watFilter(callbacks: string, text = ""): Promise<FilterModule> {
  const source = `(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
    (import "env" "proxy_send_local_response" (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
    (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "${text}")
    (global $free (mut i32) (i32.const 4096))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) global.get $free (global.set $free (i32.add (global.get $free) (local.get 0))))
    ${callbacks})`;
  const { parseWat } = await wabt();
  const module = parseWat("filter.wat", source);
  try {
    return await loadModule(module.toBinary({}).buffer, defaultLimits);
  } finally {
    module.destroy();
  }
}
