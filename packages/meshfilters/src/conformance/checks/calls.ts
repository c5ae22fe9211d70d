/** Checks of call-outs by HTTP and gRPC, and of WASI's functions. @module */
import { type Check, type CheckOptions, passed, probe, seeing, unexpected } from "../check.ts";

const envoy: CheckOptions = { authority: "Envoy" };
const http = "proxy_http_call";
const response = "proxy_on_http_call_response";
const call = (check: string, expect: string | readonly string[], clause: string, options?: CheckOptions): Check =>
  probe("calls", check, expect, clause, options);
const grpc = (check: string, expect: string | readonly string[], clause: string, options?: CheckOptions): Check =>
  probe("grpc", check, expect, clause, options);
const wasi = (check: string, expect: string | readonly string[], clause: string, options?: CheckOptions): Check =>
  probe("wasi", check, expect, clause, options);

/** HTTP. */
export const callChecks: readonly Check[] = [
  call("call", "root=1 id=1 answered=1 status=200 body=answer missing=1", `${response}: with the plugin's context, headers and body`),
  call("call-body", "root=1 id=1 answered=1 status=200 body=question missing=1", `${http}: sends the body`),
  call(
    "call-timeout",
    ["root=1 id=1 answered=0", "root=1 id=1 answered=1 status=504"],
    `${response}: num_headers is 0 when it failed (Envoy answers 504 after the timeout)`,
  ),
  call("call-reset", ["root=1 id=1 answered=0", "root=1 id=1 answered=1 status=503"], `${response}: num_headers is 0 when it failed`),
  call(
    "call-refused",
    ["root=1 id=1 answered=0", "root=1 id=1 answered=1 status=503", "not-sent=10"],
    `${response}: num_headers is 0 when it failed; INTERNAL_FAILURE when the host failed to send it`,
  ),
  call("call-unknown", "status=2", `${http}: BAD_ARGUMENT for unknown upstream`),
  call("call-no-path", "status=2", `${http}: BAD_ARGUMENT when headers are missing :path`),
  call("call-bad-map", "status=2", `${http}: BAD_ARGUMENT when headers are missing, as those of a map that cannot be read are`),
  call("call-pointers", "upstream=6 headers=6 body=6", `${http}: INVALID_MEMORY_ACCESS`),
  seeing(
    "calls",
    "call-local-after",
    "403 headers=0 later=1",
    `${response}: after proxy_set_effective_context a stream that waits can be answered`,
    (answer) => (answer.status === 403 ? `403 ${answer.body}` : unexpected(answer)),
  ),
  passed("calls", "call-and-continue", "passed", `${http}: a request does not wait unless it is paused`, ({ method }) =>
    method === "GET" ? "passed" : method,
  ),
];

/** gRPC. */
export const grpcChecks: readonly Check[] = [
  grpc("grpc-call", "message=question id=1", "proxy_on_grpc_receive: when the response message is received"),
  grpc(
    "grpc-status",
    ["closed=7 text=denied", "closed=7 text=denied{via_upstream}"],
    "proxy_on_grpc_close: status_code; proxy_get_status: its message",
  ),
  grpc("grpc-timeout", ["closed=4", "closed=14"], "proxy_on_grpc_close: after the timeout"),
  grpc(
    "grpc-stream",
    "send=0 end=0 message=one message=two closed=0",
    "proxy_grpc_stream, proxy_grpc_send: messages in order, then proxy_on_grpc_close",
  ),
  grpc("grpc-cancel", "cancel=0 again=1", "proxy_grpc_cancel: NOT_FOUND for unknown call_or_stream_id"),
  grpc("grpc-unknown", "call=4 stream=4", "proxy_grpc_call, proxy_grpc_stream: PARSE_FAILURE for unknown upstream"),
];

/** WASI preview 1. */
export const wasiChecks: readonly Check[] = [
  wasi("fd-write", "out=0 written=13 error=0", "fd_write: STDOUT and STDERR are logged"),
  wasi("fd-unknown", "errno=8", "fd_write: BADF for unknown or unsupported fd_id"),
  wasi("fd-pointer", "errno=21", "fd_write: FAULT"),
  wasi("clock", "real=0 after-2024=1 monotonic=0", "clock_time_get"),
  wasi("clock-unknown", "errno=58", "clock_time_get: NOTSUP for unknown or unsupported clock_id"),
  wasi("clock-pointer", "errno=21", "clock_time_get: FAULT"),
  wasi("random", "errno=0 some=1", "random_get"),
  wasi("random-pointer", "errno=21", "random_get: FAULT"),
  wasi("environment", "errno=0 count=0", "environ_sizes_get: the host's environment is not shown", envoy),
  wasi("arguments", "errno=0 count=0 size=0", "args_sizes_get: hosts must write 0 to both output arguments"),
];
