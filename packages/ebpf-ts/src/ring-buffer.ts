/**
 * RingBuffer: reads a BPF_MAP_TYPE_RINGBUF in place, woken by the kernel, never polling.
 *
 * Layout (kernel/bpf/ringbuf.c): page 0 holds the consumer's position (ours to write), page 1 the producer's, then the data, mapped
 * twice in a row so that a record never wraps. A record is a 4-byte length with two flag bits, 4 bytes of the kernel's own, and the
 * payload, padded to 8. Positions count bytes since the beginning.
 *
 * Memory order: the kernel stores the length without BUSY after the payload (release); `Atomics.load` acquires it, so a payload
 * whose length is read is whole. Our position is stored by `Atomics.store` (sequentially consistent) and the producer's is read again
 * after it, since the kernel wakes us only for a record that begins where we stand: none falls between the two.
 * @module
 */
import type { BpfMap } from "./map.ts";
import { MappedMemory, pageBytes } from "./mapped-memory.ts";
import { type PollHandle, pollReadable } from "./native.ts";

const BUSY = 1 << 31;
const DISCARD = 1 << 30;
const headerBytes = 8;

/** Records handled before other events get their turn; the descriptor stays readable, so the rest follows at once. */
const recordsPerTurn = 65536;

/**
 * Called for each record: its payload is `length` bytes at `offset` of `view`, the ring itself.
 * The bytes are valid only during the call; copy what must last.
 */
export type RecordHandler = (view: DataView, offset: number, length: number) => void;

/** How a ring is read. */
export interface RingBufferOptions {
  /** Keeps the process alive while the ring is open; false unless told. */
  readonly keepAlive?: boolean;
  /** Longest record in bytes, when it is known: less is mapped then, which counts as resident memory from the start. */
  readonly longestRecordBytes?: number;
}

/**
 * A running consumer; a ring has one at most.
 *
 * @example
 * ```ts
 * using ring = new RingBuffer(object.map("events"), (view, offset) => console.log(event.decode(view, offset)));
 * ```
 */
export class RingBuffer {
  readonly #control: MappedMemory;
  readonly #ring: MappedMemory;
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  /** The data, as words for the headers and, with what follows again from its beginning, as a view for the handler. */
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #size: number;
  readonly #handler: RecordHandler;
  readonly #poll: PollHandle;
  #open = true;

  /** Starts reading; records already in the ring are delivered from the event loop's next turn on. */
  constructor(map: BpfMap, handler: RecordHandler, options: RingBufferOptions = {}) {
    if (map.type !== "ringbuf") throw new TypeError(`map ${map.name} is a ${map.type}, not a ringbuf`);
    const size = map.maxEntries;
    const page = pageBytes();
    this.#control = new MappedMemory(map.fd, 0, page, { writable: true, what: `ring buffer ${map.name}` });
    // Of the second copy as much as the longest record needs that begins in the first.
    const beyond = Math.min(size, Math.ceil(((options.longestRecordBytes ?? size) + headerBytes) / page) * page);
    this.#ring = new MappedMemory(map.fd, page, page + size + beyond, { writable: false, what: `ring buffer ${map.name}` });
    this.#consumer = new BigInt64Array(this.#control.bytes.buffer, 0, 1);
    this.#producer = new BigInt64Array(this.#ring.bytes.buffer, 0, 1);
    this.#words = new Int32Array(this.#ring.bytes.buffer, page, size / 4);
    this.#view = new DataView(this.#ring.bytes.buffer, page, size + beyond);
    this.#size = size;
    this.#handler = handler;
    this.#poll = pollReadable(map.fd, () => void this.drain());
    if (!options.keepAlive) this.#poll.unref();
  }

  /** Delivers what is in the ring now, without waiting; returns the number of records taken out, at most 65536. */
  drain(): number {
    let taken = 0;
    while (this.#open) {
      const before = taken;
      let position = Number(Atomics.load(this.#consumer, 0));
      const end = Number(Atomics.load(this.#producer, 0));
      while (position < end && taken < recordsPerTurn) {
        // Positions grow past 2^31, so a remainder and no mask.
        const at = position % this.#size;
        const header = Atomics.load(this.#words, at >> 2);
        // The kernel wakes us when the record is committed.
        if (header & BUSY) break;
        const length = header & ~(BUSY | DISCARD);
        position += (length + headerBytes + 7) & ~7;
        taken++;
        try {
          if ((header & DISCARD) === 0) this.#handler(this.#view, at + headerBytes, length);
        } finally {
          // A handler that throws loses its record, not the ring; one that closes the ring ends the loop.
          if (this.#open) Atomics.store(this.#consumer, 0, BigInt(position));
        }
        if (!this.#open) return taken;
      }
      if (taken === before || taken >= recordsPerTurn) break;
    }
    return taken;
  }

  /** Stops reading and unmaps the ring; records left in it stay for the next consumer. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#poll.close();
    this.#control.close();
    this.#ring.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
