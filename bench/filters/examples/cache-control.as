// cache-control by the answer's type.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
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
  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    const text = stream_context.headers.response.get("content-type").startsWith("text/");
    stream_context.headers.response.replace("cache-control", text ? "public, max-age=60" : "no-store");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
