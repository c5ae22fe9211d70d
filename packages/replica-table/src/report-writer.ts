/** What replicad knows of every replica of the mesh, for those on this node that choose. @module */
import { tableKind } from "./table-layout.ts";
import { TableWriter } from "./table-writer.ts";

/** What is known of one replica. */
export interface ReportRow {
  /** When it was so, milliseconds by `clockMs`; 0 when nothing was ever heard. */
  atMs: number;
  inFlight: number;
  /** Of a request that does not wait; 0 when not known. */
  serviceMs: number;
  /** Near the present number in flight; 0 when not known. */
  latencyMs: number;
  /** Share of requests that failed, 0 to 1. */
  failures: number;
  /** Requests it works on at once; 0 when not known. */
  workers: number;
  /** Relative share by hand; NaN for what the mesh file says. */
  weight: number;
  /** 1 draining, 2 ejected, 4 down. */
  flags: number;
}

/** Columns in their order. */
export const reportColumns = ["atMs", "inFlight", "serviceMs", "latencyMs", "failures", "workers", "weight", "flags"] as const;

/**
 * Tells reports.
 *
 * @example
 * ```ts
 * using reports = ReportWriter.create("/run/mitsu/replicad.sock.reports");
 * const row = reports.row("10.0.0.7:8080");
 * reports.write(row, { atMs: nowMs, inFlight: 3, serviceMs: 2, latencyMs: 9, failures: 0, workers: 0, weight: Number.NaN, flags: 0 });
 * reports.commit(nowMs, 4);
 * ```
 */
export class ReportWriter {
  readonly #table: TableWriter;

  private constructor(path: string, capacity: number) {
    this.#table = new TableWriter(
      path,
      tableKind.reports,
      reportColumns.map((name) => (name === "weight" ? Number.NaN : 0)),
      capacity,
    );
  }

  /**
   * Writes an empty table, in place of what the path names.
   *
   * @param options.capacity Rows, 16 384 unless told, at most 65 536; 88 bytes each.
   * @throws {Error} When the file cannot be written or mapped.
   */
  static create(path: string, options: { readonly capacity?: number } = {}): ReportWriter {
    return new ReportWriter(path, options.capacity ?? 16_384);
  }

  /**
   * Takes or finds the row of `address:port`, of which nothing is known yet.
   *
   * @returns The row; −1 when the table is full.
   * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
   */
  row(key: string): number {
    return this.#table.take(key);
  }

  /** The replica is no more; its row is another one's to take. */
  remove(key: string): void {
    this.#table.free(this.#table.rowOf(key));
  }

  /** Writes a row, for {@link commit} to tell; row −1 is ignored. */
  write(row: number, report: Readonly<ReportRow>): void {
    const { columns } = this.#table;
    if (!(row >= 0 && row < columns[0]!.length)) return;
    columns[1]![row] = report.inFlight;
    columns[2]![row] = report.serviceMs;
    columns[3]![row] = report.latencyMs;
    columns[4]![row] = report.failures;
    columns[5]![row] = report.workers;
    columns[6]![row] = report.weight;
    columns[7]![row] = report.flags;
    // The last: a report is not newer than its figures.
    columns[0]![row] = report.atMs;
  }

  /**
   * Says once for all rows that were written that they were, and that this process lives; at least every 100 ms.
   *
   * @param clients Programs that send to these replicas, as far as is known.
   */
  commit(nowMs: number, clients: number): void {
    this.#table.beat(nowMs);
    this.#table.commit(clients);
  }

  /** Unlinks the file; afterwards nothing is told. */
  close(): void {
    this.#table.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
