/** Reads back what the tables hold when the broker starts. @module */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Message } from "../message.ts";
import { unpackIdentifiers, unpackOptions, unpackState } from "./flags.ts";
import { readMessageBody } from "./message-body.ts";
import { DeliveryRow, MessageRow, ReceivedRow, SessionRow } from "./row.ts";
import { readSessionBody } from "./session-body.ts";
import type { RestoredSession, StoredDelivery, StoredSession } from "./store.ts";

/** Where restored rows go, and what is to be forgotten. */
export interface Restoring {
  /** The clock, milliseconds since 1970. */
  readonly nowMs: number;
  /** A session that is about to be handed out. */
  addSession(clientId: string, row: SessionRow): void;
  /** A message that a restored delivery waits for. */
  addMessage(message: Message, row: MessageRow): void;
  /** A session that has expired, or rows whose session is gone. */
  endSession(row: SessionRow): void;
  /** A queued message that has expired. */
  endDelivery(session: SessionRow, delivery: DeliveryRow): void;
}

type Columns = SQLOutputValue[];

/**
 * Sessions one by one, with what they hold; those that have expired are ended instead. A session whose will is still to be published is handed out all the same:
 * its end is what the will waits for. [MQTT 5.0 §3.1.2.5]
 *
 * @throws {RangeError} when a row makes no sense.
 */
export function* restoreSessions(database: DatabaseSync, restoring: Restoring): Generator<RestoredSession> {
  const waiting = indexRows(database);
  const contents = new Contents(database, restoring);
  const subscriptions = rows(database, "SELECT session, filter, options, identifier FROM subscription ORDER BY session");
  let subscription = subscriptions.next();
  for (const [number, clientId, body] of rows(database, "SELECT number, client_id, body FROM session ORDER BY number")) {
    const row = waiting.get(number as number) ?? new SessionRow(number as number);
    waiting.delete(row.number);
    row.inTable = true;
    row.session = readSessionBody(clientId as string, body as Uint8Array);
    const found: RestoredSession["subscriptions"][number][] = [];
    for (; !subscription.done && (subscription.value[0] as number) <= row.number; subscription = subscriptions.next()) {
      const [session, filter, options, identifier] = subscription.value;
      // Subscriptions of no session are left where they are: nothing makes them, and nobody sees them.
      if (session === row.number) found.push({ filter: filter as string, options: unpackOptions(options as number, identifier as number) });
    }
    if (hasExpired(row.session, restoring.nowMs)) {
      restoring.endSession(row);
      continue;
    }
    restoring.addSession(row.session.clientId, row);
    yield { session: row.session, subscriptions: found, deliveries: contents.deliveries(row), received: [...row.received.keys()] };
  }
  for (const row of waiting.values()) restoring.endSession(row);
}

/** Retained messages one by one. @throws {RangeError} when a row makes no sense. */
export function* restoreRetained(database: DatabaseSync, nowMs: number, endRetained: (topic: string) => void): Generator<Message> {
  const publishers = new Map<string, string>();
  for (const [topic, body] of rows(database, "SELECT topic, body FROM retained")) {
    const message = readMessageBody(topic as string, body as Uint8Array, publishers);
    if (isExpired(message, nowMs)) endRetained(message.topic);
    else yield message;
  }
}

/** All deliveries and received ids by session, in the order in which they were written; their messages are read when they are needed. */
function indexRows(database: DatabaseSync): Map<number, SessionRow> {
  const messages = new Map<number, MessageRow>();
  const sessions = new Map<number, SessionRow>();
  const sessionOf = (number: number): SessionRow => {
    const known = sessions.get(number) ?? new SessionRow(number);
    sessions.set(number, known);
    return known;
  };
  for (const columns of rows(database, "SELECT number, session, sequence, message, flags, packet_id, identifiers FROM delivery")) {
    const [number, session, sequence, messageNumber, flags, packetId, identifiers] = columns as [
      number,
      number,
      number,
      number,
      number,
      number,
      unknown,
    ];
    const message = messageNumber === 0 ? undefined : (messages.get(messageNumber) ?? new MessageRow(messageNumber, undefined));
    if (message !== undefined) {
      message.inTable = true;
      message.references++;
      messages.set(messageNumber, message);
    }
    const fields = { ...unpackState(flags), sequence, packetId, identifiers: unpackIdentifiers(identifiers as Uint8Array | null) };
    const row = new DeliveryRow(number, session, fields, message);
    row.inTable = true;
    sessionOf(session).deliveries.set(sequence, row);
  }
  for (const columns of rows(database, "SELECT number, session, packet_id FROM received")) {
    const [number, session, packetId] = columns as [number, number, number];
    const row = new ReceivedRow(number, session, packetId);
    row.inTable = true;
    sessionOf(session).received.set(packetId, row);
  }
  return sessions;
}

/** Deliveries of a session with their messages. */
class Contents {
  readonly #read;
  readonly #restoring: Restoring;
  readonly #publishers = new Map<string, string>();

  constructor(database: DatabaseSync, restoring: Restoring) {
    this.#read = database.prepare("SELECT topic, body FROM message WHERE number = ?");
    this.#read.setReturnArrays(true);
    this.#restoring = restoring;
  }

  deliveries(session: SessionRow): readonly StoredDelivery[] {
    const deliveries: StoredDelivery[] = [];
    let inOrder = true;
    let last = -1;
    for (const row of session.deliveries.values()) {
      const message = row.message === undefined ? releasedMessage : this.#message(row.message);
      // One that was sent already is sent again: its expiry was about getting that far. [MQTT-3.3.2-5]
      if (row.state === "queued" && isExpired(message, this.#restoring.nowMs)) {
        this.#restoring.endDelivery(session, row);
        continue;
      }
      deliveries.push(row.restored(message));
      inOrder &&= row.sequence > last;
      last = row.sequence;
    }
    return inOrder ? deliveries : deliveries.sort((one, other) => one.sequence - other.sequence);
  }

  #message(row: MessageRow): Message {
    if (row.message !== undefined) return row.message;
    const columns = this.#read.get(row.number) as unknown as Columns | undefined;
    if (columns === undefined) throw new RangeError(`a delivery of message ${row.number}, which is not there`);
    row.message = readMessageBody(columns[0] as string, columns[1] as Uint8Array, this.#publishers);
    this.#restoring.addMessage(row.message, row);
    return row.message;
  }
}

/** Stands for a message of which only the packet id is still needed. */
const releasedMessage: Message = Object.freeze({
  topic: "",
  qos: 2,
  retain: false,
  payload: Buffer.alloc(0),
  properties: Buffer.alloc(0),
  expiresAtMs: 0,
  from: "",
});

function isExpired(message: Message, nowMs: number): boolean {
  return message.expiresAtMs > 0 && message.expiresAtMs <= nowMs;
}

/** A session that was connected when the broker died ends with its connection when its expiry is 0, and else begins to count now. [MQTT 5.0 §3.1.2.11.2] */
function hasExpired(session: StoredSession, nowMs: number): boolean {
  if (session.will !== undefined || session.expiryS === 0xffff_ffff) return false;
  return session.disconnectedAtMs === 0 ? session.expiryS === 0 : session.disconnectedAtMs + session.expiryS * 1000 <= nowMs;
}

function rows(database: DatabaseSync, sql: string): Iterator<Columns> & Iterable<Columns> {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return statement.iterate() as unknown as Iterator<Columns> & Iterable<Columns>;
}
