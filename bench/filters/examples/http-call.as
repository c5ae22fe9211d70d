// Asks the upstream whether the request may pass, while it waits.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BaseContext,
  Context,
  FilterHeadersStatusValues,
  makeHeaderPair,
  registerRootContext,
  RootContext,
  send_http_response,
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
    const result = this.root_context.httpCall(
      "upstream",
      [makeHeaderPair(":method", "GET"), makeHeaderPair(":path", "/auth"), makeHeaderPair(":authority", "auth")],
      new ArrayBuffer(0),
      [],
      1000,
      this,
      (origin: BaseContext, count: u32, size: usize, trailers: u32): void => {
        const stream = origin as Stream;
        const allowed = count > 0 && stream_context.headers.http_callback.get(":status") == "200";
        stream.setEffectiveContext();
        if (allowed) stream.continueRequest();
        else send_http_response(403, "denied", String.UTF8.encode("denied\n"), []);
      },
    );
    return result == WasmResultValues.Ok ? FilterHeadersStatusValues.StopIteration : FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
