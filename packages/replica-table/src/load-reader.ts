/** What another process has sent to each replica. @module */
import { clockMs } from "./clock.ts";
import { type LoadColumns, loadColumns, namedColumns } from "./load-columns.ts";
import type { LoadCounts } from "./load-writer.ts";
import { tableKind } from "./table-layout.ts";
import { TableReader } from "./table-reader.ts";

/**
 * Reads what a {@link LoadWriter} writes, without system calls.
 *
 * @example
 * ```ts
 * using loads = LoadReader.open("/run/mitsu/nicd.sock.load");
 * for (let row = 0; row < loads.rows; row++) console.log(loads.key(row));
 * ```
 */
export class LoadReader {
  readonly #table: TableReader;
  readonly #columns: LoadColumns;

  private constructor(path: string) {
    this.#table = new TableReader(path, tableKind.loads, loadColumns.length);
    this.#columns = namedColumns(this.#table.columns);
  }

  /**
   * Maps a table.
   *
   * @throws {MitsuError} `ERR_TABLE` when it is none, or not one that is safe to read.
   * @throws {Error} As node:fs does: ENOENT when there is none.
   */
  static open(path: string): LoadReader {
    return new LoadReader(path);
  }

  /** Rows that were ever in use, those that are not now included. */
  get rows(): number {
    return this.#table.rows;
  }

  /** Another number whenever a row got another key, or none: what was kept by row is to be looked at anew. */
  get generation(): number {
    return this.#table.generation;
  }

  /** Process that writes it. */
  get pid(): number {
    return this.#table.pid;
  }

  /** `address:port` of a row; null when it is not in use. */
  key(row: number): string | null {
    return this.#table.key(row);
  }

  /** Whether the writer was heard within the last second of `clockMs`. */
  alive(nowMs: number): boolean {
    return this.#table.alive(nowMs);
  }

  /** Whether the path names another file by now, or none; looked at every 100 ms at most. */
  replaced(nowMs: number = clockMs()): boolean {
    return this.#table.replaced(nowMs);
  }

  /** A number that is another one after anything was begun or ended in the row: a quarter of the work of {@link counts}. */
  moves(row: number): number {
    const columns = this.#columns;
    return 2 * columns.begun[row]! - columns.inFlight[row]! + columns.ended[row]! + columns.refused[row]!;
  }

  /** Reads a row's figures. @returns False, with zeros, when there is no such row. */
  counts(row: number, into: LoadCounts): boolean {
    const columns = this.#columns;
    const known = row >= 0 && row < columns.inFlight.length;
    // Answers before their times, as they are written the other way round.
    into.ended = known ? columns.ended[row]! : 0;
    into.inFlight = known ? columns.inFlight[row]! : 0;
    into.begun = known ? columns.begun[row]! : 0;
    into.failed = known ? columns.failed[row]! : 0;
    into.refused = known ? columns.refused[row]! : 0;
    into.latencyMs = known ? columns.latencyMs[row]! : 0;
    into.busySinceMs = known ? columns.busySinceMs[row]! : 0;
    into.busyMs = known ? columns.busyMs[row]! : 0;
    into.connections = known ? columns.connections[row]! : 0;
    into.here = known && columns.here[row]! === 1;
    return known;
  }

  /** Of {@link counts}, what no request has to do with. */
  connections(row: number): number {
    return this.#columns.connections[row] ?? 0;
  }

  /** Of {@link counts}, whether the replica is on this node. */
  here(row: number): boolean {
    return this.#columns.here[row] === 1;
  }

  close(): void {
    this.#table.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
