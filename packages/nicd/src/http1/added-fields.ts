/** Fields that were added to a head. @module */

/** Lines that are kept, as filters add the same ones to every message, and their longest. */
const lines = 128;
const longestLine = 128;
/** Below it, a loop is quicker than a call of the runtime. */
const shortLine = 48;
/** Of one message; more is not kept for the next one. */
const keptFields = 16;
const keptLength = 1024;

/**
 * Names and values in order. One serves a connection for all its messages: {@link clear} leaves the lists in place, since two new ones for each message
 * would each be a young object in an old one.
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
    this.#names[this.count] = name;
    this.#values[this.count++] = value;
    this.#length += value.length;
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

  /**
   * Writes them as HTTP/1 does.
   *
   * @returns Where the next byte goes.
   * @throws {RangeError} when they do not fit.
   */
  writeTo(out: Buffer, to: number): number {
    let at = to;
    for (let index = 0; index < this.count; index++) {
      const name = this.#names[index]!;
      const value = this.#values[index]!;
      if (at + name.length + value.length + 4 > out.length)
        throw new RangeError(`a head grew past ${out.length} bytes by what filters added`);
      const line = lineOf(name, value);
      if (line.length > shortLine) out.set(line, at);
      else for (let byte = 0; byte < line.length; byte++) out[at + byte] = line[byte]!;
      at += line.length;
    }
    return at;
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
