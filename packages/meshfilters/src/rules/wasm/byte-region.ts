/** Bytes laid one after the other, with the addresses that they will have. @module */

/** Grows as needed. */
export class ByteRegion {
  readonly #base: number;
  #bytes = new Uint8Array(65_536);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /** @param base Address of the first byte, a multiple of 8. */
  constructor(base: number) {
    this.#base = base;
  }

  /** Address of so many zero bytes. @param align 1, or 8 for words. */
  reserve(size: number, align: 1 | 8 = 8): number {
    const at = align === 8 ? (this.#end + 7) & ~7 : this.#end;
    this.#end = at + size;
    if (this.#end > this.#bytes.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(this.#end)));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return this.#base + at;
  }

  /** Address of these bytes. */
  put(bytes: Uint8Array): number {
    const at = this.reserve(bytes.length, 1);
    this.#bytes.set(bytes, at - this.#base);
    return at;
  }

  /** Writes words of 32 bits, one after the other. */
  words(at: number, ...values: readonly number[]): void {
    for (const [index, value] of values.entries()) this.#view.setUint32(at - this.#base + 4 * index, value, true);
  }

  /** Reads a word of 32 bits. */
  word(at: number): number {
    return this.#view.getUint32(at - this.#base, true);
  }

  /** Writes a word of 64 bits. */
  long(at: number, value: bigint): void {
    this.#view.setBigUint64(at - this.#base, value, true);
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }
  /** The first address behind. */
  get end(): number {
    return this.#base + this.#end;
  }
}
