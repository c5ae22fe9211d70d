/**
 * What a filter may import, with the types that the specification gives: an import of another type would reach the host with its arguments shifted.
 *
 * Every ABI version gets all of them, as SDKs of one version import functions of another.
 *
 * Source: proxy-wasm/spec, abi-versions 0.1.0, 0.2.0, 0.2.1; WASI snapshot preview 1; Emscripten.
 *
 * @module
 */
import { didYouMean } from "@mitsu/cli";
import type { Import } from "./binary-module.ts";
import { filterError, place } from "./filter-error.ts";
import { describeSignature, type Signature } from "./function-type.ts";

/** How many words of 32 bits a proxy-wasm function takes; all return a status. */
const words: Readonly<Record<string, number>> = {
  proxy_log: 3,
  proxy_get_log_level: 1,
  proxy_get_current_time_nanoseconds: 1,
  proxy_set_tick_period_milliseconds: 1,
  proxy_get_status: 3,
  proxy_get_configuration: 2,
  proxy_get_property: 4,
  proxy_set_property: 4,
  proxy_get_header_map_value: 5,
  proxy_add_header_map_value: 5,
  proxy_replace_header_map_value: 5,
  proxy_remove_header_map_value: 3,
  proxy_get_header_map_pairs: 3,
  proxy_set_header_map_pairs: 3,
  proxy_get_header_map_size: 2,
  proxy_get_buffer_status: 3,
  proxy_get_buffer_bytes: 5,
  proxy_set_buffer_bytes: 5,
  proxy_continue_stream: 1,
  proxy_close_stream: 1,
  proxy_send_local_response: 8,
  proxy_http_call: 10,
  proxy_grpc_call: 12,
  proxy_grpc_stream: 9,
  proxy_grpc_send: 4,
  proxy_grpc_cancel: 1,
  proxy_grpc_close: 1,
  proxy_set_shared_data: 5,
  proxy_get_shared_data: 5,
  proxy_register_shared_queue: 3,
  proxy_resolve_shared_queue: 5,
  proxy_enqueue_shared_queue: 3,
  proxy_dequeue_shared_queue: 3,
  proxy_define_metric: 4,
  proxy_get_metric: 2,
  proxy_set_effective_context: 1,
  proxy_done: 0,
  proxy_call_foreign_function: 6,
};

/** Those with other types, or with several: the first is the usual one. */
const special: Readonly<Record<string, readonly Signature[]>> = {
  proxy_increment_metric: ["iI:i"],
  proxy_record_metric: ["iI:i"],
  // Nothing is returned by the specification, a status by Envoy.
  proxy_continue_request: [":i", ":"],
  proxy_continue_response: [":i", ":"],
  proxy_clear_route_cache: [":i", ":"],
  // 0.1.0 had no initial metadata, and AssemblyScript's SDK has none to this day.
  proxy_grpc_call: ["iiiiiiiiiiii:i", "iiiiiiiiii:i"],
  proxy_grpc_stream: ["iiiiiiiii:i", "iiiiiii:i"],
  emscripten_notify_memory_growth: ["i:"],
  pthread_equal: ["ii:i"],
};

const env: Readonly<Record<string, readonly Signature[]>> = {
  ...Object.fromEntries(Object.entries(words).map(([name, count]) => [name, [`${"i".repeat(count)}:i`]])),
  ...special,
};

const wasi: Readonly<Record<string, readonly Signature[]>> = Object.fromEntries(
  Object.entries({
    args_get: "ii:i",
    args_sizes_get: "ii:i",
    environ_get: "ii:i",
    environ_sizes_get: "ii:i",
    clock_res_get: "ii:i",
    clock_time_get: "iIi:i",
    fd_advise: "iIIi:i",
    fd_allocate: "iII:i",
    fd_close: "i:i",
    fd_datasync: "i:i",
    fd_fdstat_get: "ii:i",
    fd_fdstat_set_flags: "ii:i",
    fd_fdstat_set_rights: "iII:i",
    fd_filestat_get: "ii:i",
    fd_filestat_set_size: "iI:i",
    fd_filestat_set_times: "iIIi:i",
    fd_pread: "iiiIi:i",
    fd_prestat_get: "ii:i",
    fd_prestat_dir_name: "iii:i",
    fd_pwrite: "iiiIi:i",
    fd_read: "iiii:i",
    fd_readdir: "iiiIi:i",
    fd_renumber: "ii:i",
    fd_seek: "iIii:i",
    fd_sync: "i:i",
    fd_tell: "ii:i",
    fd_write: "iiii:i",
    path_create_directory: "iii:i",
    path_filestat_get: "iiiii:i",
    path_filestat_set_times: "iiiiIIi:i",
    path_link: "iiiiiii:i",
    path_open: "iiiiiIIii:i",
    path_readlink: "iiiiii:i",
    path_remove_directory: "iii:i",
    path_rename: "iiiiii:i",
    path_symlink: "iiiii:i",
    path_unlink_file: "iii:i",
    poll_oneoff: "iiii:i",
    proc_exit: "i:",
    proc_raise: "i:i",
    sched_yield: ":i",
    random_get: "ii:i",
    sock_accept: "iii:i",
    sock_recv: "iiiiii:i",
    sock_send: "iiiii:i",
    sock_shutdown: "ii:i",
  }).map(([name, signature]) => [name, [signature]]),
);

/** Functions by module and name, each with the types that it may be imported with. */
export const hostImports: Readonly<Record<string, Readonly<Record<string, readonly Signature[]>>>> = {
  env,
  wasi_snapshot_preview1: wasi,
  wasi_unstable: wasi,
};

/**
 * Refuses what no host has.
 *
 * @throws {MitsuError} `ERR_FILTER_IMPORT` that names the import, what was perhaps meant, and the byte.
 */
export function checkImport({ module, name, kind, signature, at }: Import): void {
  const full = `${module}.${name}`;
  const where = place(at, "section import");
  if (kind !== "function" || signature === null)
    throw filterError("import", `it imports ${kind} ${full} ${where}`, `let the filter have its own ${kind}`);
  const functions = Object.hasOwn(hostImports, module) ? hostImports[module] : undefined;
  if (functions === undefined) {
    const meant = didYouMean(module, Object.keys(hostImports));
    throw filterError(
      "import",
      `it imports ${full} of a module that does not exist ${where}`,
      meant ? `did you mean ${meant}?` : "import from env (proxy-wasm) or wasi_snapshot_preview1 only",
    );
  }
  const expected = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (expected === undefined) {
    const meant = didYouMean(name, Object.keys(functions));
    throw filterError(
      "import",
      `it imports ${full}, which is not in the ABI ${where}`,
      meant
        ? `did you mean ${meant}?`
        : name === "abort"
          ? "build AssemblyScript with --use abort=abort_proc_exit, as its SDK says"
          : "build it without what only another vendor's host has",
    );
  }
  if (!expected.includes(signature))
    throw filterError(
      "import",
      `it imports ${full} as ${describeSignature(signature)}, but it is ${describeSignature(expected[0]!)} ${where}`,
      "use the SDK's declarations",
    );
}
