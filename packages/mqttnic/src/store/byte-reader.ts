/** Bytes read one field after the other; what ByteWriter wrote. @module */

/** Reads the fields that a {@link ByteWriter} wrote. Every method throws a RangeError when the bytes end before the field does. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#skip(1)]!;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError("a number of more than 8 bytes");
  }

  string(): string {
    const length = this.number();
    const start = this.#skip(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  /** A copy. */
  bytes(): Buffer {
    return this.#copy(this.number());
  }

  /** All that is left; a copy. */
  rest(): Buffer {
    return this.#copy(this.#bytes.length - this.#at);
  }

  /** A small copy comes from Node's pool, which takes far less memory than an ArrayBuffer for each. */
  #copy(length: number): Buffer {
    const start = this.#skip(length);
    return length === 0 ? empty : Buffer.from(this.#bytes.subarray(start, start + length));
  }

  #skip(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError(`${this.#bytes.length} bytes are too few`);
    this.#at = start + length;
    return start;
  }
}

const empty = Buffer.alloc(0);
