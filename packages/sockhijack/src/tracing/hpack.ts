/**
 * Decodes HTTP/2's header blocks as an onlooker, who may have missed some. Source: RFC 7541.
 *
 * It is our own since no library does that: hpack.js, the only one on npm with users, has been at rest since 2016, throws at hostile
 * bytes, makes two strings of every field and cannot go on after a gap; `hpack` never got past its first release; Node's nghttp2 decodes
 * only what comes over a connection of its own.
 * @module
 */
import { decodeHuffman, huffmanRoom } from "./hpack-huffman.ts";
import { DynamicTable, entryOverhead, type FieldNames, type TableEntry } from "./hpack-tables.ts";

/** Longest block that is decoded, in bytes. */
export const maxBlockBytes: number = 64 * 1024;
/** Largest dynamic table that is believed: the peer's SETTINGS are not seen. */
const maxTableBytes = 64 * 1024;
/** Of longer values, only the beginning is told. */
const maxValueChars = 1024;

/**
 * What came of a block: `whole`; `unknown` when some fields refer to entries that were forgotten; `invalid` when it broke off at bytes that
 * are not HPACK, which ends a connection (RFC 9113 §4.3).
 */
export type BlockOutcome = "whole" | "unknown" | "invalid";

/** Called with the place of the field's name among the wanted ones, and its value as latin1, cut after 1024 characters. */
export type FieldHandler = (field: number, value: string) => void;

/** Of all decoders: strings are decoded here, one after the other. */
const room = Buffer.alloc(huffmanRoom(maxBlockBytes));

/**
 * The decoder of one direction of a connection. It never throws, whatever the bytes, and holds a dynamic table of 64 KiB at most.
 *
 * @example
 * ```ts
 * const decoder = new HpackDecoder(new FieldNames([":method", ":path"]));
 * decoder.decode(Buffer.from("8286", "hex"), 0, 2, (field, value) => console.log(field, value)); // 0 GET
 * ```
 */
export class HpackDecoder {
  readonly #names: FieldNames;
  readonly #table = new DynamicTable();
  /** Entries older than those of the table are not known: an index beyond it is no error. */
  #forgetful = false;
  #bytes: Buffer = room;
  #at = 0;
  #end = 0;
  /** Of the string read last: where its text stands, and how long it is. */
  #text: Buffer = room;
  #textAt = 0;
  #textBytes = 0;

  constructor(names: FieldNames) {
    this.#names = names;
  }

  /** Blocks were missed: what the table held is forgotten. New entries are known again, since indices count from the newest. */
  forget(): void {
    this.#table.clear();
    this.#forgetful = true;
  }

  /** Decodes a whole block, `bytes` from `from` to `to`. After an `invalid` one the table is forgotten. */
  decode(bytes: Buffer, from: number, to: number, onField: FieldHandler): BlockOutcome {
    if (to - from > maxBlockBytes) return this.#invalid();
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    let outcome: BlockOutcome = "whole";
    let resizable = true;
    while (this.#at < this.#end) {
      const first = bytes[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        // Only at a block's begin, RFC 7541 §4.2.
        if (!resizable || !this.#resize()) return this.#invalid();
        continue;
      }
      resizable = false;
      const isKnown = first >= 0x80 ? this.#indexed(onField) : this.#literal(first >= 0x40, onField);
      if (isKnown === undefined) return this.#invalid();
      if (!isKnown) outcome = "unknown";
    }
    return outcome;
  }

  #invalid(): "invalid" {
    this.forget();
    return "invalid";
  }

  /** RFC 7541 §6.3 */
  #resize(): boolean {
    const limit = this.#integer(5);
    if (limit < 0 || limit > maxTableBytes) return false;
    this.#table.resize(limit);
    if (limit === 0) this.#forgetful = false; // nothing is left that could be unknown
    return true;
  }

  /** RFC 7541 §6.1. @returns whether the field is known; undefined when these bytes are invalid. */
  #indexed(onField: FieldHandler): boolean | undefined {
    const index = this.#integer(7);
    const entry = this.#entry(index);
    if (entry === undefined) return this.#isForgotten(index) ? false : undefined;
    if (entry.field >= 0) onField(entry.field, entry.value);
    return true;
  }

  /** RFC 7541 §6.2, whether or not the field becomes an entry of the table. @returns as {@link #indexed}. */
  #literal(isAdded: boolean, onField: FieldHandler): boolean | undefined {
    const index = this.#integer(isAdded ? 6 : 4);
    let field = -1;
    let nameBytes = 0;
    let isKnown = true;
    if (index === 0) {
      if (!this.#string(true)) return undefined;
      field = this.#names.at(this.#text, this.#textAt, this.#textBytes);
      nameBytes = this.#textBytes;
    } else {
      const entry = this.#entry(index);
      if (entry !== undefined) {
        field = entry.field;
        nameBytes = entry.nameBytes;
      } else if (this.#isForgotten(index)) isKnown = false;
      else return undefined;
    }
    const isWanted = field >= 0;
    if (!this.#string(isWanted || isAdded)) return undefined;
    const value = isWanted ? this.#latin1() : "";
    // Of an unknown name the size is too small, so that we keep entries longer than the peer does: it never asks for those.
    if (isAdded) this.#table.add({ field, nameBytes, size: nameBytes + this.#textBytes + entryOverhead, value });
    if (isWanted) onField(field, value);
    return isKnown;
  }

  /** RFC 7541 §2.3.3 */
  #entry(index: number): TableEntry | undefined {
    if (index <= 0) return undefined;
    const { staticTable } = this.#names;
    return index < staticTable.length ? staticTable[index] : this.#table.before(index - staticTable.length);
  }

  #isForgotten(index: number): boolean {
    return this.#forgetful && index >= this.#names.staticTable.length;
  }

  /** RFC 7541 §5.1. @returns -1 when it does not end, or is beyond all that a block of 64 KiB can mean. */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    return -1;
  }

  /** RFC 7541 §5.2. @param isRead Its text or its length is of interest; else it is skipped. @returns whether it is valid. */
  #string(isRead: boolean): boolean {
    if (this.#at >= this.#end) return false;
    const isHuffman = this.#bytes[this.#at]! >= 128;
    const length = this.#integer(7);
    const from = this.#at;
    if (length < 0 || length > this.#end - from) return false;
    this.#at = from + length;
    if (!isHuffman) {
      this.#text = this.#bytes;
      this.#textAt = from;
      this.#textBytes = length;
    } else if (isRead) {
      this.#text = room;
      this.#textAt = 0;
      this.#textBytes = decodeHuffman(this.#bytes, from, this.#at, room);
      return this.#textBytes >= 0;
    }
    return true;
  }

  #latin1(): string {
    return this.#text.toString("latin1", this.#textAt, this.#textAt + Math.min(this.#textBytes, maxValueChars));
  }
}
