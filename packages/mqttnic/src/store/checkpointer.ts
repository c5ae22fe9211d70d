/** Moves what the write-ahead log holds into the database file, so that the log stays small and no turn waits long for it. @module */
import { closeSync, fdatasync, openSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Pages of the log at which a checkpoint is due: 4 MiB. */
const duePages = 1024;
/** Pages of the log at which it does not wait any more: 16 MiB. */
const mostPages = 4096;
/** Rows written before the log's size is looked at again, and what a transaction costs in rows. Looking takes some 30 µs. */
const rowsBetweenLooks = 1024;
const rowsOfTransaction = 8;

/**
 * A checkpoint first makes the log durable, which is what takes long: some 10 ms for 16 MiB. So the log is synced ahead, by a thread of Node's pool, and the
 * checkpoint that follows finds little left to wait for. SQLite's own checkpoints are off.
 */
export class Checkpointer {
  readonly #noop: StatementSync;
  readonly #passive: StatementSync;
  readonly #walPath: string;
  #wal = -1;
  #rows = 0;
  #syncing = false;
  #closed = false;

  constructor(database: DatabaseSync, walPath: string) {
    this.#noop = database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#passive = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#walPath = walPath;
  }

  /** After a transaction of so many rows. */
  written(rows: number): void {
    this.#rows += rows + rowsOfTransaction;
    if (this.#rows >= rowsBetweenLooks) this.look(duePages);
  }

  /** Begins a checkpoint when there are so many pages to move. */
  look(fromPages: number): void {
    this.#rows = 0;
    const { log, checkpointed } = this.#noop.get() as { log: number; checkpointed: number };
    const pages = log - checkpointed;
    // Nobody else can hold the log up, so a passive checkpoint is a whole one.
    if (pages >= mostPages) this.#passive.get();
    else if (pages >= fromPages && !this.#syncing) this.#syncAhead();
  }

  close(): void {
    this.#closed = true;
    if (!this.#syncing) this.#closeFile();
  }

  /** Of the log only: closing a second descriptor of the database file itself would drop SQLite's locks on it. */
  #syncAhead(): void {
    if (this.#wal < 0) this.#wal = openSync(this.#walPath, "r+");
    this.#syncing = true;
    fdatasync(this.#wal, () => {
      // An error is the checkpoint's to find: it syncs again.
      this.#syncing = false;
      if (this.#closed) return this.#closeFile();
      try {
        this.#passive.get();
      } catch {
        // A full disk, say. The log goes on growing, and the turn whose commit fails will tell.
      }
    });
  }

  #closeFile(): void {
    if (this.#wal >= 0) closeSync(this.#wal);
    this.#wal = -1;
  }
}
