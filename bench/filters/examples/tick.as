// Counts ticks of 20 ms; the count is in the answer.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
  set_tick_period_milliseconds,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

let ticks: u32 = 0;

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
  onStart(size: usize): bool {
    set_tick_period_milliseconds(20);
    return true;
  }
  onTick(): void {
    ticks++;
  }
}

class Stream extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }
  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-ticks", ticks.toString());
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
