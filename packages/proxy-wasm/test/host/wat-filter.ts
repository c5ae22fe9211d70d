/** Text of small filters. @module */

const imports: Readonly<Record<string, string>> = {
  proxy_log: "i32 i32 i32",
  proxy_get_log_level: "i32",
  proxy_get_current_time_nanoseconds: "i32",
  proxy_set_tick_period_milliseconds: "i32",
  proxy_get_status: "i32 i32 i32",
  proxy_get_configuration: "i32 i32",
  proxy_get_property: "i32 i32 i32 i32",
  proxy_set_property: "i32 i32 i32 i32",
  proxy_get_header_map_value: "i32 i32 i32 i32 i32",
  proxy_add_header_map_value: "i32 i32 i32 i32 i32",
  proxy_replace_header_map_value: "i32 i32 i32 i32 i32",
  proxy_remove_header_map_value: "i32 i32 i32",
  proxy_get_header_map_pairs: "i32 i32 i32",
  proxy_set_header_map_pairs: "i32 i32 i32",
  proxy_get_header_map_size: "i32 i32",
  proxy_get_buffer_status: "i32 i32 i32",
  proxy_get_buffer_bytes: "i32 i32 i32 i32 i32",
  proxy_set_buffer_bytes: "i32 i32 i32 i32 i32",
  proxy_continue_stream: "i32",
  proxy_close_stream: "i32",
  proxy_continue_request: "",
  proxy_continue_response: "",
  proxy_clear_route_cache: "",
  proxy_send_local_response: "i32 i32 i32 i32 i32 i32 i32 i32",
  proxy_http_call: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
  proxy_grpc_call: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
  proxy_grpc_stream: "i32 i32 i32 i32 i32 i32 i32 i32 i32",
  proxy_grpc_send: "i32 i32 i32 i32",
  proxy_grpc_cancel: "i32",
  proxy_grpc_close: "i32",
  proxy_get_shared_data: "i32 i32 i32 i32 i32",
  proxy_set_shared_data: "i32 i32 i32 i32 i32",
  proxy_register_shared_queue: "i32 i32 i32",
  proxy_resolve_shared_queue: "i32 i32 i32 i32 i32",
  proxy_enqueue_shared_queue: "i32 i32 i32",
  proxy_dequeue_shared_queue: "i32 i32 i32",
  proxy_define_metric: "i32 i32 i32 i32",
  proxy_increment_metric: "i32 i64",
  proxy_record_metric: "i32 i64",
  proxy_get_metric: "i32 i32",
  proxy_set_effective_context: "i32",
  proxy_done: "",
  proxy_call_foreign_function: "i32 i32 i32 i32 i32 i32",
};

/** All host functions of `env`, by name and parameters. */
export const hostFunctionParameters: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(imports).map(([name, types]) => [name, types.split(" ").filter((type) => type !== "")]),
);

/**
 * A module with memory, an allocator and an ABI version, whose callbacks are `body`. Host functions that `body` calls as `$proxy_…` are imported.
 *
 * Memory: what `data` says from 16 on; the heap from 4096 on.
 */
export function watFilter(body: string, abi = "0_2_1"): string {
  const used = Object.entries(imports).filter(([name]) => new RegExp(`\\$${name}\\b`).test(body));
  const wasi = body.includes("$proc_exit") ? '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))' : "";
  return `(module ${wasi}
    ${used.map(([name, types]) => `(import "env" "${name}" (func $${name} (param ${types}) (result i32)))`).join("\n")}
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 4096))
    (func (export "malloc") (param $n i32) (result i32)
      (global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get $n))))
    (func (export "proxy_abi_version_${abi}"))
    ${body})`;
}

/** A function that logs what is at a place: `(call $say (i32.const 16) (i32.const 3))`. */
export const say = "(func $say (param i32 i32) (drop (call $proxy_log (i32.const 2) (local.get 0) (local.get 1))))";

/** Parameters and result of the callbacks of streams. */
export const streamCallbacks: Readonly<Record<string, string>> = {
  proxy_on_request_headers: "i32 i32 i32) (result i32",
  proxy_on_request_body: "i32 i32 i32) (result i32",
  proxy_on_request_trailers: "i32 i32) (result i32",
  proxy_on_response_headers: "i32 i32 i32) (result i32",
  proxy_on_response_body: "i32 i32 i32) (result i32",
  proxy_on_response_trailers: "i32 i32) (result i32",
  proxy_on_log: "i32",
  proxy_on_done: "i32) (result i32",
  proxy_on_delete: "i32",
  proxy_on_new_connection: "i32) (result i32",
  proxy_on_downstream_data: "i32 i32 i32) (result i32",
  proxy_on_upstream_data: "i32 i32 i32) (result i32",
  proxy_on_downstream_connection_close: "i32 i32",
  proxy_on_upstream_connection_close: "i32 i32",
};

/** A callback of a stream that does something and answers 0. */
export function callback(name: string, instructions: string): string {
  const type = streamCallbacks[name]!;
  return `(func (export "${name}") (param ${type}) ${instructions} ${type.includes("result") ? "(i32.const 0)" : ""})`;
}
