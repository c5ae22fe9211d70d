/**
 * The store on SQLite: what a turn gathers in memory and writes in one transaction. Past 300 lines because the contract has 17 methods; none is long.
 * @module
 */
import { statSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Message, SubscriptionOptions } from "../message.ts";
import { Checkpointer } from "./checkpointer.ts";
import { figure } from "./database.ts";
import { restoreRetained, restoreSessions } from "./restore.ts";
import { DeliveryRow, MessageRow, ReceivedRow, RetainedRow, type Row, SessionRow, SubscriptionRow } from "./row.ts";
import type { DeliveryState, RestoredSession, Store, StoredDelivery, StoredSession } from "./store.ts";
import { storeError } from "./store-error.ts";
import { prepareTables, type Tables } from "./tables.ts";

/** Free pages that are kept for what comes next: 1 MiB. */
const sparePages = 256;
/** What {@link SqliteStore.compact} may take, milliseconds, and pages it gives back between two looks at the clock. */
const compactMs = 3;
const compactPages = 8;

/**
 * A {@link Store} in an SQLite file. Which row a delivery, a message or a received id is in, is known here, so that no statement has to search: some 190 bytes
 * of memory for each delivery that somebody waits for.
 */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #now: () => number;
  readonly #tables: Tables;
  readonly #freePages: StatementSync;
  readonly #checkpointer: Checkpointer;
  /** By client id. */
  readonly #sessions = new Map<string, SessionRow>();
  /** Those that somebody waits for. */
  readonly #messages = new Map<Message, MessageRow>();
  /** The turn, in the order of its first changes. */
  #turn: Row[] = [];
  /** By topic, and by session and filter: of this turn only. */
  readonly #retained = new Map<string, RetainedRow>();
  readonly #subscriptions = new Map<SessionRow, Map<string, SubscriptionRow>>();
  #lastSession: number;
  #lastMessage: number;
  #lastDelivery: number;
  #lastReceived: number;
  #closed = false;

  /** @param now The clock, milliseconds since 1970. */
  constructor(path: string, database: DatabaseSync, now: () => number) {
    this.#path = path;
    this.#database = database;
    this.#now = now;
    this.#tables = prepareTables(database);
    this.#freePages = database.prepare("PRAGMA freelist_count");
    this.#checkpointer = new Checkpointer(database, `${path}-wal`);
    this.#lastSession = Math.max(
      figure(database, "SELECT max(number) FROM session"),
      figure(database, "SELECT max(session) FROM subscription"),
    );
    this.#lastMessage = figure(database, "SELECT max(number) FROM message");
    this.#lastDelivery = figure(database, "SELECT max(number) FROM delivery");
    this.#lastReceived = figure(database, "SELECT max(number) FROM received");
  }

  *sessions(): Generator<RestoredSession> {
    try {
      yield* restoreSessions(this.#database, {
        nowMs: this.#now(),
        addSession: (clientId, row) => this.#sessions.set(clientId, row),
        addMessage: (message, row) => this.#messages.set(message, row),
        endSession: (row) => this.#endSession(row),
        endDelivery: (session, delivery) => this.#endDelivery(session, delivery),
      });
    } catch (error) {
      throw storeError(this.#path, "read", error);
    }
  }

  *retained(): Generator<Message> {
    try {
      yield* restoreRetained(this.#database, this.#now(), (topic) => this.deleteRetained(topic));
    } catch (error) {
      throw storeError(this.#path, "read", error);
    }
  }

  putSession(session: StoredSession): void {
    const row = this.#sessionOf(session.clientId);
    row.session = session;
    this.#gather(row);
  }

  deleteSession(clientId: string): void {
    const row = this.#sessions.get(clientId);
    if (row === undefined) return;
    this.#sessions.delete(clientId);
    this.#endSession(row);
  }

  putSubscription(clientId: string, filter: string, options: SubscriptionOptions): void {
    this.#subscriptionOf(this.#sessionOf(clientId), filter).options = options;
  }

  deleteSubscription(clientId: string, filter: string): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined) this.#subscriptionOf(session, filter).options = undefined;
  }

  putDelivery(clientId: string, delivery: StoredDelivery): void {
    const session = this.#sessionOf(clientId);
    const before = session.deliveries.get(delivery.sequence);
    if (before !== undefined) this.#endDelivery(session, before);
    const message = delivery.state === "pubrel" ? undefined : this.#messageOf(delivery.message);
    const row = new DeliveryRow(++this.#lastDelivery, session.number, delivery, message);
    session.deliveries.set(delivery.sequence, row);
    this.#gather(row);
  }

  updateDelivery(clientId: string, sequence: number, state: DeliveryState, packetId: number): void {
    const row = this.#sessions.get(clientId)?.deliveries.get(sequence);
    if (row === undefined) return;
    // From `pubrel` it goes nowhere but away: its message is gone.
    if (row.message !== undefined) row.state = state;
    row.packetId = packetId;
    if (state === "pubrel") this.#release(row);
    this.#gather(row);
  }

  deleteDelivery(clientId: string, sequence: number): void {
    const session = this.#sessions.get(clientId);
    const row = session?.deliveries.get(sequence);
    if (session !== undefined && row !== undefined) this.#endDelivery(session, row);
  }

  addReceived(clientId: string, packetId: number): void {
    const session = this.#sessionOf(clientId);
    if (session.received.has(packetId)) return;
    const row = new ReceivedRow(++this.#lastReceived, session.number, packetId);
    session.received.set(packetId, row);
    this.#gather(row);
  }

  deleteReceived(clientId: string, packetId: number): void {
    const session = this.#sessions.get(clientId);
    const row = session?.received.get(packetId);
    if (session === undefined || row === undefined) return;
    session.received.delete(packetId);
    row.wanted = false;
    this.#gather(row);
  }

  putRetained(message: Message): void {
    this.#retainedOf(message.topic).message = message;
  }

  deleteRetained(topic: string): void {
    this.#retainedOf(topic).message = undefined;
  }

  commit(): void {
    if (this.#turn.length === 0) return;
    const written = this.#write();
    for (const row of this.#turn) {
      row.inTable = row.wanted;
      row.gathered = false;
    }
    this.#turn = [];
    this.#retained.clear();
    this.#subscriptions.clear();
    if (written > 0) this.#keepLogSmall(written);
  }

  sizeBytes(): number {
    let bytes = 0;
    for (const path of [this.#path, `${this.#path}-wal`]) bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return bytes;
  }

  compact(): void {
    try {
      const until = performance.now() + compactMs;
      let free = Number(this.#freePages.get()?.freelist_count ?? 0);
      while (free > sparePages && performance.now() < until) {
        this.#database.exec(`PRAGMA incremental_vacuum(${Math.min(compactPages, free - sparePages)})`);
        free -= compactPages;
      }
      this.#checkpointer.look(sparePages);
    } catch {
      // Nothing is lost by it, and what is wrong with the disk the next commit will tell.
    }
  }

  close(): void {
    if (this.#closed) return;
    try {
      this.commit();
    } finally {
      this.#closed = true;
      this.#checkpointer.close();
      this.#database.close();
    }
  }

  /** One transaction; what it was to write stays gathered when it fails. @returns How many rows there were to write. */
  #write(): number {
    const tables = this.#tables;
    let written = 0;
    try {
      for (const row of this.#turn) {
        if (!row.wanted && !row.inTable) continue;
        if (written++ === 0) tables.begin.run();
        if (row.wanted) row.write(tables);
        else row.erase(tables);
      }
      if (written > 0) tables.commit.run();
    } catch (error) {
      this.#rollBack();
      throw storeError(this.#path, "write", error);
    }
    return written;
  }

  #rollBack(): void {
    try {
      // SQLite rolls back by itself after some errors.
      if (this.#database.isOpen && this.#database.isTransaction) this.#tables.rollback.run();
    } catch {
      // The first error says more.
    }
  }

  /** The turn is durable by now: what fails here must not look as if it were not. */
  #keepLogSmall(written: number): void {
    try {
      this.#checkpointer.written(written);
    } catch {
      // A full disk, say: the next commit will tell.
    }
  }

  #gather(row: Row): void {
    if (row.gathered) return;
    row.gathered = true;
    this.#turn.push(row);
  }

  #sessionOf(clientId: string): SessionRow {
    const known = this.#sessions.get(clientId);
    if (known !== undefined) return known;
    const row = new SessionRow(++this.#lastSession);
    this.#sessions.set(clientId, row);
    return row;
  }

  #subscriptionOf(session: SessionRow, filter: string): SubscriptionRow {
    let ofSession = this.#subscriptions.get(session);
    if (ofSession === undefined) {
      ofSession = new Map();
      this.#subscriptions.set(session, ofSession);
    }
    let row = ofSession.get(filter);
    if (row === undefined) {
      row = new SubscriptionRow(session, filter);
      ofSession.set(filter, row);
      this.#gather(row);
    }
    return row;
  }

  #retainedOf(topic: string): RetainedRow {
    let row = this.#retained.get(topic);
    if (row === undefined) {
      row = new RetainedRow(topic);
      this.#retained.set(topic, row);
      this.#gather(row);
    }
    return row;
  }

  /** With one reference more. */
  #messageOf(message: Message): MessageRow {
    let row = this.#messages.get(message);
    if (row === undefined) {
      row = new MessageRow(++this.#lastMessage, message);
      this.#messages.set(message, row);
      this.#gather(row);
    }
    row.references++;
    return row;
  }

  /** The delivery does not need its message any more. */
  #release(delivery: DeliveryRow): void {
    const row = delivery.message;
    if (row === undefined) return;
    delivery.message = undefined;
    row.references--;
    if (row.references > 0) return;
    if (row.message !== undefined) this.#messages.delete(row.message);
    this.#gather(row);
  }

  #endDelivery(session: SessionRow, delivery: DeliveryRow): void {
    session.deliveries.delete(delivery.sequence);
    this.#endRow(delivery);
  }

  #endRow(delivery: DeliveryRow): void {
    delivery.wanted = false;
    this.#release(delivery);
    this.#gather(delivery);
  }

  #endSession(session: SessionRow): void {
    session.ended = true;
    for (const delivery of session.deliveries.values()) this.#endRow(delivery);
    for (const received of session.received.values()) {
      received.wanted = false;
      this.#gather(received);
    }
    session.deliveries.clear();
    session.received.clear();
    this.#gather(session);
  }
}
