/** The statements on the store's tables, prepared once. @module */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepared statements; parameters in the order of the tables' columns, keys last in updates. */
export interface Tables {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly rollback: StatementSync;
  readonly putSession: StatementSync;
  readonly deleteSession: StatementSync;
  readonly putSubscription: StatementSync;
  readonly deleteSubscription: StatementSync;
  readonly deleteSubscriptions: StatementSync;
  readonly addMessage: StatementSync;
  readonly deleteMessage: StatementSync;
  readonly addDelivery: StatementSync;
  readonly updateDelivery: StatementSync;
  readonly deleteDelivery: StatementSync;
  readonly addReceived: StatementSync;
  readonly deleteReceived: StatementSync;
  readonly putRetained: StatementSync;
  readonly deleteRetained: StatementSync;
}

/** Prepares them. */
export function prepareTables(database: DatabaseSync): Tables {
  const prepare = (sql: string): StatementSync => database.prepare(sql);
  return {
    begin: prepare("BEGIN"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),
    putSession: prepare("REPLACE INTO session VALUES (?, ?, ?)"),
    deleteSession: prepare("DELETE FROM session WHERE number = ?"),
    putSubscription: prepare("REPLACE INTO subscription VALUES (?, ?, ?, ?)"),
    deleteSubscription: prepare("DELETE FROM subscription WHERE session = ? AND filter = ?"),
    deleteSubscriptions: prepare("DELETE FROM subscription WHERE session = ?"),
    addMessage: prepare("INSERT INTO message VALUES (?, ?, ?)"),
    deleteMessage: prepare("DELETE FROM message WHERE number = ?"),
    addDelivery: prepare("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?)"),
    updateDelivery: prepare("UPDATE delivery SET message = ?, flags = ?, packet_id = ? WHERE number = ?"),
    deleteDelivery: prepare("DELETE FROM delivery WHERE number = ?"),
    addReceived: prepare("INSERT INTO received VALUES (?, ?, ?)"),
    deleteReceived: prepare("DELETE FROM received WHERE number = ?"),
    putRetained: prepare("REPLACE INTO retained VALUES (?, ?)"),
    deleteRetained: prepare("DELETE FROM retained WHERE topic = ?"),
  };
}
