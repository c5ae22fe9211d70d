/** Reads bytes, LEB128 integers and names of a WebAssembly binary. Source: WebAssembly 2.0 §5.1, §5.2. @module */
import type { MitsuError } from "@mitsu/cli";
import { type FilterErrorKind, filterError, place } from "./filter-error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A cursor over part of a module. Every method throws `ERR_FILTER_MALFORMED` with the offset and the section instead of reading past the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte, counted from the start of the file. */
  at: number;
  readonly end: number;
  /** For messages: `section import`, `section code, function 5`. */
  readonly section: string;

  constructor(bytes: Uint8Array, at: number, end: number, section: string) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.section = section;
  }

  /** An error at a byte; the caller throws it. */
  error(what: string, at: number = this.at, kind: FilterErrorKind = "malformed"): MitsuError {
    const hint =
      kind === "malformed" ? "the file may be cut off or damaged: build or copy it again" : "build the filter without this extension";
    return filterError(kind, `${what} ${place(at, this.section)}`, hint);
  }

  byte(): number {
    if (this.at >= this.end) throw this.error("the bytes end too early");
    return this.bytes[this.at++]!;
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw this.error(`the bytes end too early: ${count} are announced, ${this.end - this.at} are left`);
    this.at += count;
  }

  /** Unsigned, at most 5 bytes. */
  u32(): number {
    const start = this.at;
    const first = this.byte();
    if (first < 128) return first;
    let value = first & 127;
    for (let shift = 7; ; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 15) throw this.error("an integer has more than 32 bits", start);
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  /** Passes a signed integer; block types are of 33 bits. @returns Its low 32 bits. */
  signed(bits: 32 | 33 | 64): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      const left = bits - shift;
      if (left < 7) {
        // What lies beyond the sign bit has to repeat it, and nothing may follow.
        const beyond = (byte & 127) >> (left - 1);
        if (byte > 127 || (beyond !== 0 && beyond !== 127 >> (left - 1))) throw this.error(`an integer has more than ${bits} bits`, start);
      }
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return shift < 25 && byte & 64 ? value | (-1 << (shift + 7)) : value;
    }
  }

  /** Counts entries that take at least a byte each, so that no list is longer than the file. */
  count(what: string): number {
    const start = this.at;
    const count = this.u32();
    if (count > this.end - this.at) throw this.error(`${count} ${what} are announced, more than there are bytes`, start);
    return count;
  }

  name(): string {
    const start = this.at;
    const length = this.u32();
    const from = this.at;
    this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(from, this.at));
    } catch {
      throw this.error("a name is not UTF-8", start);
    }
  }

  /** Insists that all was read. */
  finish(): void {
    if (this.at !== this.end) throw this.error(`${this.end - this.at} bytes are left over`);
  }
}
