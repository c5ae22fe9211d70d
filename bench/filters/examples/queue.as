// Paths go through a shared queue; how many came out is in the answer.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  dequeue_shared_queue,
  enqueue_shared_queue,
  FilterHeadersStatusValues,
  register_shared_queue,
  registerRootContext,
  RootContext,
  stream_context,
  WasmResultValues,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

let queue: u32 = 0;
let taken: u32 = 0;

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
  onStart(size: usize): bool {
    queue = register_shared_queue("paths").token;
    return true;
  }
  onQueueReady(token: u32): void {
    while (dequeue_shared_queue(token).result == WasmResultValues.Ok) taken++;
  }
}

class Stream extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }
  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    enqueue_shared_queue(queue, String.UTF8.encode(stream_context.headers.request.get(":path")));
    return FilterHeadersStatusValues.Continue;
  }
  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-taken", taken.toString());
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
