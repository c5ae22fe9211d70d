/** What both writers share: a table of their own, with rows that are taken and given back. @module */
import { rmSync } from "node:fs";
import { MappedMemory } from "@mitsu/ebpf-ts";
import { clockMs } from "./clock.ts";
import { createFile, type FileName, names } from "./table-file.ts";
import { keyBytes, plainKey, usedAt, writeKey } from "./table-key.ts";
import { columnsOf, headerBytes, layoutVersion, magic, mostRows, tableBytes, time, word } from "./table-layout.ts";

/** A table that this process writes. */
export class TableWriter {
  readonly columns: readonly Float64Array<ArrayBuffer>[];
  readonly #path: string;
  readonly #file: FileName;
  readonly #memory: MappedMemory;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #times: Float64Array<ArrayBuffer>;
  readonly #capacity: number;
  readonly #fresh: readonly number[];
  readonly #rows: Map<string, number> = new Map();
  readonly #keys: string[] = [];
  readonly #free: number[] = [];

  /**
   * @param fresh What each column has in a new row.
   * @throws {RangeError} For a capacity that is no whole number of 1 to 65 536.
   * @throws {Error} When the file cannot be written or mapped.
   */
  constructor(path: string, kind: number, fresh: readonly number[], capacity: number) {
    const columns = fresh.length;
    if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= mostRows)) {
      throw new RangeError(`a table has 1 to ${mostRows} rows, not ${capacity}`);
    }
    const bytes = tableBytes(capacity, columns);
    let memory: MappedMemory | undefined;
    try {
      this.#file = createFile(path, bytes, (fd) => {
        memory = new MappedMemory(fd, 0, bytes, { writable: true, what: path });
        const words = new Int32Array(memory.bytes.buffer, 0, headerBytes / 4);
        words[word.magic] = magic;
        words[word.layout] = layoutVersion;
        words[word.kind] = kind;
        words[word.columns] = columns;
        words[word.capacity] = capacity;
        words[word.pid] = process.pid;
        const times = new Float64Array(memory.bytes.buffer, 0, headerBytes / 8);
        times[time.startedAt] = times[time.beat] = clockMs();
      });
    } catch (error) {
      memory?.close();
      throw error;
    }
    this.#path = path;
    this.#capacity = capacity;
    this.#fresh = fresh;
    this.#memory = memory!;
    this.#words = new Int32Array(memory!.bytes.buffer, 0, headerBytes / 4);
    this.#times = new Float64Array(memory!.bytes.buffer, 0, headerBytes / 8);
    this.columns = columnsOf(memory!.bytes, capacity, columns);
  }

  /**
   * Takes a fresh row for a key, or finds the one it has.
   *
   * @returns The row; −1 when the table is full.
   * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
   */
  take(key: string): number {
    const plain = plainKey(key);
    const known = this.#rows.get(plain);
    if (known !== undefined) return known;
    if (this.#memory.bytes.length === 0) return -1; // closed
    const row = this.#free.pop() ?? this.#keys.length;
    if (row >= this.#capacity) return -1;
    this.#refresh(row);
    const at = headerBytes + row * keyBytes;
    writeKey(plain, this.#memory.bytes, at);
    this.#memory.bytes[at + usedAt] = 1;
    this.#keys[row] = plain;
    this.#rows.set(plain, row);
    this.#words[word.rows] = this.#keys.length;
    Atomics.add(this.#words, word.generation, 1);
    return row;
  }

  /** Row of a key; −1 when it has none. */
  rowOf(key: string): number {
    return this.#rows.get(plainKey(key)) ?? -1;
  }

  /** Gives a row back that {@link take} gave. */
  free(row: number): void {
    const key = this.#keys[row];
    if (key === undefined || this.#rows.get(key) !== row) return;
    this.#rows.delete(key);
    this.#free.push(row);
    this.#memory.bytes[headerBytes + row * keyBytes + usedAt] = 0;
    // Before its figures go: whoever reads those sees that the row is another one's.
    Atomics.add(this.#words, word.generation, 1);
    this.#refresh(row);
  }

  #refresh(row: number): void {
    for (const [index, column] of this.columns.entries()) column[row] = this.#fresh[index]!;
  }

  /** Says that figures changed, and how many programs send. */
  commit(clients: number): void {
    this.#words[word.clients] = clients;
    Atomics.add(this.#words, word.version, 1);
  }

  /** Says that this process lives. */
  beat(nowMs: number): void {
    this.#times[time.beat] = nowMs;
  }

  /** Unlinks the file, when the path still names it, and says to those that read it that nobody writes any more. */
  close(): void {
    if (this.#memory.bytes.length === 0) return;
    this.#times[time.beat] = Number.NaN;
    if (names(this.#path, this.#file)) rmSync(this.#path, { force: true });
    this.#memory.close();
  }
}
