/** What a filter may be allowed to do, by groups of host functions. @module */

/** Names as mesh.yaml and a filter's manifest have them. `log`, `headers` and `clock` are always allowed. */
export const capabilities = [
  "log",
  "headers",
  "body",
  "trailers",
  "local-response",
  "properties",
  "http-call",
  "grpc-call",
  "shared-data",
  "shared-queue",
  "metrics",
  "timer",
  "foreign",
  "tcp",
  "clock",
  "random",
] as const;

/** One of {@link capabilities}. */
export type Capability = (typeof capabilities)[number];

/** Those that no filter is denied. */
export const alwaysAllowed: ReadonlySet<Capability> = new Set(["log", "headers", "clock"]);

/**
 * What a host function of module `env` needs; undefined for what everything may call (contexts, maps and buffers: what they reach is judged by
 * the map's or buffer's type).
 */
export const capabilityOf: Readonly<Record<string, Capability | undefined>> = {
  proxy_log: "log",
  proxy_get_log_level: "log",
  proxy_get_current_time_nanoseconds: "clock",
  proxy_set_tick_period_milliseconds: "timer",
  proxy_get_header_map_value: "headers",
  proxy_get_header_map_pairs: "headers",
  proxy_get_header_map_size: "headers",
  proxy_add_header_map_value: "headers",
  proxy_replace_header_map_value: "headers",
  proxy_remove_header_map_value: "headers",
  proxy_set_header_map_pairs: "headers",
  proxy_get_property: "properties",
  proxy_set_property: "properties",
  proxy_send_local_response: "local-response",
  proxy_http_call: "http-call",
  proxy_grpc_call: "grpc-call",
  proxy_grpc_stream: "grpc-call",
  proxy_grpc_send: "grpc-call",
  proxy_grpc_close: "grpc-call",
  proxy_grpc_cancel: "grpc-call",
  proxy_get_shared_data: "shared-data",
  proxy_set_shared_data: "shared-data",
  proxy_register_shared_queue: "shared-queue",
  proxy_resolve_shared_queue: "shared-queue",
  proxy_enqueue_shared_queue: "shared-queue",
  proxy_dequeue_shared_queue: "shared-queue",
  proxy_define_metric: "metrics",
  proxy_increment_metric: "metrics",
  proxy_record_metric: "metrics",
  proxy_get_metric: "metrics",
  proxy_call_foreign_function: "foreign",
};
