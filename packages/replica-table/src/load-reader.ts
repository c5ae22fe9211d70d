/** What another process has sent to each replica. @module */
import { clockMs } from "./clock.ts";
import { type LoadCounts, loadColumns } from "./load-writer.ts";
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

  private constructor(path: string) {
    this.#table = new TableReader(path, tableKind.loads, loadColumns.length);
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

  /** Reads a row's figures. @returns False, with zeros, when there is no such row. */
  counts(row: number, into: LoadCounts): boolean {
    const [inFlight, begun, ended, failed, refused, latencyMs, busyMs, busySinceMs, connections, here] = this.#table.columns;
    const known = row >= 0 && row < inFlight!.length;
    // Answers before their times, as they are written the other way round.
    into.ended = known ? ended![row]! : 0;
    into.inFlight = known ? inFlight![row]! : 0;
    into.begun = known ? begun![row]! : 0;
    into.failed = known ? failed![row]! : 0;
    into.refused = known ? refused![row]! : 0;
    into.latencyMs = known ? latencyMs![row]! : 0;
    into.busySinceMs = known ? busySinceMs![row]! : 0;
    into.busyMs = known ? busyMs![row]! : 0;
    into.connections = known ? connections![row]! : 0;
    into.here = known && here![row]! === 1;
    return known;
  }

  close(): void {
    this.#table.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
