/** A buffer over plain bytes. @module */
import type { ByteBuffer } from "./stream.ts";

/**
 * Bytes that a filter may read and change.
 *
 * @example
 * ```ts
 * const body = new ByteList(Buffer.from("hello"));
 * body.splice(0, 1, Buffer.from("J"));
 * ```
 */
export class ByteList implements ByteBuffer {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** All of it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  slice(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start, start + length);
  }

  splice(start: number, length: number, bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(0, start), bytes, this.#bytes.subarray(start + length)]);
  }
}
