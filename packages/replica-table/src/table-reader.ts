/** What both readers share: a table of another process, of which nothing is believed that could lead outside of it. @module */
import { closeSync } from "node:fs";
import { MappedMemory } from "@mitsu/ebpf-ts";
import { type FileName, names, openFile, refusal } from "./table-file.ts";
import { keyBytes, portAt, readKey, usedAt } from "./table-key.ts";
import { columnsOf, deadAfterMs, headerBytes, layoutVersion, magic, mostRows, tableBytes, time, word } from "./table-layout.ts";

/** How often a path is looked at, milliseconds. */
const lookMs = 100;

/** A table that another process writes. */
export class TableReader {
  readonly columns: readonly Float64Array<ArrayBuffer>[];
  readonly #path: string;
  readonly #file: FileName;
  readonly #memory: MappedMemory;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #times: Float64Array<ArrayBuffer>;
  readonly #capacity: number;
  #lookedAtMs: number = Number.NEGATIVE_INFINITY;
  #replaced = false;

  /**
   * @throws {MitsuError} `ERR_TABLE` when it is no table of this kind and layout, or its file is too short for what it says to have.
   * @throws {Error} As node:fs does, ENOENT when there is none.
   */
  constructor(path: string, kind: number, columns: number) {
    const { fd, stats } = openFile(path);
    try {
      if (stats.size < headerBytes) throw refusal(path, `${stats.size} bytes are less than a header`);
      if (stats.size > tableBytes(mostRows, columns)) throw refusal(path, `${stats.size} bytes are more than a table has`);
      // The length is what is mapped, so that nothing that the header says can lead outside.
      this.#memory = new MappedMemory(fd, 0, stats.size, { writable: false, what: path });
    } finally {
      closeSync(fd);
    }
    try {
      this.#words = new Int32Array(this.#memory.bytes.buffer, 0, headerBytes / 4);
      this.#times = new Float64Array(this.#memory.bytes.buffer, 0, headerBytes / 8);
      if (this.#words[word.magic] !== magic) throw refusal(path, "it does not begin as one");
      if (this.#words[word.layout] !== layoutVersion) {
        throw refusal(path, `its layout is version ${this.#words[word.layout]! >>> 0}, ours is ${layoutVersion}`);
      }
      if (this.#words[word.kind] !== kind || this.#words[word.columns] !== columns) throw refusal(path, "it holds other figures");
      const capacity = this.#words[word.capacity]! >>> 0;
      if (capacity < 1 || capacity > mostRows || tableBytes(capacity, columns) > stats.size) {
        throw refusal(path, `${stats.size} bytes do not hold the ${capacity} rows that it says to have`);
      }
      this.#capacity = capacity;
      this.columns = columnsOf(this.#memory.bytes, capacity, columns);
    } catch (error) {
      this.#memory.close();
      throw error;
    }
    this.#path = path;
    this.#file = { dev: stats.dev, ino: stats.ino };
  }

  /** Rows that were ever in use, those that are not now included; none after `close`. */
  get rows(): number {
    // What the file says may be anything.
    return Math.min((this.#words[word.rows] ?? 0) >>> 0, this.#capacity);
  }

  /** Another number whenever a row got another key, or none. */
  get generation(): number {
    return this.#words.length === 0 ? -1 : Atomics.load(this.#words, word.generation) >>> 0;
  }

  /** Another number whenever figures were committed. */
  get version(): number {
    return this.#words.length === 0 ? -1 : Atomics.load(this.#words, word.version) >>> 0;
  }

  /** Programs that send, as far as the writer knows. */
  get clients(): number {
    return (this.#words[word.clients] ?? 0) >>> 0;
  }

  /** Process that wrote the table. */
  get pid(): number {
    return this.#words[word.pid] ?? 0;
  }

  /** `address:port` of a row; null when it is not in use. */
  key(row: number): string | null {
    if (!(row >= 0 && row < this.rows)) return null;
    const at = headerBytes + row * keyBytes;
    const { bytes } = this.#memory;
    // No writer has port 0.
    return bytes[at + usedAt] === 1 && (bytes[at + portAt] || bytes[at + portAt + 1]) ? readKey(bytes, at) : null;
  }

  /** Whether the writer was heard within the last second. */
  alive(nowMs: number): boolean {
    // One from the future is none of this machine's boot.
    return Math.abs(nowMs - (this.#times[time.beat] ?? Number.NaN)) < deadAfterMs;
  }

  /** Whether the path names another file by now, or none; looked at every 100 ms at most. */
  replaced(nowMs: number): boolean {
    if (this.#replaced || nowMs - this.#lookedAtMs < lookMs) return this.#replaced;
    this.#lookedAtMs = nowMs;
    this.#replaced = !names(this.#path, this.#file);
    return this.#replaced;
  }

  close(): void {
    this.#memory.close();
  }
}
