/** A data plane without sockets: what is sent to a connection is kept until the test takes it. Everything happens when the test says so. @module */
import type { BoundListener, DataPlane, PlaneEvents } from "../../src/data-plane/data-plane.ts";

const most = 4096;

/** The plane. */
export class MemoryPlane implements DataPlane {
  readonly kind: "net" = "net";
  readonly waitingBytes: Uint32Array = new Uint32Array(most);
  readonly dropped: Uint32Array = new Uint32Array(most);
  dropAboveBytes = 0;
  /** Routes that are installed: none must be left when nobody subscribes. */
  readonly routes: Map<number, Int32Array> = new Map();
  readonly #sent = new Map<number, Buffer[]>();
  /** Closed by the broker. */
  readonly closed: Set<number> = new Set();
  #nextRoute = 0;

  carries(): boolean {
    return true;
  }

  listen(): Promise<BoundListener> {
    throw new Error("it does not listen");
  }

  installRoute(ids: Int32Array): number {
    this.routes.set(this.#nextRoute, ids.slice());
    return this.#nextRoute++;
  }

  uninstallRoute(route: number): void {
    if (!this.routes.delete(route)) throw new Error(`route ${route} is not installed`);
  }

  fan(route: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    const ids = this.routes.get(route);
    if (!ids) throw new Error(`route ${route} is not installed`);
    for (const id of ids) this.send(id, slab, start, end, messages, droppable);
  }

  send(id: number, slab: Buffer, start: number, end: number, _messages: number, _droppable: boolean): void {
    const sent = this.#sent.get(id);
    if (sent) sent.push(Buffer.from(slab.subarray(start, end)));
    else this.#sent.set(id, [Buffer.from(slab.subarray(start, end))]);
  }

  flush(): boolean {
    return true;
  }

  close(id: number): void {
    this.closed.add(id);
  }

  pause(): void {}

  resume(): void {}

  async stop(): Promise<void> {}

  /** What was sent to a connection since it was taken last. */
  take(id: number): Buffer {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    return sent ? Buffer.concat(sent) : Buffer.alloc(0);
  }

  /** Tells the broker of those it closed. */
  tellClosed(events: PlaneEvents): void {
    for (const id of this.closed) events.onClose(id, null);
    this.closed.clear();
  }
}
