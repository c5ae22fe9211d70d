/** The SQLite file of the store: how it is made, recognised, locked and refused. @module */
import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { refusedStore, storeError } from "./store-error.ts";

/** "MQTn", by which SQLite files of mqttnic are known. [https://sqlite.org/fileformat2.html#application_id] */
const applicationId = 0x4d_51_54_6e;
/** Of the tables below. An older file is migrated when it is opened, a newer one refused. */
const schemaVersion = 1;

/**
 * Deliveries and received packet ids have row numbers that count up, and no index: what one turn writes then lies together, whatever sessions it is for, and a
 * turn touches few pages. Which row a delivery is in, the store knows (ADR 16). `message` is 0 when only the packet id is still needed.
 */
const schema = `
  CREATE TABLE session (number INTEGER PRIMARY KEY, client_id TEXT NOT NULL, body BLOB NOT NULL);
  CREATE TABLE subscription (
    session INTEGER NOT NULL, filter TEXT NOT NULL, options INTEGER NOT NULL, identifier INTEGER NOT NULL, PRIMARY KEY (session, filter)
  ) WITHOUT ROWID;
  CREATE TABLE message (number INTEGER PRIMARY KEY, topic TEXT NOT NULL, body BLOB NOT NULL);
  CREATE TABLE delivery (
    number INTEGER PRIMARY KEY, session INTEGER NOT NULL, sequence INTEGER NOT NULL, message INTEGER NOT NULL, flags INTEGER NOT NULL,
    packet_id INTEGER NOT NULL, identifiers BLOB
  );
  CREATE TABLE received (number INTEGER PRIMARY KEY, session INTEGER NOT NULL, packet_id INTEGER NOT NULL);
  CREATE TABLE retained (topic TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
`;

/**
 * Opens the file, or makes it, and holds its lock until it is closed. Nothing is written before the file is known to be ours.
 *
 * @param sync Whether each transaction waits for the disk; else only what checkpoints do, so that a power failure may lose the last turns but never the file.
 * @throws {MitsuError} `ERR_STORE` when it is in use, foreign, damaged, read-only or of a newer mqttnic.
 */
export function openDatabase(path: string, sync: boolean): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    createFile(path);
    database = new DatabaseSync(path);
    // Before the first page: later it would take a VACUUM of the whole file. And never in a file that may be another's.
    if (statSync(path).size === 0) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    // The lock is taken with the first transaction and kept. Without other processes there is no shared memory file either.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    checkOwner(path, database);
    // The cache is in KiB, and filled only as needed; checkpointer.ts makes the checkpoints, after which the log's file shrinks to 16 MiB.
    database.exec(`
      PRAGMA synchronous = ${sync ? "FULL" : "NORMAL"};
      PRAGMA cache_size = -16384;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = 16777216;
      PRAGMA cell_size_check = ON;
    `);
    return database;
  } catch (error) {
    database?.close();
    throw storeError(path, "open", error);
  }
}

/**
 * Makes the file when there is none. One that is there is not opened: closing it would drop the locks that this process may hold on it. [https://sqlite.org/howtocorrupt.html §2.2]
 *
 * @throws what the file system says, which is more than SQLite tells.
 */
function createFile(path: string): void {
  try {
    // Messages are nobody else's business; SQLite gives its WAL the same mode.
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (statSync(path).isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: "EISDIR" });
    accessSync(path, constants.R_OK | constants.W_OK);
  }
}

/** Makes an empty file ours, and refuses one that is not. */
function checkOwner(path: string, database: DatabaseSync): void {
  const owner = figure(database, "PRAGMA application_id");
  const version = figure(database, "PRAGMA user_version");
  const isEmpty = figure(database, "SELECT count(*) FROM sqlite_schema") === 0;
  if (isEmpty && owner === 0 && version === 0) {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`BEGIN; ${schema} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; COMMIT`);
    return;
  }
  if (owner !== applicationId) {
    throw refusedStore(path, "it is an SQLite file of another program", "nothing was changed: give another path");
  }
  if (version > schemaVersion) {
    throw refusedStore(
      path,
      `it is of version ${version}, and this mqttnic knows versions up to ${schemaVersion}`,
      "nothing was changed: run the newer mqttnic that wrote it, or give another path",
    );
  }
  if (version < 1)
    throw refusedStore(path, `it says it is of version ${version}`, "nothing was changed: it is damaged; put a backup in its place");
}

/** The one number that a statement yields. */
export function figure(database: DatabaseSync, sql: string): number {
  const row = database.prepare(sql).get();
  return Number(Object.values(row ?? {})[0] ?? 0);
}
