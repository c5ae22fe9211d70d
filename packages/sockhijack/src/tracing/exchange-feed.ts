/** Exchanges from the kernel's ring to whoever makes something of them. @module */
import { RingBuffer } from "@mitsu/ebpf-ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Exchange } from "./exchange.ts";
import { ExchangeReader, type RecordNames } from "./exchange-reader.ts";

/** The kernel wakes us only when much has come together; in between the ring is looked at this often. */
const drainEveryMs = 100;
/** As long as nothing is traced, so that an idle daemon sleeps. */
const waitMs = 1000;
/** The wall clock was set when it is off by more than this. */
const clockStepNs = 50_000_000n;
/** Records that `recent` can give; the ring has room for twice as many. */
const recentRecords = 10_000;

/** Reads the ring; sinks are called for each exchange, in the order in which they ended. */
export class ExchangeFeed {
  readonly #ring: RingBuffer;
  readonly #kernel: Pick<Kernel, "spans" | "traces">;
  #timer: NodeJS.Timeout | undefined;
  readonly #sinks = new Set<(exchange: Exchange) => void>();
  readonly #names: RecordNames;
  /** The kernel's ring itself: a record stays there, read or not, until it is written over. */
  #view: DataView | undefined;
  /** Of the last sampled records: where in the ring, and their end, which tells whether they still stand there. */
  readonly #offsets = new Uint32Array(recentRecords);
  readonly #ends = new Float64Array(recentRecords);
  #count = 0;

  /** @param service Name of a service's number. */
  constructor(kernel: Pick<Kernel, "spans" | "traces">, service: (id: number) => string) {
    this.#names = { service, offsetNs: wallClockOffset() };
    const reader = new ExchangeReader(this.#names);
    this.#ring = new RingBuffer(kernel.spans, (view, offset) => {
      reader.read(view, offset);
      if (reader.sampled) {
        this.#view = view;
        this.#offsets[this.#count % recentRecords] = offset;
        this.#ends[this.#count++ % recentRecords] = reader.endedAt;
      }
      for (const sink of this.#sinks) sink(reader);
    });
    this.#kernel = kernel;
    this.#plan();
  }

  #plan(): void {
    this.#timer = setTimeout(
      () => {
        const offset = wallClockOffset();
        const step = offset - this.#names.offsetNs;
        if (step > clockStepNs || step < -clockStepNs) this.#names.offsetNs = offset;
        this.#ring.drain();
        this.#plan();
      },
      this.#kernel.traces ? drainEveryMs : waitMs,
    ).unref();
  }

  /**
   * Hands every exchange to `sink` from now on, until the returned function is called. What it is handed is good for the duration of the
   * call; `keep()` (exchange-reader.ts) makes one that lasts.
   */
  to(sink: (exchange: Exchange) => void): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** The last sampled exchanges, oldest first: some 10 000, fewer while many come. */
  recent(): readonly Exchange[] {
    this.#ring.drain();
    const reader = new ExchangeReader(this.#names);
    const found: Exchange[] = [];
    if (!this.#view) return found;
    for (let n = Math.max(0, this.#count - recentRecords); n < this.#count; n++) {
      const [offset, end] = [this.#offsets[n % recentRecords]!, this.#ends[n % recentRecords]!];
      if (reader.read(this.#view, offset).endedAt !== end) continue; // written over
      const exchange = reader.keep();
      // The kernel writes the end first: were it writing this record now, it would be another already.
      if (reader.endedAt === end) found.push(exchange);
    }
    return found;
  }

  /** Takes what is left, then stops reading. */
  close(): void {
    clearTimeout(this.#timer);
    this.#ring.drain();
    this.#view = undefined; // its memory goes with the ring
    this.#ring.close();
  }
}

/** From CLOCK_MONOTONIC to nanoseconds since 1970. */
function wallClockOffset(): bigint {
  return BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
}
