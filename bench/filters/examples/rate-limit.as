// Five requests, then 429, counted in shared data.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  get_shared_data,
  registerRootContext,
  RootContext,
  send_http_response,
  set_shared_data,
  stream_context,
  WasmResultValues,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }
  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    for (let attempt = 0; attempt < 10; attempt++) {
      const stored = get_shared_data("left");
      const left = stored.result == WasmResultValues.Ok ? <i32>I32.parseInt(String.UTF8.decode(stored.value as ArrayBuffer)) : 5;
      if (left <= 0) {
        send_http_response(429, "limit", String.UTF8.encode("slow down\n"), []);
        return FilterHeadersStatusValues.StopIteration;
      }
      if (set_shared_data("left", String.UTF8.encode((left - 1).toString()), stored.cas) == WasmResultValues.Ok) break;
    }
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
