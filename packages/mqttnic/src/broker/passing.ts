/** The PUBLISH that is being routed, and its packets for those who get it. @module */
import type { Message, Qos } from "../message.ts";
import type { PublishView } from "../protocol/packet.ts";
import { forwardedProperties, newPublishFields, publishSize, writePublish } from "../protocol/publish-encode.ts";
import type { Connection } from "./connection.ts";
import type { Outbox } from "./outbox.ts";

const noProperties: Buffer = Buffer.alloc(0);

/**
 * One object, filled anew for each message. Packets of the publisher's own kind are copied as they came, all others are put together; those that were made
 * for one group of subscribers serve others that want the same.
 */
export class Passing {
  readonly view: PublishView;
  buffer: Buffer = noProperties;
  start = 0;
  end = 0;
  five = false;
  topic = "";
  topicBytes: Buffer = noProperties;
  /** undefined for the broker's own messages. */
  publisher: Connection | undefined = undefined;
  from = "";
  retain = false;
  nowMs = 0;
  /** Its packet may be forwarded as it came, by what is in it. */
  #verbatim = false;
  #properties: Buffer | undefined;
  #message: Message | undefined;
  /** The last packet made. */
  packetAt = 0;
  packetEnd = 0;
  /** QoS 0 packets of this message already in the slab, by kind: 0 to 3. */
  readonly #made: { slab: Buffer | undefined; at: number; end: number }[] = Array.from({ length: 4 }, () => ({
    slab: undefined,
    at: 0,
    end: 0,
  }));
  readonly #fields = newPublishFields();

  constructor(view: PublishView) {
    this.view = view;
  }

  /** A PUBLISH that {@link view} tells of. `sameTopic`: its topic is in the packet as subscribers are to see it. */
  begin(buffer: Buffer, start: number, end: number, five: boolean, sameTopic: boolean): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.five = five;
    this.retain = this.view.retain;
    this.#verbatim = sameTopic && (!five || this.view.forwardable);
    this.#properties = undefined;
    this.#message = undefined;
    for (const made of this.#made) made.slab = undefined;
  }

  get qos(): Qos {
    return this.view.qos;
  }

  get payloadBytes(): number {
    return this.view.payloadEnd - this.view.payloadStart;
  }

  /** Milliseconds since 1970; 0 is never. */
  get expiresAtMs(): number {
    return this.view.messageExpiryS < 0 ? 0 : this.nowMs + this.view.messageExpiryS * 1000;
  }

  /** The message, to be kept. */
  message(): Message {
    const { view } = this;
    this.#message ??= {
      topic: this.topic,
      qos: view.qos,
      retain: this.retain,
      payload: Buffer.from(this.buffer.subarray(view.payloadStart, view.payloadEnd)),
      properties: Buffer.from(this.properties()),
      expiresAtMs: this.expiresAtMs,
      from: this.from,
    };
    return this.#message;
  }

  /** Puts a QoS 0 packet for subscribers of a kind into the slab: see {@link packetAt}. */
  writeQos0(outbox: Outbox, five: boolean, retain: boolean, identifiers: readonly number[]): void {
    const made = identifiers.length === 0 ? this.#made[(five ? 1 : 0) | (retain ? 2 : 0)]! : undefined;
    if (made && made.slab === outbox.slab) {
      this.packetAt = made.at;
      this.packetEnd = made.end;
      return;
    }
    this.write(outbox, five, 0, retain, identifiers, 0);
    if (!made) return;
    made.slab = outbox.slab;
    made.at = this.packetAt;
    made.end = this.packetEnd;
  }

  /** Puts a packet into the slab: see {@link packetAt}. */
  write(outbox: Outbox, five: boolean, qos: Qos, retain: boolean, identifiers: readonly number[], packetId: number): void {
    const { view } = this;
    if (this.#verbatim && five === this.five && qos === view.qos && identifiers.length === 0) {
      const length = this.end - this.start;
      const at = outbox.reserve(length);
      const { slab } = outbox;
      copy(this.buffer, this.start, this.end, slab, at);
      slab[at] = 0x30 | (qos << 1) | (retain ? 1 : 0);
      if (qos > 0) {
        const idAt = at + view.topicEnd - this.start;
        slab[idAt] = packetId >> 8;
        slab[idAt + 1] = packetId & 0xff;
      }
      this.packetAt = at;
      this.packetEnd = at + length;
      return;
    }
    const fields = this.#fields;
    const properties = five ? this.properties() : noProperties;
    fields.version = five ? 5 : 4;
    fields.topic = this.topicBytes;
    fields.topicEnd = this.topicBytes.length;
    fields.qos = qos;
    fields.retain = retain;
    fields.packetId = packetId;
    fields.properties = properties;
    fields.propertiesEnd = properties.length;
    fields.messageExpiryS = view.messageExpiryS;
    fields.subscriptionIdentifiers = identifiers;
    fields.payload = this.buffer;
    fields.payloadStart = view.payloadStart;
    fields.payloadEnd = view.payloadEnd;
    const length = publishSize(fields);
    this.packetAt = outbox.reserve(length);
    this.packetEnd = writePublish(outbox.slab, this.packetAt, fields);
  }

  /** Those that are forwarded, in wire format; valid while the message passes. */
  properties(): Buffer {
    if (!this.five) return noProperties;
    const { propertiesStart, propertiesEnd, forwardable } = this.view;
    if (propertiesStart === propertiesEnd) return noProperties;
    this.#properties ??= forwardable
      ? this.buffer.subarray(propertiesStart, propertiesEnd)
      : forwardedProperties(this.buffer, propertiesStart, propertiesEnd);
    return this.#properties;
  }
}

/** Short packets are copied quicker here than by a call into C++. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > 64) from.copy(to, at, start, end);
  else for (let index = start; index < end; index++) to[at++] = from[index]!;
}
