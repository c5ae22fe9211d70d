/** Fields that were added to a head. @module */

/** Lines that are kept, as filters add the same ones to every message, and their longest. */
const lines = 128;
const longestLine = 128;
/** Below it, a loop is quicker than a call of the runtime. */
const shortLine = 48;
/** Of all fields of a message together, kept for each connection. */
const longestBlock = 512;
/** Of one message; more is not kept for the next one. */
const keptFields = 16;
const keptLength = 1024;

/**
 * Names and values in order. One serves a connection for all its messages: {@link clear} leaves the lists in place, since two new ones for each message
 * would each be a young object in an old one, and since a filter mostly adds the same again.
 *
 * @example
 * ```ts
 * added.add("x-tag", "1");
 * end = added.writeTo(out, end); // "x-tag: 1\r\n"
 * ```
 */
export class AddedFields {
  /** How many. */
  count = 0;
  #names: string[] = [];
  #values: string[] = [];
  #length = 0;
  /** How many were written last; -1 when some have changed since. */
  #writtenCount = -1;
  /** What the first {@link #blockCount} are as HTTP/1 has them; null until they were written twice. */
  #block: Uint8Array | null = null;
  #blockCount = 0;

  /** Takes all away. */
  clear(): void {
    if (this.count > keptFields || this.#length > keptLength) {
      this.#names = [];
      this.#values = [];
    }
    this.count = 0;
    this.#length = 0;
  }

  /** Behind those that are there. */
  add(name: string, value: string): void {
    const index = this.count++;
    this.#length += value.length;
    // The same as in the message before, mostly.
    if (this.#names[index] === name && this.#values[index] === value) return;
    this.#names[index] = name;
    this.#values[index] = value;
    this.#forget();
  }

  /** Number of the first of that name; -1 for none. */
  indexOf(name: string): number {
    for (let index = 0; index < this.count; index++) if (this.#names[index] === name) return index;
    return -1;
  }

  nameAt(index: number): string {
    return this.#names[index]!;
  }

  valueAt(index: number): string {
    return this.#values[index]!;
  }

  /** Takes all of that name away. */
  remove(name: string): void {
    if (this.indexOf(name) < 0) return;
    this.#forget();
    let left = 0;
    for (let index = 0; index < this.count; index++) {
      if (this.#names[index] === name) {
        this.#length -= this.#values[index]!.length;
        continue;
      }
      this.#names[left] = this.#names[index]!;
      this.#values[left++] = this.#values[index]!;
    }
    this.count = left;
  }

  /** What is known of how they were written is so no more. */
  #forget(): void {
    this.#writtenCount = -1;
    this.#block = null;
  }

  /** What {@link writeTo} takes, bytes. */
  get size(): number {
    if (this.#block !== null && this.#blockCount === this.count) return this.#block.length;
    let size = this.#length + 4 * this.count;
    for (let index = 0; index < this.count; index++) size += this.#names[index]!.length;
    return size;
  }

  /**
   * Writes them as HTTP/1 does.
   *
   * @returns Where the next byte goes.
   * @throws {RangeError} when they do not fit.
   */
  writeTo(out: Uint8Array, to: number): number {
    if (this.count === 0) return to;
    const end = to + this.size;
    if (end > out.length) throw new RangeError(`a head grew past ${out.length} bytes by what filters added`);
    if (this.#block !== null && this.#blockCount === this.count) out.set(this.#block, to);
    else this.#writeLines(out, to, end);
    return end;
  }

  #writeLines(out: Uint8Array, to: number, end: number): void {
    let at = to;
    for (let index = 0; index < this.count; index++) {
      const line = lineOf(this.#names[index]!, this.#values[index]!);
      if (line.length > shortLine) out.set(line, at);
      else for (let byte = 0; byte < line.length; byte++) out[at + byte] = line[byte]!;
      at += line.length;
    }
    if (this.#writtenCount === this.count && end - to <= longestBlock) {
      this.#block = new Uint8Array(out.subarray(to, end));
      this.#blockCount = this.count;
    }
    this.#writtenCount = this.count;
  }
}

interface Line {
  readonly name: string;
  readonly value: string;
  readonly bytes: Buffer;
}

/** By what a line has of its name and value; a place has the one that was last asked for there. */
const kept: (Line | undefined)[] = new Array<Line | undefined>(lines).fill(undefined);

/** `name: value` with its line's end. Texts are of Latin-1. */
function lineOf(name: string, value: string): Buffer {
  const last = value.length - 1;
  const place = (name.length * 37 + value.length * 11 + (last < 0 ? 0 : value.charCodeAt(last) * 3 + value.charCodeAt(last >> 1))) % lines;
  const known = kept[place];
  if (known !== undefined && known.name === name && known.value === value) return known.bytes;
  const bytes = Buffer.from(`${name}: ${value}\r\n`, "latin1");
  if (bytes.length <= longestLine) kept[place] = { name, value, bytes };
  return bytes;
}
