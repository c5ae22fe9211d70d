// cors: answers preflights and marks responses for the origins that are named, one a line.
//
// Source: Fetch Standard, HTTP CORS protocol.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  makeHeaderPair,
  RootContext,
  registerRootContext,
  send_local_response,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Root extends RootContext {
  origins: string[] = [];

  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    const lines = this.getConfiguration().split("\n");
    this.origins = [];
    for (let at = 0; at < lines.length; at++) if (lines[at].trim().length > 0) this.origins.push(lines[at].trim());
    return this.origins.length > 0;
  }

  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  origin: string = "";

  constructor(
    id: u32,
    private root: Root,
  ) {
    super(id, root);
  }

  onRequestHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const origin = request.get("origin");
    if (!this.root.origins.includes(origin)) return FilterHeadersStatusValues.Continue;
    this.origin = origin;
    const method = request.get("access-control-request-method");
    if (request.get(":method") != "OPTIONS" || method.length == 0) return FilterHeadersStatusValues.Continue;
    const fields = request.get("access-control-request-headers");
    send_local_response(
      204,
      "preflight",
      new ArrayBuffer(0),
      [
        makeHeaderPair("access-control-allow-methods", method),
        makeHeaderPair("access-control-allow-headers", fields),
        makeHeaderPair("access-control-max-age", "600"),
      ],
      GrpcStatusValues.Unknown,
    );
    return FilterHeadersStatusValues.StopIteration;
  }

  onResponseHeaders(_headers: u32, _end: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    // Caches must not give what one origin got to another.
    response.add("vary", "origin");
    if (this.origin.length > 0) {
      response.replace("access-control-allow-origin", this.origin);
      response.replace("access-control-allow-credentials", "true");
    }
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Root(id), "");
