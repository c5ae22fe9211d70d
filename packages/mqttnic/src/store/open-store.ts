/** Opens the store of `--persistence <path>`. @module */
import { openDatabase } from "./database.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";
import { storeError } from "./store-error.ts";

/** How the store is opened. */
export interface OpenStoreOptions {
  /** Whether each commit waits for the disk. */
  readonly sync: boolean;
  /** The clock, milliseconds since 1970; `Date.now` unless told. */
  readonly now?: () => number;
}

/**
 * Opens the store at `path`, and makes the file when there is none. Nobody else can open it until it is closed.
 *
 * @throws {MitsuError} `ERR_STORE` when the file is in use, foreign, damaged, read-only or of a newer mqttnic. Nothing is overwritten then.
 * @example
 * ```ts
 * const store = openStore("/var/lib/mqttnic/mqttnic.db", { sync: false });
 * for (const restored of store.sessions()) console.log(restored.session.clientId);
 * store.close();
 * ```
 */
export function openStore(path: string, options: OpenStoreOptions): Store {
  const database = openDatabase(path, options.sync);
  try {
    return new SqliteStore(path, database, options.now ?? Date.now);
  } catch (error) {
    database.close();
    throw storeError(path, "open", error);
  }
}
