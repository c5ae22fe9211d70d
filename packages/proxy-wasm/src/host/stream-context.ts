/** What contexts of HTTP exchanges and of TCP connections have in common: their beginning and their end. @module */

import type { GuestCallbacks } from "./guest-callbacks.ts";
import type { GuestContext } from "./guest-context.ts";
import type { StreamHost } from "./stream.ts";
import type { Callback, Vm } from "./vm.ts";

/** See the module. */
export abstract class StreamContext implements GuestContext {
  // Not by extending: V8 walks up to each constructor above anew at every exchange.
  readonly id: number;
  readonly stream: StreamHost;
  readOnly = false;
  responded = false;
  ended = false;
  written = 0;
  protected readonly vm: Vm;
  protected readonly callbacks: GuestCallbacks;

  constructor(vm: Vm, callbacks: GuestCallbacks, stream: StreamHost) {
    vm.checkAlive();
    this.id = vm.contexts.nextId();
    this.stream = stream;
    this.vm = vm;
    this.callbacks = callbacks;
    vm.contexts.add(this);
    if (callbacks.contextCreate !== undefined) vm.invoke(this, "proxy_on_context_create", callbacks.contextCreate, this.id, vm.root.id);
  }

  /**
   * Calls the guest for an action.
   *
   * @param last The greatest action there is: greater numbers mean it too, as in Envoy.
   * @param stopped What comes of a callback that sends a local response, whatever it answers.
   */
  protected ask(name: string, callback: Callback, last: number, stopped: number, b = 0, c = 0): number {
    if (callback === undefined || this.ended) return 0;
    const { responded } = this;
    const answer = this.vm.invoke(this, name, callback, this.id, b, c);
    if (this.responded !== responded) return stopped;
    return answer >= 0 && answer <= last ? answer : last;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.readOnly = true;
    const { vm, callbacks, id } = this;
    try {
      // Of a plugin that is gone nothing more is called, and its streams end in peace.
      if (vm.trapped !== null || vm.closed) return;
      if (callbacks.log !== undefined) vm.invoke(this, "proxy_on_log", callbacks.log, id);
      // What it answers is for root contexts only.
      if (callbacks.done !== undefined) vm.invoke(this, "proxy_on_done", callbacks.done, id);
      if (callbacks.delete !== undefined) vm.invoke(this, "proxy_on_delete", callbacks.delete, id);
    } finally {
      vm.contexts.delete(id);
    }
  }
}
