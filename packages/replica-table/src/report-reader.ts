/** What replicad told of every replica of the mesh. @module */
import { clockMs } from "./clock.ts";
import { type ReportRow, reportColumns } from "./report-writer.ts";
import { plainKey } from "./table-key.ts";
import { tableKind } from "./table-layout.ts";
import { TableReader } from "./table-reader.ts";

/**
 * Reads what a {@link ReportWriter} writes, without system calls.
 *
 * @example
 * ```ts
 * using reports = ReportReader.open("/run/mitsu/replicad.sock.reports");
 * const row = reports.rowOf("10.0.0.7:8080");
 * if (reports.alive(clockMs()) && reports.read(row, into)) console.log(into.inFlight);
 * ```
 */
export class ReportReader {
  readonly #table: TableReader;
  #index: Map<string, number> = new Map();
  #indexOf = -1;

  private constructor(path: string) {
    this.#table = new TableReader(path, tableKind.reports, reportColumns.length);
  }

  /**
   * Maps a table.
   *
   * @throws {MitsuError} `ERR_TABLE` when it is none, or not one that is safe to read.
   * @throws {Error} As node:fs does: ENOENT when there is none.
   */
  static open(path: string): ReportReader {
    return new ReportReader(path);
  }

  /** Another number whenever figures changed. */
  get version(): number {
    return this.#table.version;
  }

  /** Another number whenever a row got another key, or none: rows are to be asked for anew. */
  get generation(): number {
    return this.#table.generation;
  }

  /** Programs that send to these replicas, as far as is known. */
  get clients(): number {
    return this.#table.clients;
  }

  /** Process that writes it. */
  get pid(): number {
    return this.#table.pid;
  }

  /**
   * Row of `address:port`, good while the generation is the same.
   *
   * @returns −1 when there is none.
   * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
   */
  rowOf(key: string): number {
    const { generation } = this.#table;
    if (generation !== this.#indexOf) {
      this.#index = new Map();
      for (let row = 0; row < this.#table.rows; row++) {
        const text = this.#table.key(row);
        if (text !== null) this.#index.set(text, row);
      }
      this.#indexOf = generation;
    }
    return this.#index.get(key) ?? this.#index.get(plainKey(key)) ?? -1;
  }

  /** Reads a row. @returns False, with nothing read, when there is no such row. */
  read(row: number, into: ReportRow): boolean {
    const { columns } = this.#table;
    if (!(row >= 0 && row < columns[0]!.length)) return false;
    into.atMs = columns[0]![row]!;
    into.inFlight = columns[1]![row]!;
    into.serviceMs = columns[2]![row]!;
    into.latencyMs = columns[3]![row]!;
    into.failures = columns[4]![row]!;
    into.workers = columns[5]![row]!;
    into.weight = columns[6]![row]!;
    into.flags = columns[7]![row]!;
    return true;
  }

  /** Whether replicad was heard within the last second of `clockMs`. */
  alive(nowMs: number): boolean {
    return this.#table.alive(nowMs);
  }

  /** Whether the path names another file by now, or none; looked at every 100 ms at most. */
  replaced(nowMs: number = clockMs()): boolean {
    return this.#table.replaced(nowMs);
  }

  close(): void {
    this.#table.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
