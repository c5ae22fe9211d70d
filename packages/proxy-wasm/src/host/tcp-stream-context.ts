/** The context of one TCP connection. @module */
import { type Action, action, peerType } from "../abi/types.ts";
import type { TcpContext } from "./plugin.ts";
import { StreamContext } from "./stream-context.ts";
import type { Callback } from "./vm.ts";

/** See {@link TcpContext}. */
export class TcpStreamContext extends StreamContext implements TcpContext {
  newConnection(): Action {
    return this.#stops("proxy_on_new_connection", this.callbacks.newConnection);
  }

  downstreamData(size: number, endOfStream: boolean): Action {
    return this.#stops("proxy_on_downstream_data", this.callbacks.downstreamData, size, endOfStream ? 1 : 0);
  }

  upstreamData(size: number, endOfStream: boolean): Action {
    return this.#stops("proxy_on_upstream_data", this.callbacks.upstreamData, size, endOfStream ? 1 : 0);
  }

  downstreamClose(byPeer: boolean): void {
    this.#closed("proxy_on_downstream_connection_close", this.callbacks.downstreamClose, byPeer);
  }

  upstreamClose(byPeer: boolean): void {
    this.#closed("proxy_on_upstream_connection_close", this.callbacks.upstreamClose, byPeer);
  }

  #stops(name: string, callback: Callback, size = 0, endOfStream = 0): Action {
    this.vm.grant(size);
    return this.ask(name, callback, action.stopIteration, action.stopIteration, size, endOfStream) as Action;
  }

  #closed(name: string, callback: Callback, byPeer: boolean): void {
    this.ask(name, callback, 0, 0, byPeer ? peerType.remote : peerType.local);
  }
}
