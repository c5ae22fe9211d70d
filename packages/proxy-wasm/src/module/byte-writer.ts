/** Writes bytes, LEB128 integers and names of a WebAssembly binary. Source: WebAssembly 2.0 §5.2. @module */

const utf8 = new TextEncoder();

/**
 * A buffer that grows.
 *
 * @example
 * ```ts
 * new ByteWriter().u32(300).name("memory").take(); // Uint8Array [0xac, 0x02, 6, 0x6d, …]
 * ```
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Empties it, keeping the room. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  byte(...values: number[]): this {
    this.#room(values.length);
    for (const value of values) this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#room(5);
    let rest = value;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
    return this;
  }

  s32(value: number): this {
    this.#room(5);
    let rest = value | 0;
    for (; rest < -64 || rest > 63; rest >>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest & 127;
    return this;
  }

  bytes(values: Uint8Array): this {
    this.#room(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
    return this;
  }

  name(text: string): this {
    const encoded = utf8.encode(text);
    return this.u32(encoded.length).bytes(encoded);
  }

  /** A section, or a function's body: its size, then itself. */
  sized(content: Uint8Array): this {
    return this.u32(content.length).bytes(content);
  }

  /** What was written, without a copy: valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, as a copy. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + more, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
  }
}
