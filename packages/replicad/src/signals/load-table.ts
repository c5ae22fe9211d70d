/** One of nicd's tables of loads, and what was last seen in each of its rows. @module */
import { type LoadCounts, LoadReader, noCounts } from "@mitsu/replica-table";
import type { ReplicaMemory } from "./replica-memory.ts";

/** A row in use, as the last sample saw it. */
export interface SeenRow {
  readonly row: number;
  readonly key: string;
  readonly last: LoadCounts;
  /** Of `LoadReader`; NaN before the first sample. */
  moves: number;
  /** Time with something in flight, that of now included. */
  busyMs: number;
  /** The replica is on this node. */
  here: boolean;
  /** Null until it was sampled. */
  memory: ReplicaMemory | null;
}

/** A table that stays mapped until it is closed, also when its writer is gone. */
export class LoadTable {
  rows: readonly SeenRow[] = [];
  readonly #reader: LoadReader;
  /** Counts that were there before anybody looked are of a time that is not known. */
  readonly #fromNow: boolean;
  readonly #into: LoadCounts = noCounts();
  #generation = -1;

  /**
   * @param fromNow Whether what is counted already is left out, as for a table that is older than its reader.
   * @throws {MitsuError} `ERR_TABLE`.
   * @throws {Error} As node:fs does: ENOENT when there is none.
   */
  constructor(path: string, fromNow: boolean) {
    this.#reader = LoadReader.open(path);
    this.#fromNow = fromNow;
  }

  alive(clockMs: number): boolean {
    return this.#reader.alive(clockMs);
  }

  replaced(clockMs: number): boolean {
    return this.#reader.replaced(clockMs);
  }

  /** Looks which rows are in use, if that changed. */
  follow(here: (key: string) => boolean): void {
    const { generation } = this.#reader;
    if (generation === this.#generation) return;
    const first = this.#generation === -1;
    this.#generation = generation;
    const before = new Map(this.rows.map((seen) => [seen.row, seen]));
    const rows: SeenRow[] = [];
    for (let row = 0; row < this.#reader.rows; row++) {
      const key = this.#reader.key(row);
      if (key === null) continue;
      const known = before.get(row);
      if (known?.key === key) {
        rows.push(known);
        continue;
      }
      const seen = { row, key, last: noCounts(), moves: Number.NaN, busyMs: 0, here: false, memory: null };
      if (first && this.#fromNow) this.#skip(seen);
      rows.push(seen);
    }
    this.rows = rows;
    this.look(here);
  }

  /** Looks which replicas are on this node. */
  look(here: (key: string) => boolean): void {
    for (const seen of this.rows) {
      const before = seen.here;
      seen.here = this.#reader.here(seen.row) || here(seen.key);
      // What was sent while it was no matter of ours.
      if (before && !seen.here) seen.moves = Number.POSITIVE_INFINITY;
      else if (!before && seen.here && seen.moves === Number.POSITIVE_INFINITY) this.#skip(seen);
    }
  }

  /** Whether anything was begun or ended in a row since the last call. */
  moved(seen: SeenRow): boolean {
    const moves = this.#reader.moves(seen.row);
    if (moves === seen.moves) return false;
    seen.moves = moves;
    return true;
  }

  connections(seen: SeenRow): number {
    return this.#reader.connections(seen.row);
  }

  /**
   * Reads a row into an object that the next call overwrites.
   *
   * @returns Null when rows changed hands just now, and the figures may be another replica's; and for what no counts are.
   */
  counts(seen: SeenRow): LoadCounts | null {
    const into = this.#into;
    this.#reader.counts(seen.row, into);
    const { inFlight, connections, begun, ended, failed, refused, latencyMs, busyMs, busySinceMs } = into;
    const sum = inFlight + connections + begun + ended + failed + refused + latencyMs + busyMs + busySinceMs;
    if (inFlight >= 0 && connections >= 0 && sum < Number.POSITIVE_INFINITY && this.#reader.generation === this.#generation) return into;
    seen.moves = Number.NaN;
    return null;
  }

  /** Leaves out what was counted so far. */
  #skip(seen: SeenRow): void {
    this.#reader.counts(seen.row, seen.last);
    seen.busyMs = seen.last.busyMs;
    seen.moves = Number.NaN;
  }

  close(): void {
    this.#reader.close();
  }
}
