/** An encoder of header blocks (RFC 7541) that takes every liberty the format leaves. @module */
import type { Random } from "../http/random.ts";
import { encodeHuffman } from "./huffman.ts";

export type Field = readonly [name: string, value: string];

/** RFC 7541, appendix A. */
const table =
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate";
const names = new Map<string, number>();
const fields = new Map<string, number>();
for (const [index, entry] of table.split("|").entries()) {
  const [, name = "", value = ""] = /^([^=]+)(?:=(.*))?$/.exec(entry)!;
  if (!names.has(name)) names.set(name, index + 1);
  fields.set(`${name}\n${value}`, index + 1);
}
const statics = 61;

/** How often it does what is rare, in percent. */
export interface Habits {
  /** Integers with needless bytes, as few as bpf/http2.h takes. */
  readonly padded: number;
  /** With more than it takes. */
  readonly overlong: number;
}

/** Encodes the blocks of one direction, one after the other. */
export class HpackEncoder {
  readonly #random: Random;
  readonly #habits: Habits;
  /** The dynamic table, newest first. */
  #entries: Field[] = [];
  #size = 0;
  #capacity = 4096;
  #out: number[] = [];
  constructor(random: Random, habits: Habits) {
    this.#random = random;
    this.#habits = habits;
  }

  encode(block: readonly Field[]): Buffer {
    this.#out = [];
    if (this.#random.chance(3)) this.#resize();
    for (const field of block) this.#field(field);
    return Buffer.from(this.#out);
  }

  /** Section 6.3; when it was smaller in between, both sizes are told. */
  #resize(): void {
    const sizes = [this.#random.pick([0, 64, 200, 4096]), this.#random.pick([300, 1000, 4096])];
    for (const size of this.#random.chance(50) ? sizes.sort((a, b) => a - b) : sizes.slice(1)) {
      this.#integer(32, 5, size);
      this.#capacity = size;
      this.#evict();
    }
  }

  #evict(): void {
    while (this.#size > this.#capacity) {
      const [name, value] = this.#entries.pop()!;
      this.#size -= name.length + value.length + 32;
    }
  }

  #field([name, value]: Field): void {
    const random = this.#random;
    const same = this.#entries.findIndex(([n, v]) => n === name && v === value);
    const index = fields.get(`${name}\n${value}`) ?? (same >= 0 ? statics + 1 + same : 0);
    if (index && random.chance(85)) {
      this.#integer(128, 7, index);
      return;
    }
    const [kind, bits] = random.pick([
      [64, 6],
      [64, 6],
      [0, 4],
      [16, 4],
    ] as const);
    const alike = this.#entries.findIndex(([n]) => n === name);
    const nameIndex = random.chance(80)
      ? alike >= 0 && random.chance(50)
        ? statics + 1 + alike
        : (names.get(name) ?? (alike >= 0 ? statics + 1 + alike : 0))
      : 0;
    this.#integer(kind, bits, nameIndex);
    if (!nameIndex) this.#string(name);
    this.#string(value);
    if (kind !== 64) return;
    this.#entries.unshift([name, value]);
    this.#size += name.length + value.length + 32;
    this.#evict();
  }

  /** Section 5.1. Those that do not fit their first byte may go on with zeros. */
  #integer(high: number, bits: number, value: number): void {
    const most = 2 ** bits - 1;
    if (value < most) {
      this.#out.push(high | value);
      return;
    }
    const rest: number[] = [];
    for (let left = value - most; left > 0 || rest.length === 0; left >>= 7) rest.push(left & 127);
    if (this.#random.chance(this.#habits.padded) && rest.length < 3) rest.push(0);
    if (this.#random.chance(this.#habits.overlong)) while (rest.length < 4) rest.push(0);
    this.#out.push(high | most, ...rest.map((byte, index) => (index < rest.length - 1 ? byte | 128 : byte)));
  }

  /** Section 5.2. */
  #string(text: string): void {
    const huffman = this.#random.chance(50);
    const bytes = huffman ? encodeHuffman(text) : undefined;
    this.#integer(huffman ? 128 : 0, 7, bytes?.length ?? text.length);
    if (bytes) for (const byte of bytes) this.#out.push(byte);
    else for (let i = 0; i < text.length; i++) this.#out.push(text.charCodeAt(i));
  }
}
