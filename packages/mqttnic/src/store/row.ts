/**
 * What a turn gathers: rows that are to be written or erased when it is committed, in the state they have by then. A row that is neither in its table nor wanted
 * any more costs nothing, which is what becomes of a delivery that is acknowledged within its turn.
 * @module
 */
import type { Message, Qos, SubscriptionOptions } from "../message.ts";
import { ByteWriter } from "./byte-writer.ts";
import { packIdentifiers, packOptions, packState } from "./flags.ts";
import { writeMessageBody } from "./message-body.ts";
import { writeSessionBody } from "./session-body.ts";
import type { DeliveryState, StoredDelivery, StoredSession } from "./store.ts";
import type { Tables } from "./tables.ts";

/** A row of one of the tables. */
export interface Row {
  /** Whether the table may have it, as of the last commit. */
  inTable: boolean;
  /** Whether this turn has it in its list. */
  gathered: boolean;
  readonly wanted: boolean;
  write(tables: Tables): void;
  erase(tables: Tables): void;
}

const writer = new ByteWriter();

/** A session and what it holds. One that comes again after it was deleted is another one, with another number. */
export class SessionRow implements Row {
  inTable = false;
  gathered = false;
  ended = false;
  session: StoredSession | undefined;
  /** By sequence. */
  readonly deliveries: Map<number, DeliveryRow> = new Map();
  /** By packet id. */
  readonly received: Map<number, ReceivedRow> = new Map();
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }

  get wanted(): boolean {
    return !this.ended && this.session !== undefined;
  }

  write(tables: Tables): void {
    writeSessionBody(writer, this.session!);
    tables.putSession.run(this.number, this.session!.clientId, writer.take());
  }

  /** With its subscriptions, which the store has no list of. */
  erase(tables: Tables): void {
    tables.deleteSubscriptions.run(this.number);
    tables.deleteSession.run(this.number);
  }
}

/** A subscription that was made, changed or ended in this turn. */
export class SubscriptionRow implements Row {
  inTable: boolean;
  gathered = false;
  options: SubscriptionOptions | undefined;
  readonly #session: SessionRow;
  readonly #filter: string;

  constructor(session: SessionRow, filter: string) {
    this.#session = session;
    this.#filter = filter;
    this.inTable = session.inTable;
  }

  get wanted(): boolean {
    return this.options !== undefined && !this.#session.ended;
  }

  write(tables: Tables): void {
    // Also when the session itself was never put: its end is to end this too.
    this.#session.inTable = true;
    tables.putSubscription.run(this.#session.number, this.#filter, packOptions(this.options!), this.options!.identifier);
  }

  erase(tables: Tables): void {
    tables.deleteSubscription.run(this.#session.number, this.#filter);
  }
}

/** A message that deliveries wait for. */
export class MessageRow implements Row {
  inTable = false;
  gathered = false;
  /** Deliveries that refer to it. */
  references = 0;
  /** undefined until somebody asks, for one that was there at the start. */
  message: Message | undefined;
  readonly number: number;

  constructor(number: number, message: Message | undefined) {
    this.number = number;
    this.message = message;
  }

  get wanted(): boolean {
    return this.references > 0;
  }

  write(tables: Tables): void {
    // Only ever once: a message does not change, and one that nobody waits for any more comes back as another.
    writeMessageBody(writer, this.message!);
    tables.addMessage.run(this.number, this.message!.topic, writer.take());
  }

  erase(tables: Tables): void {
    tables.deleteMessage.run(this.number);
  }
}

/** A message on its way to one session. */
export class DeliveryRow implements Row {
  inTable = false;
  gathered = false;
  wanted = true;
  /** undefined when only the packet id is still needed. */
  message: MessageRow | undefined;
  state: DeliveryState;
  packetId: number;
  readonly sequence: number;
  readonly number: number;
  readonly #session: number;
  readonly #qos: Qos;
  readonly #retain: boolean;
  readonly #identifiers: readonly number[];

  constructor(number: number, session: number, delivery: Omit<StoredDelivery, "message">, message: MessageRow | undefined) {
    this.number = number;
    this.#session = session;
    // Not the delivery itself, which holds its message for as long.
    this.#qos = delivery.qos;
    this.#retain = delivery.retain;
    this.#identifiers = delivery.identifiers;
    this.sequence = delivery.sequence;
    this.message = message;
    this.state = delivery.state;
    this.packetId = delivery.packetId;
  }

  /** As it is handed out when the broker starts. */
  restored(message: Message): StoredDelivery {
    return {
      sequence: this.sequence,
      message,
      qos: this.#qos,
      retain: this.#retain,
      identifiers: this.#identifiers,
      state: this.state,
      packetId: this.packetId,
    };
  }

  write(tables: Tables): void {
    const message = this.message?.number ?? 0;
    const flags = packState(this.#qos, this.#retain, this.state);
    if (this.inTable) tables.updateDelivery.run(message, flags, this.packetId, this.number);
    else
      tables.addDelivery.run(this.number, this.#session, this.sequence, message, flags, this.packetId, packIdentifiers(this.#identifiers));
  }

  erase(tables: Tables): void {
    tables.deleteDelivery.run(this.number);
  }
}

/** The packet id of a QoS 2 message that came and was not released yet. */
export class ReceivedRow implements Row {
  inTable = false;
  gathered = false;
  wanted = true;
  readonly number: number;
  readonly #session: number;
  readonly #packetId: number;

  constructor(number: number, session: number, packetId: number) {
    this.number = number;
    this.#session = session;
    this.#packetId = packetId;
  }

  write(tables: Tables): void {
    if (!this.inTable) tables.addReceived.run(this.number, this.#session, this.#packetId);
  }

  erase(tables: Tables): void {
    tables.deleteReceived.run(this.number);
  }
}

/** A retained message that was set or cleared in this turn. */
export class RetainedRow implements Row {
  /** The store has no list of what is retained: it may be. */
  inTable = true;
  gathered = false;
  message: Message | undefined;
  readonly #topic: string;

  constructor(topic: string) {
    this.#topic = topic;
  }

  get wanted(): boolean {
    return this.message !== undefined;
  }

  write(tables: Tables): void {
    writeMessageBody(writer, this.message!);
    tables.putRetained.run(this.#topic, writer.take());
  }

  erase(tables: Tables): void {
    tables.deleteRetained.run(this.#topic);
  }
}
