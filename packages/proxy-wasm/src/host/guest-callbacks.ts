/** The callbacks that a guest exports, looked up once. @module */
import type { Callback, Vm } from "./vm.ts";
import type { Exports } from "./web-assembly.ts";

/** See the module; undefined for what the guest does not have, or what its capabilities do not let it see. */
export interface GuestCallbacks {
  readonly contextCreate: Callback;
  readonly vmStart: Callback;
  readonly configure: Callback;
  readonly tick: Callback;
  readonly queueReady: Callback;
  readonly foreignFunction: Callback;
  readonly requestHeaders: Callback;
  readonly requestBody: Callback;
  readonly requestTrailers: Callback;
  readonly responseHeaders: Callback;
  readonly responseBody: Callback;
  readonly responseTrailers: Callback;
  readonly newConnection: Callback;
  readonly downstreamData: Callback;
  readonly upstreamData: Callback;
  readonly downstreamClose: Callback;
  readonly upstreamClose: Callback;
  readonly httpCallResponse: Callback;
  readonly grpcInitialMetadata: Callback;
  readonly grpcMessage: Callback;
  readonly grpcTrailingMetadata: Callback;
  readonly grpcClose: Callback;
  readonly log: Callback;
  readonly done: Callback;
  readonly delete: Callback;
}

/** Finds the callbacks among a guest's exports. */
export function guestCallbacks(vm: Vm, exports: Exports): GuestCallbacks {
  const find = (name: string, allowed = true): Callback => {
    const found = Object.hasOwn(exports, name) ? exports[name] : undefined;
    return allowed && typeof found === "function" ? (found as Callback) : undefined;
  };
  const body = vm.allows("body");
  const trailers = vm.allows("trailers");
  const tcp = vm.allows("tcp");
  return {
    contextCreate: find("proxy_on_context_create"),
    vmStart: find("proxy_on_vm_start"),
    configure: find("proxy_on_configure"),
    tick: find("proxy_on_tick"),
    queueReady: find("proxy_on_queue_ready"),
    foreignFunction: find("proxy_on_foreign_function"),
    requestHeaders: find("proxy_on_request_headers"),
    requestBody: find("proxy_on_request_body", body),
    requestTrailers: find("proxy_on_request_trailers", trailers),
    responseHeaders: find("proxy_on_response_headers"),
    responseBody: find("proxy_on_response_body", body),
    responseTrailers: find("proxy_on_response_trailers", trailers),
    newConnection: find("proxy_on_new_connection", tcp),
    downstreamData: find("proxy_on_downstream_data", tcp),
    upstreamData: find("proxy_on_upstream_data", tcp),
    downstreamClose: find("proxy_on_downstream_connection_close", tcp),
    upstreamClose: find("proxy_on_upstream_connection_close", tcp),
    httpCallResponse: find("proxy_on_http_call_response"),
    grpcInitialMetadata: find("proxy_on_grpc_receive_initial_metadata"),
    grpcMessage: find("proxy_on_grpc_receive"),
    grpcTrailingMetadata: find("proxy_on_grpc_receive_trailing_metadata"),
    grpcClose: find("proxy_on_grpc_close"),
    log: find("proxy_on_log"),
    done: find("proxy_on_done"),
    delete: find("proxy_on_delete"),
  };
}
