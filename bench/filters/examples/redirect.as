// /old… is at /new….
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  makeHeaderPair,
  registerRootContext,
  RootContext,
  send_http_response,
  stream_context,
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
    const path = stream_context.headers.request.get(":path");
    const at = path.indexOf("/old");
    if (at >= 0) {
      send_http_response(301, "moved", new ArrayBuffer(0), [makeHeaderPair("location", path.slice(0, at) + "/new" + path.slice(at + 4))]);
      return FilterHeadersStatusValues.StopIteration;
    }
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
