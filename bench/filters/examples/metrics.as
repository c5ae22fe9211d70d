// A counter, a gauge and a histogram.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  Counter,
  FilterHeadersStatusValues,
  Gauge,
  Histogram,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

let requests: Counter | null = null;
let active: Gauge | null = null;
let heads: Histogram | null = null;

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
  onStart(size: usize): bool {
    requests = new Counter("as_requests");
    active = new Gauge("as_active");
    heads = new Histogram("as_heads");
    return true;
  }
}

class Stream extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }
  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    requests!.increment(1);
    active!.increment(1);
    heads!.record(0, count);
    return FilterHeadersStatusValues.Continue;
  }
  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-counted", "1");
    return FilterHeadersStatusValues.Continue;
  }
  onLog(): void {
    active!.increment(-1);
  }
}

registerRootContext((id: u32) => new Root(id), "");
