/** What a process has sent to each replica, written as it happens. @module */

import { loadColumns, namedColumns } from "./load-columns.ts";
import { tableKind } from "./table-layout.ts";
import { TableWriter } from "./table-writer.ts";

/** Figures of one replica; all but `inFlight`, `busySinceMs`, `connections` and `here` only grow while the row is in use. */
export interface LoadCounts {
  /** Requests without an answer. */
  inFlight: number;
  begun: number;
  /** Answers, good or bad. */
  ended: number;
  /** Of these, bad ones. */
  failed: number;
  /** Connects that nobody took. */
  refused: number;
  /** Sum over those that ended. */
  latencyMs: number;
  /** Time with something in flight, what is now in flight not counted. */
  busyMs: number;
  /** Since when something is in flight, by `clockMs`; 0 while nothing is. */
  busySinceMs: number;
  /** Connections that are open there. */
  connections: number;
  /** On this node. */
  here: boolean;
}

/** Counts of a replica that nothing was ever sent to, to read others into. */
export function noCounts(): LoadCounts {
  return {
    inFlight: 0,
    begun: 0,
    ended: 0,
    failed: 0,
    refused: 0,
    latencyMs: 0,
    busyMs: 0,
    busySinceMs: 0,
    connections: 0,
    here: false,
  };
}

/**
 * Counts requests by replica, a few nanoseconds each.
 *
 * @example
 * ```ts
 * using loads = LoadWriter.create("/run/mitsu/nicd.sock.load");
 * const row = loads.row("10.0.0.7:8080");
 * const startMs = clockMs();
 * loads.begin(row, startMs);
 * const endMs = clockMs();
 * loads.end(row, endMs, endMs - startMs, "ok");
 * ```
 */
export class LoadWriter {
  readonly #table: TableWriter;
  /** How often a row was asked for; a row whose last use is over stays until its last request is. */
  readonly #uses: Int32Array;
  readonly #inFlight: Float64Array<ArrayBuffer>;
  readonly #begun: Float64Array<ArrayBuffer>;
  readonly #ended: Float64Array<ArrayBuffer>;
  readonly #failed: Float64Array<ArrayBuffer>;
  readonly #refused: Float64Array<ArrayBuffer>;
  readonly #latencyMs: Float64Array<ArrayBuffer>;
  readonly #busyMs: Float64Array<ArrayBuffer>;
  readonly #busySinceMs: Float64Array<ArrayBuffer>;
  readonly #connections: Float64Array<ArrayBuffer>;
  readonly #here: Float64Array<ArrayBuffer>;

  private constructor(path: string, capacity: number) {
    this.#table = new TableWriter(
      path,
      tableKind.loads,
      loadColumns.map(() => 0),
      capacity,
    );
    this.#uses = new Int32Array(capacity);
    const columns = namedColumns(this.#table.columns);
    this.#inFlight = columns.inFlight;
    this.#begun = columns.begun;
    this.#ended = columns.ended;
    this.#failed = columns.failed;
    this.#refused = columns.refused;
    this.#latencyMs = columns.latencyMs;
    this.#busyMs = columns.busyMs;
    this.#busySinceMs = columns.busySinceMs;
    this.#connections = columns.connections;
    this.#here = columns.here;
  }

  /**
   * Writes an empty table, in place of what the path names.
   *
   * @param options.capacity Rows, 4096 unless told, at most 65 536; 104 bytes each.
   * @throws {Error} When the file cannot be written or mapped.
   */
  static create(path: string, options: { readonly capacity?: number } = {}): LoadWriter {
    return new LoadWriter(path, options.capacity ?? 4096);
  }

  /**
   * Takes or finds the row of `address:port`; give each back by {@link release}.
   *
   * @returns The row; −1 when the table is full, and then nothing is counted.
   * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
   */
  row(key: string): number {
    const row = this.#table.take(key);
    if (row >= 0) this.#uses[row]!++;
    return row;
  }

  /** A use is over; after the last one, and the last request, the row is another replica's to take. */
  release(row: number): void {
    if (!(this.#uses[row]! > 0)) return;
    this.#uses[row]!--;
    if (this.#uses[row] === 0 && this.#inFlight[row] === 0) this.#table.free(row);
  }

  /** A request is sent there. */
  begin(row: number, nowMs: number): void {
    if (row < 0) return;
    if (this.#inFlight[row]!++ === 0) this.#busySinceMs[row] = nowMs;
    this.#begun[row]!++;
  }

  /**
   * A request is over.
   *
   * @param outcome `failed` for a bad answer or none, `refused` when nobody took the connect, `cancelled` when nobody waits for the answer any more.
   */
  end(row: number, nowMs: number, latencyMs: number, outcome: "ok" | "failed" | "refused" | "cancelled"): void {
    if (!(this.#inFlight[row]! > 0)) return; // no row, or none that was begun
    if (outcome === "ok" || outcome === "failed") {
      // The sum before the count: whoever sees the answer sees its time.
      this.#latencyMs[row]! += latencyMs;
      if (outcome === "failed") this.#failed[row]!++;
      this.#ended[row]!++;
    } else if (outcome === "refused") this.#refused[row]!++;
    if (--this.#inFlight[row]! > 0) return;
    const busyMs = nowMs - this.#busySinceMs[row]!;
    this.#busySinceMs[row] = 0;
    if (busyMs > 0) this.#busyMs[row]! += busyMs;
    if (this.#uses[row] === 0) this.#table.free(row);
  }

  /** Connections that are open there. */
  connections(row: number, count: number): void {
    if (row >= 0) this.#connections[row] = count;
  }

  /** Whether the replica is on this node. */
  here(row: number, here: boolean): void {
    if (row >= 0) this.#here[row] = here ? 1 : 0;
  }

  /** Says that this process lives; at least every 100 ms, by `clockMs`. */
  beat(nowMs: number): void {
    this.#table.beat(nowMs);
  }

  /** Unlinks the file; afterwards nothing is counted. */
  close(): void {
    this.#table.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
