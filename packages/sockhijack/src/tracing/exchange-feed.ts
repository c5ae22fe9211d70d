/** Exchanges from the kernel's ring to whoever makes something of them. @module */
import { type RecordHandler, RingBuffer } from "@mitsu/ebpf-ts";
import type { Exchange } from "@mitsu/telemetry";
import type { Kernel } from "../kernel/kernel.ts";
import { headerBlock } from "../kernel/layout.ts";
import type { RecordNames } from "./exchange-reader.ts";
import { ExchangeRecords } from "./exchange-records.ts";
import type { HeaderBlockCounts } from "./header-blocks.ts";

/** The kernel wakes us only when much has come together; in between the ring is looked at this often. */
const drainEveryMs = 100;
/** As long as nothing is traced, so that an idle daemon sleeps. */
const waitMs = 1000;
/** The wall clock was set when it is off by more than this. */
const clockStepNs = 50_000_000n;

/** A header block with the longest frame, `WINDOW` in bpf/http1.h. */
const longestRecordBytes = headerBlock.size + 8192;

/** Reads the ring; sinks are called for each exchange, in the order in which they ended. */
export class ExchangeFeed {
  readonly #ring: RingBuffer;
  readonly #kernel: Pick<Kernel, "spans" | "traces">;
  #timer: NodeJS.Timeout | undefined;
  readonly #sinks = new Set<(exchange: Exchange) => void>();
  readonly #names: RecordNames;
  readonly #records: ExchangeRecords;

  /** @param service Name of a service's number. */
  constructor(kernel: Pick<Kernel, "spans" | "traces">, service: (id: number) => string) {
    this.#names = { service, offsetNs: wallClockOffset() };
    this.#records = new ExchangeRecords(this.#names);
    const take: RecordHandler = (view, offset, length) => {
      const exchange = this.#records.read(view, offset, length);
      if (exchange) for (const sink of this.#sinks) sink(exchange);
    };
    this.#ring = new RingBuffer(kernel.spans, take, { longestRecordBytes });
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
   * call; `keep()` of `@mitsu/telemetry` makes one that lasts.
   */
  to(sink: (exchange: Exchange) => void): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** Frames of HTTP/2 with a header block, by what came of them. */
  get headerBlocks(): HeaderBlockCounts {
    return this.#records.headerBlocks;
  }

  /** The last sampled exchanges, oldest first: some 10 000, fewer while many come. */
  recent(): readonly Exchange[] {
    this.#ring.drain();
    return this.#records.recent();
  }

  /** Takes what is left, then stops reading. */
  close(): void {
    clearTimeout(this.#timer);
    this.#ring.drain();
    this.#records.close();
    this.#ring.close();
  }
}

/** From CLOCK_MONOTONIC to nanoseconds since 1970. */
function wallClockOffset(): bigint {
  return BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
}
