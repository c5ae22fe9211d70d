/** The context of one HTTP exchange. @module */
import { type Action, action, type BodyAction, bodyAction, type MapType, mapType } from "../abi/types.ts";
import type { GuestCallbacks } from "./guest-callbacks.ts";
import type { HttpContext } from "./plugin.ts";
import type { StreamHost } from "./stream.ts";
import { StreamContext } from "./stream-context.ts";
import type { Callback, Vm } from "./vm.ts";

/** See {@link HttpContext}. */
export class HttpStreamContext extends StreamContext implements HttpContext {
  // Without it V8 looks for one above at every exchange.
  constructor(vm: Vm, callbacks: GuestCallbacks, stream: StreamHost) {
    super(vm, callbacks, stream);
  }

  requestHeaders(endOfStream: boolean): Action {
    return this.#heads("proxy_on_request_headers", this.callbacks.requestHeaders, mapType.requestHeaders, endOfStream);
  }

  requestBody(size: number, endOfStream: boolean): BodyAction {
    return this.#body("proxy_on_request_body", this.callbacks.requestBody, size, endOfStream);
  }

  requestTrailers(): Action {
    return this.#trailers("proxy_on_request_trailers", this.callbacks.requestTrailers, mapType.requestTrailers);
  }

  responseHeaders(endOfStream: boolean): Action {
    return this.#heads("proxy_on_response_headers", this.callbacks.responseHeaders, mapType.responseHeaders, endOfStream);
  }

  responseBody(size: number, endOfStream: boolean): BodyAction {
    return this.#body("proxy_on_response_body", this.callbacks.responseBody, size, endOfStream);
  }

  responseTrailers(): Action {
    return this.#trailers("proxy_on_response_trailers", this.callbacks.responseTrailers, mapType.responseTrailers);
  }

  #count(map: MapType): number {
    const fields = this.stream.fields(map);
    return fields === null ? 0 : (fields.count ?? fields.pairs().length);
  }

  #heads(name: string, callback: Callback, map: MapType, endOfStream: boolean): Action {
    if (callback === undefined) return action.continue;
    const last = action.stopAllIterationAndWatermark;
    // ABI 0.1.0 has no third parameter; the engine drops what a function does not take.
    return this.ask(name, callback, last, last, this.#count(map), endOfStream ? 1 : 0) as Action;
  }

  #body(name: string, callback: Callback, size: number, endOfStream: boolean): BodyAction {
    const last = bodyAction.stopIterationNoBuffer;
    this.vm.grant(size);
    return this.ask(name, callback, last, last, size, endOfStream ? 1 : 0) as BodyAction;
  }

  #trailers(name: string, callback: Callback, map: MapType): Action {
    if (callback === undefined) return action.continue;
    return this.ask(name, callback, action.stopIteration, action.stopIteration, this.#count(map)) as Action;
  }
}
