/** What replicad tells of replicas, as long as it does. @module */
import type { ReportReader, ReportRow } from "@mitsu/replica-table";

/** `fresh`: it is written; `stale`: it was, and for a second was not; `none`: there is none, or replicad has taken it away. */
export type ReportState = "fresh" | "stale" | "none";

/** Where the table comes from. */
export interface ReplicaReportsOptions {
  /** Of the table: replicad's control socket with `.reports` behind it. */
  readonly path: string;
  /** As `ReportReader.open`. */
  readonly open: (path: string) => ReportReader;
  /** Hears why a table that is there cannot be read, once for each reason. */
  readonly onRefused: (why: string) => void;
}

/**
 * One for each worker: follows the table over replicad's restarts. Call {@link ReplicaReports.look} once a second; everything else costs no system call.
 *
 * @example
 * ```ts
 * const reports = new ReplicaReports({ path: "/run/mitsu/replicad.sock.reports", open: ReportReader.open, onRefused: log.warn });
 * reports.look(nowMs);
 * if (reports.fresh(nowMs) && reports.read(reports.rowOf("10.0.0.7:8080"), into)) use(into.inFlight);
 * ```
 */
export class ReplicaReports {
  readonly #options: ReplicaReportsOptions;
  #reader: ReportReader | null = null;
  #refused = "";
  /** Counts the tables that were opened: rows of one are not those of the next. */
  table = 0;

  constructor(options: ReplicaReportsOptions) {
    this.#options = options;
  }

  /** Opens the table when there is one, or another than before. */
  look(nowMs: number): void {
    const { path, open, onRefused } = this.#options;
    if (this.#reader !== null && !this.#reader.replaced(nowMs)) return;
    try {
      const next = open(path);
      this.#reader?.close();
      this.#reader = next;
      this.table++;
      this.#refused = "";
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // replicad has ended, and taken its table away; one that died leaves it, and that it is stale.
      if (code === "ENOENT") this.close();
      if (code === "ENOENT" || message === this.#refused) return;
      this.#refused = message;
      onRefused(message);
    }
  }

  /** Whether what it says is to be believed. */
  fresh(nowMs: number): boolean {
    return this.#reader?.alive(nowMs) === true;
  }

  state(nowMs: number): ReportState {
    if (this.#reader === null) return "none";
    return this.#reader.alive(nowMs) ? "fresh" : "stale";
  }

  /** Another number whenever figures changed. */
  get version(): number {
    return this.#reader?.version ?? -1;
  }

  /** Another number whenever rows are to be asked for anew, within one table. */
  get generation(): number {
    return this.#reader?.generation ?? -1;
  }

  /** Programs that send requests, as far as replicad knows; 1 or more. */
  get clients(): number {
    return Math.max(1, this.#reader?.clients ?? 1);
  }

  /** −1 for none. */
  rowOf(key: string): number {
    return this.#reader?.rowOf(key) ?? -1;
  }

  /** False, with nothing read, when there is no such row. */
  read(row: number, into: ReportRow): boolean {
    return this.#reader?.read(row, into) === true;
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}
