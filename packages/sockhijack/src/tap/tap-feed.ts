/** Copies of redirected messages, from the kernel's ring to whoever taps. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { RingBuffer } from "@mitsu/ebpf-ts";
import type { TapMessage } from "@mitsu/ipc";
import type { Engine } from "../engine.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { tapDataOffset, tapHead } from "../kernel/layout.ts";
import type { Mesh } from "../mesh/mesh.ts";

/** Messages kept for a reader that is slow; older ones are dropped, and counted by its stream. */
const backlog = 4096;

interface Reader {
  readonly service: string;
  readonly queue: TapMessage[];
  wake: () => void;
}

/** Taps by service; the kernel copies messages only while somebody reads. */
export class TapFeed {
  readonly #kernel: Kernel;
  readonly #mesh: Mesh;
  readonly #engine: Engine;
  readonly #readers = new Set<Reader>();
  #ring: RingBuffer | undefined;
  /** Messages that a slow reader lost. */
  dropped = 0;

  constructor(kernel: Kernel, mesh: Mesh, engine: Engine) {
    this.#kernel = kernel;
    this.#mesh = mesh;
    this.#engine = engine;
  }

  /**
   * Messages to and from a service until `signal` aborts.
   *
   * @throws {MitsuError} ERR_SERVICE_UNKNOWN
   */
  async *of(service: string, signal: AbortSignal): AsyncGenerator<TapMessage> {
    if (!this.#mesh.catalog.services.some(({ name }) => name === service)) {
      throw new MitsuError(`cannot tap ${JSON.stringify(service)}: no such service`, {
        code: "ERR_SERVICE_UNKNOWN",
        exit: exitStatus.data,
        hint: "see what there is: sockhijack services",
      });
    }
    const reader: Reader = { service, queue: [], wake: () => {} };
    this.#ring ??= new RingBuffer(this.#kernel.taps, (view, offset) => this.#take(view, offset));
    // What the ring still holds is from before this tap, perhaps from one that has ended.
    this.#ring.drain();
    this.#readers.add(reader);
    const id = this.#mesh.ids.services.of(service);
    this.#engine.tap(id, true);
    // Connections that are coupled from now on are tapped too.
    const again = setInterval(() => this.#engine.tap(id, true), 100);
    const stop = (): void => reader.wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const next = reader.queue.shift();
        if (next) yield next;
        else await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      clearInterval(again);
      signal.removeEventListener("abort", stop);
      this.#readers.delete(reader);
      if (![...this.#readers].some((other) => other.service === service)) this.#engine.tap(id, false);
      if (this.#readers.size === 0) this.close();
    }
  }

  #take(view: DataView, offset: number): void {
    const head = tapHead.decode(view, offset);
    const from = this.#mesh.ids.services.name(head.from);
    const to = this.#mesh.ids.services.name(head.to);
    const message: TapMessage = {
      timeNs: String(head.time_ns),
      from,
      to,
      source: head.local_ip,
      destination: head.remote_ip,
      sourcePort: head.local_port,
      destinationPort: head.remote_port,
      length: head.length,
      data: new Uint8Array(view.buffer, view.byteOffset + offset + tapDataOffset, head.captured).slice(),
    };
    for (const reader of this.#readers) {
      if (reader.service !== from && reader.service !== to) continue;
      if (reader.queue.length >= backlog) {
        reader.queue.shift();
        this.dropped++;
      }
      reader.queue.push(message);
      reader.wake();
    }
  }

  /** Stops reading the ring. */
  close(): void {
    this.#ring?.close();
    this.#ring = undefined;
  }
}
