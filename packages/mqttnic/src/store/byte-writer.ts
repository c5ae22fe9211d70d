/** Bytes written one field after the other into a buffer that grows. @module */

/**
 * A buffer that fields are written into. Numbers are LEB128, 7 bits a byte, least significant first; strings and byte strings come behind their length in bytes.
 *
 * @example
 * ```ts
 * const writer = new ByteWriter();
 * writer.number(300);
 * writer.string("a/b");
 * writer.take(); // <ac 02 03 61 2f 62>
 * ```
 */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  /** One byte. */
  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  string(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.number(bytes);
    this.#room(bytes);
    this.#length += this.#buffer.write(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.rest(value);
  }

  /** Without its length, as the last field. */
  rest(value: Uint8Array): void {
    this.#room(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written, valid until the next field; the writer is empty then. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    // One large message must not keep its bytes for ever.
    if (this.#buffer.length > 1024 * 1024) this.#buffer = Buffer.allocUnsafe(4096);
    this.#length = 0;
    return taken;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
