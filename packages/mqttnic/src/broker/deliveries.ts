/**
 * Messages on their way to one session: sent, queued, acknowledged, sent again. [MQTT 5.0 §4.3, §4.4, §4.9]
 *
 * Longer than 300 lines because each of these steps changes the same few states of a delivery.
 * @module
 */
import type { Limits } from "../config/broker-config.ts";
import type { Message, Qos } from "../message.ts";
import { packetType } from "../protocol/packet.ts";
import { newPublishFields, publishSize, writePublish } from "../protocol/publish-encode.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { Acl } from "../security/security.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { Outbox } from "./outbox.ts";
import type { Passing } from "./passing.ts";
import type { Delivery, Session } from "./session.ts";
import type { SharedGroup } from "./subscription-tree.ts";

/** What it works with. */
export interface DeliveryParts {
  readonly outbox: Outbox;
  readonly counters: Counters;
  readonly limits: () => Limits;
  readonly nowMs: () => number;
  readonly acknowledgements: Acknowledgements;
  readonly acl: () => Acl;
}

const noIdentifiers: readonly number[] = [];

/** The deliveries of all sessions. */
export class Deliveries {
  readonly #parts: DeliveryParts;
  readonly #fields = newPublishFields();
  /** Something was written for them in this turn. */
  #written: Connection[] = [];
  /** They have a queue only because so much was written for them in this turn. */
  readonly #held = new Set<Session>();
  /** Of all sessions' queues. */
  queued = 0;
  queuedBytes = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Sends it, or keeps it until there is room. */
  deliver(session: Session, message: Message, qos: Qos, retain: boolean, identifiers: readonly number[], share?: SharedGroup): void {
    const { connection } = session;
    if (qos === 0 && connection) {
      this.#write(connection, message, 0, retain, identifiers, 0, false);
      return;
    }
    // What went out with others' in this turn was before it, and takes room.
    session.openRun?.close();
    const delivery: Delivery = {
      sequence: session.takeSequences(1),
      message,
      qos,
      retain,
      identifiers,
      state: "queued",
      packetId: 0,
      again: false,
      share,
    };
    if (connection && session.queued === 0 && this.#hasRoom(session, connection)) this.#send(session, connection, delivery, false);
    else {
      this.#enqueue(session, delivery);
      if (connection && connection.unflushed > 0) this.#held.add(session);
    }
  }

  /** A QoS 0 message for a client whose packets are its own. */
  sendOwn(connection: Connection, passing: Passing, retain: boolean, identifiers: readonly number[]): void {
    this.#write(connection, passing.message(), 0, retain, identifiers, 0, false);
  }

  /** Sends what waits, as far as there is room. */
  drain(session: Session): void {
    const { connection } = session;
    if (!connection) return;
    session.openRun?.close();
    while (session.queued > 0 && this.#hasRoom(session, connection)) {
      const delivery = this.#shift(session)!;
      if (this.#isExpired(delivery.message)) this.#drop(session, delivery);
      else if (delivery.qos > 0) this.#send(session, connection, delivery, true);
      else {
        this.#write(connection, delivery.message, 0, delivery.retain, delivery.identifiers, 0, false);
        session.store?.deleteDelivery(session.clientId, delivery.sequence);
      }
    }
    if (session.queued > 0 && connection.unflushed > 0) this.#held.add(session);
  }

  /** All that was written is with the kernel, or waits for it: there may be room again. */
  flushed(): void {
    if (this.#written.length === 0) return;
    for (const connection of this.#written.splice(0)) connection.unflushed = 0;
    if (this.#held.size === 0) return;
    const held = [...this.#held];
    this.#held.clear();
    for (const session of held) this.drain(session);
  }

  /** The client is back: what was in flight goes again, in order, with the same packet ids. [MQTT-4.4.0-1, MQTT-4.6.0-1] */
  sendAgain(session: Session): void {
    const connection = session.connection!;
    const inFlight = session.inOrder();
    session.singles = undefined;
    session.sharedSingles = 0;
    session.inflight = 0;
    const late: Delivery[] = [];
    for (const delivery of inFlight) {
      if (delivery.state === "pubrel") {
        session.addSingle(delivery);
        this.#parts.acknowledgements.add(connection, packetType.pubrel, delivery.packetId, reasonCode.success);
      } else if (late.length > 0 || !this.#hasRoom(session, connection)) {
        late.push(delivery); // beyond what this connection, or its socket, takes at a time
      } else {
        session.addSingle(delivery);
        this.#write(connection, delivery.message, delivery.qos, delivery.retain, delivery.identifiers, delivery.packetId, true);
      }
    }
    if (late.length > 0) {
      const waiting: Delivery[] = [];
      for (let one = this.#shift(session); one; one = this.#shift(session)) waiting.push(one);
      for (const delivery of [...late, ...waiting]) this.#push(session, delivery);
    }
    this.drain(session);
  }

  /** PUBACK. @returns Whether there was such a message. */
  acknowledged(session: Session, packetId: number): boolean {
    const ofRun = session.acknowledgeRun(packetId);
    if (ofRun > 0) session.store?.deleteDelivery(session.clientId, ofRun);
    else {
      const delivery = session.singles?.get(packetId);
      if (delivery?.qos !== 1) return false;
      session.takeSingle(packetId);
      session.store?.deleteDelivery(session.clientId, delivery.sequence);
    }
    if (session.queued > 0) this.drain(session);
    return true;
  }

  /** PUBREC. */
  received(session: Session, packetId: number, code: number): void {
    const { acknowledgements } = this.#parts;
    const connection = session.connection!;
    const delivery = session.singles?.get(packetId);
    if (delivery?.qos !== 2) {
      // [MQTT 5.0 §4.3.3]: unknown here, so that the other end may forget it too.
      if (code < 0x80) {
        const five = connection.version === 5;
        acknowledgements.add(connection, packetType.pubrel, packetId, five ? reasonCode.packetIdentifierNotFound : 0);
      }
      return;
    }
    if (code >= 0x80) {
      this.#complete(session, delivery);
      return;
    }
    delivery.state = "pubrel";
    session.store?.updateDelivery(session.clientId, delivery.sequence, "pubrel", packetId);
    acknowledgements.add(connection, packetType.pubrel, packetId, reasonCode.success);
  }

  /** PUBCOMP. */
  completed(session: Session, packetId: number): void {
    const delivery = session.singles?.get(packetId);
    if (delivery?.state === "pubrel") this.#complete(session, delivery);
  }

  /** Nothing of a session is kept any more. What others may get in its stead goes to them. [MQTT 5.0 §4.8.2] */
  forget(session: Session): void {
    const left: Delivery[] = session.inOrder().filter(({ qos, state }) => qos === 1 && state === "sent");
    for (let one = this.#shift(session); one; one = this.#shift(session)) left.push(one);
    for (const { share, message, qos, retain } of left) {
      if (!share) continue;
      const others = [...share.members].filter(
        ([other]) => other !== session && this.#parts.acl().mayReceive(other.identity, other.clientId, message.topic),
      );
      const other = others.find(([{ connection }]) => connection) ?? others[0];
      if (!other) continue;
      const [heir, options] = other;
      const identifiers = options.identifier > 0 ? [options.identifier] : noIdentifiers;
      this.deliver(heir, message, Math.min(qos, options.qos) as Qos, retain, identifiers, share);
    }
  }

  /** Takes a delivery over that the store had. */
  restore(session: Session, delivery: Delivery): void {
    if (delivery.state === "queued") this.#push(session, delivery);
    else session.addSingle(delivery);
  }

  #complete(session: Session, delivery: Delivery): void {
    session.takeSingle(delivery.packetId);
    session.store?.deleteDelivery(session.clientId, delivery.sequence);
    if (session.queued > 0) this.drain(session);
  }

  #hasRoom(session: Session, connection: Connection): boolean {
    // Not more at a time than may wait: a long queue of large messages would count as a client that does not read.
    return session.inflight < connection.quota && connection.waitingBytes + connection.unflushed <= this.#parts.limits().waitingBytes;
  }

  #isExpired({ expiresAtMs }: Message): boolean {
    return expiresAtMs > 0 && expiresAtMs <= this.#parts.nowMs();
  }

  /** @param fromQueue The store has it already. */
  #send(session: Session, connection: Connection, delivery: Delivery, fromQueue: boolean): void {
    const again = delivery.packetId !== 0;
    if (!again) delivery.packetId = session.takeId();
    const sent = this.#write(connection, delivery.message, delivery.qos, delivery.retain, delivery.identifiers, delivery.packetId, again);
    if (!sent) {
      this.#drop(session, delivery);
      return;
    }
    delivery.state = "sent";
    session.addSingle(delivery);
    if (fromQueue) session.store?.updateDelivery(session.clientId, delivery.sequence, "sent", delivery.packetId);
    else session.store?.putDelivery(session.clientId, session.stored(delivery));
  }

  #enqueue(session: Session, delivery: Delivery): void {
    const limits = this.#parts.limits();
    const bytes = delivery.message.payload.length + delivery.message.properties.length;
    for (let full = this.#fullBy(session, bytes, limits); full !== undefined; full = this.#fullBy(session, bytes, limits)) {
      this.#parts.counters.limit(full);
      const oldest = limits.whenQueueFull === "drop-oldest" ? this.#shift(session) : undefined;
      if (oldest) {
        this.#drop(session, oldest);
        continue;
      }
      this.#parts.counters.publishDropped++;
      if (limits.whenQueueFull === "disconnect") session.connection?.fail(reasonCode.quotaExceeded, "its queue is full", "queue-full");
      return;
    }
    this.#push(session, delivery);
    session.store?.putDelivery(session.clientId, session.stored(delivery));
  }

  /** Which bound a queue would pass with so many bytes more. */
  #fullBy(session: Session, bytes: number, limits: Limits): "queuedMessages" | "queuedBytes" | "queuedBytesInAll" | undefined {
    if (limits.queuedMessages > 0 && session.queued >= limits.queuedMessages) return "queuedMessages";
    if (limits.queuedBytes > 0 && session.queuedBytes + bytes > limits.queuedBytes) return "queuedBytes";
    if (limits.queuedBytesInAll > 0 && this.queuedBytes + bytes > limits.queuedBytesInAll) return "queuedBytesInAll";
    return undefined;
  }

  #push(session: Session, delivery: Delivery): void {
    delivery.state = "queued";
    const before = session.queuedBytes;
    session.push(delivery);
    this.queued++;
    this.queuedBytes += session.queuedBytes - before;
  }

  #shift(session: Session): Delivery | undefined {
    const before = session.queuedBytes;
    const delivery = session.shift();
    if (!delivery) return undefined;
    this.queued--;
    this.queuedBytes -= before - session.queuedBytes;
    return delivery;
  }

  #drop(session: Session, delivery: Delivery): void {
    this.#parts.counters.publishDropped++;
    session.store?.deleteDelivery(session.clientId, delivery.sequence);
  }

  /** @returns Whether it was sent: not when it is larger than the client takes. [MQTT-3.1.2-25] */
  #write(
    connection: Connection,
    message: Message,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    packetId: number,
    dup: boolean,
  ): boolean {
    const { outbox, counters } = this.#parts;
    const fields = this.#fields;
    const five = connection.version === 5;
    const { mountPoint } = connection.peer.listener;
    const topic = mountPoint === "" ? message.topic : message.topic.slice(mountPoint.length);
    fields.version = connection.version;
    fields.topic = topic;
    fields.qos = qos;
    fields.retain = retain;
    fields.dup = dup;
    fields.packetId = packetId;
    fields.properties = message.properties;
    fields.propertiesEnd = five ? message.properties.length : 0;
    fields.messageExpiryS = message.expiresAtMs === 0 ? -1 : Math.max(1, Math.ceil((message.expiresAtMs - this.#parts.nowMs()) / 1000));
    fields.subscriptionIdentifiers = five ? identifiers : noIdentifiers;
    fields.topicAlias = 0;
    fields.payload = message.payload;
    fields.payloadEnd = message.payload.length;
    if (five && connection.aliasesTaken > 0) {
      connection.aliasesOut ??= new Map();
      const aliases = connection.aliasesOut;
      const known = aliases.get(topic);
      if (known !== undefined) {
        fields.topic = "";
        fields.topicAlias = known;
      } else if (aliases.size < connection.aliasesTaken && (qos > 0 || connection.waitingBytes <= this.#parts.limits().waitingBytes)) {
        fields.topicAlias = aliases.size + 1;
      }
    }
    const size = publishSize(fields);
    if (connection.mostPacketBytes > 0 && size > connection.mostPacketBytes) {
      counters.limit("clientPacketBytes");
      if (qos === 0) counters.publishDropped++;
      return false;
    }
    if (fields.topicAlias > 0 && fields.topic !== "") connection.aliasesOut!.set(topic, fields.topicAlias);
    const at = outbox.reserve(size);
    const end = writePublish(outbox.slab, at, fields);
    if (connection.unflushed === 0) this.#written.push(connection);
    connection.unflushed += size;
    // What tells of a new alias must not be left out.
    outbox.toOne(connection, at, end, 1, qos === 0 && !(fields.topicAlias > 0 && fields.topic !== ""));
    counters.publishSent++;
    counters.messagesSent++;
    counters.bytesSent += size;
    counters.publishBytesSent += message.payload.length;
    connection.core.scheduleTurn();
    return true;
  }
}
