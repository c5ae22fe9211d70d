/** Puts the header blocks of HTTP/2 connections together to what an exchange asked and was answered. @module */
import { headerBlock } from "../kernel/layout.ts";
import { type BlockOutcome, HpackDecoder, maxBlockBytes } from "./hpack.ts";
import { FieldNames } from "./hpack-tables.ts";
import { StreamNames, wantedFields } from "./stream-names.ts";

/** What is held at most. */
export interface HeaderBlockLimits {
  /** Connections; one that was quiet goes first. As many as the kernel traces. */
  readonly connections: number;
  /** Streams of one connection whose exchange has not ended; the oldest goes first. */
  readonly streams: number;
}

/** Frames with a header block since the start, by what came of them. */
export interface HeaderBlockCounts {
  /** Decoded, or a part that waits for the rest. */
  readonly read: number;
  /** With fields that refer to what was in a lost block. */
  readonly unknown: number;
  /** No HPACK, no whole frame, or a part without its begin. */
  readonly invalid: number;
  /** Not seen: the ring was full. */
  readonly lost: number;
}

const at = headerBlock.offsets;
/** RFC 9113 §6 */
const frameType = { headers: 1, continuation: 9 } as const;
const flag = { endHeaders: 4, padded: 8, priority: 32 } as const;
const frameHeaderBytes = 9;
const priorityBytes = 5;
const words = 2 ** 32;
const names = new FieldNames(wantedFields);

/** A block of which not all frames have come. */
interface Part {
  readonly stream: number;
  readonly fragments: Buffer[];
  bytes: number;
}

class Direction {
  readonly decoder: HpackDecoder = new HpackDecoder(names);
  /** Number of the next frame. */
  next = 0;
  part: Part | undefined;
}

class Connection {
  readonly directions: readonly [Direction, Direction] = [new Direction(), new Direction()];
  readonly streams: Map<number, StreamNames> = new Map();
  /** A block came since the last search for a quiet connection. */
  isBusy = true;
}

/**
 * Takes the kernel's `header_block` records in their order, and gives what they say of a stream. Whatever was lost or is invalid leaves
 * fields unknown; nothing throws.
 *
 * @example
 * ```ts
 * const blocks = new HeaderBlocks();
 * blocks.add(view, offset); // a HEADERS frame
 * blocks.take(connection, 1)?.method; // "GET"
 * ```
 */
export class HeaderBlocks {
  readonly #limits: HeaderBlockLimits;
  readonly #connections = new Map<number, Connection>();
  readonly #counts = { read: 0, unknown: 0, invalid: 0, lost: 0 };
  /** The ring as bytes, made once. */
  #view: DataView | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  /** Whom the fields of the block that is being decoded are told. */
  #names: StreamNames | undefined;
  #answers = false;
  readonly #onField = (field: number, value: string): void => this.#names?.tell(field, value, this.#answers);

  constructor(limits: HeaderBlockLimits = { connections: 65_536, streams: 1024 }) {
    this.#limits = limits;
  }

  get counts(): HeaderBlockCounts {
    return { ...this.#counts };
  }

  /** Connections and their streams that are held now. */
  get size(): { readonly connections: number; readonly streams: number } {
    let streams = 0;
    for (const connection of this.#connections.values()) streams += connection.streams.size;
    return { connections: this.#connections.size, streams };
  }

  /** Takes the record at `offset` of `view`, which is `length` bytes with its frame. */
  add(view: DataView, offset: number, length: number): void {
    const id = view.getUint32(offset + at.connection, true) + view.getUint32(offset + at.connection + 4, true) * words;
    const bytes = Math.min(view.getUint32(offset + at.bytes, true), length - headerBlock.size);
    if (bytes <= 0) {
      this.#connections.delete(id);
      return;
    }
    const connection = this.#connection(id);
    this.#answers = view.getUint32(offset + at.answers, true) !== 0;
    const direction = connection.directions[this.#answers ? 1 : 0];
    const number = view.getUint32(offset + at.number, true);
    if (number !== direction.next) {
      this.#counts.lost += (number - direction.next) >>> 0;
      direction.part = undefined;
      direction.decoder.forget();
    }
    direction.next = (number + 1) >>> 0;
    if (view !== this.#view) {
      this.#view = view;
      this.#bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    }
    const outcome = this.#frame(connection, direction, offset + headerBlock.size, bytes);
    if (outcome === "whole") this.#counts.read++;
    else this.#counts[outcome]++;
    if (outcome !== "invalid") return;
    // Whatever it was, an entry of the table may have been in it.
    direction.part = undefined;
    direction.decoder.forget();
  }

  /** What is known of a stream whose exchange has ended, which is then forgotten. */
  take(connection: number, stream: number): StreamNames | undefined {
    const streams = this.#connections.get(connection)?.streams;
    const found = streams?.get(stream);
    if (found) streams?.delete(stream);
    return found;
  }

  /** Forgets all; the ring's memory goes. */
  close(): void {
    this.#connections.clear();
    this.#view = undefined;
    this.#bytes = Buffer.alloc(0);
  }

  #frame(connection: Connection, direction: Direction, begin: number, bytes: number): BlockOutcome {
    const frame = this.#bytes;
    if (bytes < frameHeaderBytes || frame.readUIntBE(begin, 3) + frameHeaderBytes !== bytes) return "invalid";
    const type = frame[begin + 3]!;
    const flags = frame[begin + 4]!;
    const stream = frame.readUInt32BE(begin + 5) & 0x7fffffff;
    let from = begin + frameHeaderBytes;
    let to = begin + bytes;
    if (type === frameType.continuation) {
      const { part } = direction;
      if (part?.stream !== stream) return "invalid"; // its begin was lost
      return this.#continue(connection, direction, part, { from, to, isLast: (flags & flag.endHeaders) !== 0 });
    }
    // Between the frames of a block no other may come, RFC 9113 §6.10.
    if (type !== frameType.headers || direction.part) return "invalid";
    if (flags & flag.padded) to -= frame[from++]!;
    if (flags & flag.priority) from += priorityBytes;
    if (!(from <= to)) return "invalid";
    if (flags & flag.endHeaders) return this.#decode(connection, direction, { stream, bytes: frame, from, to });
    direction.part = { stream, fragments: [Buffer.from(frame.subarray(from, to))], bytes: to - from };
    return "whole";
  }

  #continue(
    connection: Connection,
    direction: Direction,
    part: Part,
    { from, to, isLast }: { readonly from: number; readonly to: number; readonly isLast: boolean },
  ): BlockOutcome {
    part.bytes += to - from;
    // Empty frames must not pile up either: "CONTINUATION flood", CVE-2024-27316.
    if (part.bytes > maxBlockBytes || part.fragments.length > maxBlockBytes / 64) return "invalid";
    part.fragments.push(Buffer.from(this.#bytes.subarray(from, to)));
    if (!isLast) return "whole";
    direction.part = undefined;
    const block = Buffer.concat(part.fragments);
    return this.#decode(connection, direction, { stream: part.stream, bytes: block, from: 0, to: block.length });
  }

  #decode(
    connection: Connection,
    { decoder }: Direction,
    block: { readonly stream: number; readonly bytes: Buffer; readonly from: number; readonly to: number },
  ): BlockOutcome {
    this.#names = this.#stream(connection, block.stream);
    const outcome = decoder.decode(block.bytes, block.from, block.to, this.#onField);
    this.#names.endBlock(this.#answers);
    return outcome;
  }

  #stream({ streams }: Connection, stream: number): StreamNames {
    let found = streams.get(stream);
    if (!found) {
      // Of exchanges whose end was lost; with an answer that came after all, too.
      if (streams.size >= this.#limits.streams) streams.delete(streams.keys().next().value!);
      found = new StreamNames();
      streams.set(stream, found);
    }
    return found;
  }

  #connection(id: number): Connection {
    const known = this.#connections.get(id);
    if (known) {
      known.isBusy = true;
      return known;
    }
    if (this.#connections.size >= this.#limits.connections) this.#dropQuiet();
    const made = new Connection();
    this.#connections.set(id, made);
    return made;
  }

  /** The oldest connection that had no block since it was last looked at; those that had one are looked at again later ("second chance"). */
  #dropQuiet(): void {
    for (const [id, connection] of this.#connections) {
      this.#connections.delete(id);
      if (!connection.isBusy) return;
      connection.isBusy = false;
      this.#connections.set(id, connection);
    }
  }
}
