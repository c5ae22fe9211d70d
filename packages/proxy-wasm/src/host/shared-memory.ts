/** Data and queues that plugins of one process share. @module */
import type { SharedMemory } from "./plugin-host.ts";

/** Bounds, of all machines together. */
export interface SharedMemoryLimits {
  /** Of keys, values and items. */
  readonly bytes: number;
  readonly keys: number;
  readonly queues: number;
  /** Items in one queue. */
  readonly depth: number;
}

/** What is usual. */
export const defaultSharedMemoryLimits: SharedMemoryLimits = { bytes: 64 * 2 ** 20, keys: 100_000, queues: 1000, depth: 10_000 };

interface Entry {
  value: Uint8Array;
  cas: number;
}

interface Queue {
  readonly id: number;
  readonly items: Uint8Array[];
  /** Of the first item that is still there. */
  head: number;
  ready: (queue: number) => void;
}

/** Bytes that an entry or item takes beside its own. */
const overhead = 64;

/**
 * The shared memory of a process, which has a part for each `vm_id`.
 *
 * Numbers of queues and of changes are counted over all parts, as in Envoy, so that whoever knows a queue's number may use it.
 *
 * @example
 * ```ts
 * const shared = new SharedMemories();
 * shared.of("").set("hits", Buffer.from("1"), 0); // "ok"
 * ```
 */
export class SharedMemories {
  readonly #limits: SharedMemoryLimits;
  readonly #defer: (task: () => void) => void;
  readonly #data = new Map<string, Map<string, Entry>>();
  readonly #names = new Map<string, Map<string, Queue>>();
  readonly #queues = new Map<number, Queue>();
  #bytes = 0;
  #keys = 0;
  #cas = 0;

  /** @param defer Runs a task later, never at once: the notices of queues. */
  constructor(limits: SharedMemoryLimits = defaultSharedMemoryLimits, defer: (task: () => void) => void = setImmediate) {
    this.#limits = limits;
    this.#defer = defer;
  }

  /** Bytes that are in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The part of plugins with that `vm_id`. */
  of(vmId: string): SharedMemory {
    return {
      get: (key) => this.#data.get(vmId)?.get(key),
      set: (key, value, cas) => this.#set(vmId, key, value, cas),
      registerQueue: (name, ready) => this.#register(vmId, name, ready),
      resolveQueue: (of, name) => this.#names.get(of)?.get(name)?.id,
      enqueue: (queue, value) => this.#enqueue(queue, value),
      dequeue: (queue) => this.#dequeue(queue),
    };
  }

  #set(vmId: string, key: string, value: Uint8Array, cas: number): "ok" | "casMismatch" | "full" {
    const data = this.#data.get(vmId) ?? new Map<string, Entry>();
    const entry = data.get(key);
    // A key that is not there takes any number, as in Envoy.
    if (entry !== undefined && cas !== 0 && cas !== entry.cas) return "casMismatch";
    const more = value.length - (entry?.value.length ?? -key.length - overhead);
    if (this.#bytes + more > this.#limits.bytes || (entry === undefined && this.#keys >= this.#limits.keys)) return "full";
    this.#bytes += more;
    this.#cas = (this.#cas % 0xffff_ffff) + 1;
    if (entry !== undefined) {
      entry.value = value;
      entry.cas = this.#cas;
      return "ok";
    }
    this.#keys++;
    data.set(key, { value, cas: this.#cas });
    this.#data.set(vmId, data);
    return "ok";
  }

  #register(vmId: string, name: string, ready: (queue: number) => void): number {
    const names = this.#names.get(vmId) ?? new Map<string, Queue>();
    const known = names.get(name);
    if (known !== undefined) {
      known.ready = ready;
      return known.id;
    }
    const bytes = name.length + overhead;
    if (this.#queues.size >= this.#limits.queues || this.#bytes + bytes > this.#limits.bytes) return 0;
    this.#bytes += bytes;
    const queue: Queue = { id: this.#queues.size + 1, items: [], head: 0, ready };
    names.set(name, queue);
    this.#names.set(vmId, names);
    this.#queues.set(queue.id, queue);
    return queue.id;
  }

  #enqueue(id: number, value: Uint8Array): "ok" | "notFound" | "full" {
    const queue = this.#queues.get(id);
    if (queue === undefined) return "notFound";
    const bytes = value.length + overhead;
    if (queue.items.length - queue.head >= this.#limits.depth || this.#bytes + bytes > this.#limits.bytes) return "full";
    this.#bytes += bytes;
    queue.items.push(value);
    // Whoever has registered it by then is told.
    this.#defer(() => queue.ready(id));
    return "ok";
  }

  #dequeue(id: number): Uint8Array | "notFound" | "empty" {
    const queue = this.#queues.get(id);
    if (queue === undefined) return "notFound";
    const item = queue.items[queue.head];
    if (item === undefined) return "empty";
    queue.head++;
    this.#bytes -= item.length + overhead;
    // What was taken is let go in large steps: to shift at each would cost the queue's length.
    if (queue.head * 2 > queue.items.length) {
      queue.items.splice(0, queue.head);
      queue.head = 0;
    }
    return item;
  }
}
