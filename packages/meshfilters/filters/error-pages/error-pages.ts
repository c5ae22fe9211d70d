// error-pages: puts a page of our own in the place of what a service says when it fails: its stack traces are nobody's business.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
  set_buffer_bytes,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  page: string = "";

  constructor(id: u32, root: Root) {
    super(id, root);
  }

  onResponseHeaders(_headers: u32, end: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    const status = response.get(":status");
    // A HEAD has no body, and must not get one.
    if (end || status.length != 3 || status.charAt(0) != "5") return FilterHeadersStatusValues.Continue;
    const id = stream_context.headers.request.get("x-request-id");
    this.page = "<h1>Something went wrong</h1>" + (id.length > 0 ? "<p>If you tell us, name " + id + ".</p>" : "") + "\n";
    response.replace("content-type", "text/html; charset=utf-8");
    response.replace("content-length", String.UTF8.byteLength(this.page).toString());
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    if (this.page.length == 0) return FilterDataStatusValues.Continue;
    if (!end) return FilterDataStatusValues.StopIterationAndBuffer;
    set_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size, String.UTF8.encode(this.page));
    return FilterDataStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
