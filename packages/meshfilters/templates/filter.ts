// FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import { Context, FilterHeadersStatusValues, RootContext, registerRootContext, stream_context } from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  constructor(
    id: u32,
    private root: Root,
  ) {
    super(id, root);
  }

  onRequestHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    const value = this.root.getConfiguration();
    stream_context.headers.request.replace("x-FILTER", value.length > 0 ? value : "1");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
