/** What stands in the kernel's ring, record by record: exchanges, and between them what HTTP/2 said. @module */
import type { Exchange } from "@mitsu/telemetry";
import { ExchangeReader, type RecordNames } from "./exchange-reader.ts";
import { type HeaderBlockCounts, HeaderBlocks } from "./header-blocks.ts";
import type { StreamNames } from "./stream-names.ts";

/** Exchanges that `recent` can give; the ring has room for twice as many. */
const recentRecords = 10_000;

/** Reads records in their order, and finds the last ones again. */
export class ExchangeRecords {
  readonly #names: RecordNames;
  readonly #reader: ExchangeReader;
  readonly #blocks = new HeaderBlocks();
  /** The kernel's ring itself: a record stays there, read or not, until it is written over. */
  #view: DataView | undefined;
  /** Of the last sampled records: where in the ring, and their end, which tells whether they still stand there. */
  readonly #offsets = new Uint32Array(recentRecords);
  readonly #ends = new Float64Array(recentRecords);
  /** What HTTP/2's header blocks said of them, which stands in no one place of the ring. */
  readonly #streams = new Array<StreamNames | undefined>(recentRecords).fill(undefined);
  #count = 0;

  constructor(names: RecordNames) {
    this.#names = names;
    this.#reader = new ExchangeReader(names);
  }

  /** Frames of HTTP/2 with a header block, by what came of them. */
  get headerBlocks(): HeaderBlockCounts {
    return this.#blocks.counts;
  }

  /**
   * Takes the next record, `length` bytes at `offset` of `view`.
   *
   * @returns the exchange, good until the next call; undefined when it was a header block.
   */
  read(view: DataView, offset: number, length: number): Exchange | undefined {
    const reader = this.#reader.read(view, offset);
    if (reader.endedAt === 0) {
      this.#blocks.add(view, offset, length);
      return undefined;
    }
    const stream = reader.stream === 0 ? undefined : this.#blocks.take(reader.connection, reader.stream);
    if (stream) reader.read(view, offset, stream);
    if (reader.sampled) {
      this.#view = view;
      const at = this.#count++ % recentRecords;
      this.#offsets[at] = offset;
      this.#ends[at] = reader.endedAt;
      this.#streams[at] = stream;
    }
    return reader;
  }

  /** The last sampled exchanges, oldest first: some 10 000, fewer while many come. */
  recent(): readonly Exchange[] {
    const reader = new ExchangeReader(this.#names);
    const found: Exchange[] = [];
    if (!this.#view) return found;
    for (let n = Math.max(0, this.#count - recentRecords); n < this.#count; n++) {
      const at = n % recentRecords;
      const end = this.#ends[at]!;
      if (reader.read(this.#view, this.#offsets[at]!, this.#streams[at]).endedAt !== end) continue; // written over
      const exchange = reader.keep();
      // The kernel writes the end first: were it writing this record now, it would be another already.
      if (reader.endedAt === end) found.push(exchange);
    }
    return found;
  }

  /** Lets go of the ring, whose memory goes with it. */
  close(): void {
    this.#view = undefined;
    this.#blocks.close();
  }
}
