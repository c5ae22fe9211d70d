// The body of a 5xx is replaced.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
  set_buffer_bytes,
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
  bad: bool = false;
  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.response;
    this.bad = headers.get(":status").startsWith("5");
    if (this.bad) headers.remove("content-length");
    return FilterHeadersStatusValues.Continue;
  }
  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    if (!this.bad) return FilterDataStatusValues.Continue;
    if (!end) return FilterDataStatusValues.StopIterationAndBuffer;
    set_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size, String.UTF8.encode("sorry\n"));
    return FilterDataStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
