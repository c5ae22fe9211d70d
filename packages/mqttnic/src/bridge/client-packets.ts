/** Control packets as a client writes and reads them; the broker's side is `protocol/`. [MQTT 5.0 §3] @module */
import type { Qos } from "../message.ts";
import type { ProtocolVersion } from "../protocol/packet.ts";

/** A will of the client's own making: no properties. */
interface ClientWill {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
}

/** What a CONNECT says. */
export interface ClientConnect {
  readonly version: ProtocolVersion;
  /** Sets the protocol level's top bit, as mosquitto's `try_private` does; only before 5.0. */
  readonly bridge: boolean;
  readonly clean: boolean;
  /** Seconds; 0xFFFFFFFF for ever. 5.0 only: older sessions that are not clean have no end. */
  readonly sessionExpiryS: number;
  readonly keepAliveS: number;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly receiveMaximum: number;
  readonly will: ClientWill | undefined;
}

/** What a CONNACK says; what the server does not mention has its default. */
export interface ClientConnack {
  readonly reasonCode: number;
  readonly sessionPresent: boolean;
  readonly receiveMaximum: number;
  readonly maximumQos: Qos;
  readonly retainAvailable: boolean;
  readonly maximumPacketBytes: number;
  readonly keepAliveS: number | undefined;
}

/** A PUBLISH; `properties` in wire format without their length, empty before 5.0. */
export interface ClientPublish {
  topic: string;
  payload: Buffer;
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** 0 for QoS 0. */
  packetId: number;
  properties: Buffer;
}

/** One subscription of a SUBSCRIBE; options beyond QoS are 5.0's. */
export interface ClientSubscription {
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

const none: Buffer = Buffer.alloc(0);

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

/** A Variable Byte Integer. [MQTT 5.0 §1.5.5] */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest > 127 ? (rest & 127) | 128 : rest);
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first]), varint(body.length), body]);
}

/** Encodes a CONNECT. [MQTT 5.0 §3.1] */
export function encodeConnect(connect: ClientConnect): Buffer {
  const { version, will, username, password } = connect;
  const five = version === 5;
  let flags = connect.clean ? 2 : 0;
  if (will !== undefined) flags |= 4 | (will.qos << 3) | (will.retain ? 32 : 0);
  if (password !== undefined) flags |= 64;
  if (username !== undefined) flags |= 128;
  const parts = [
    text(version === 3 ? "MQIsdp" : "MQTT"),
    Buffer.from([version | (connect.bridge && !five ? 0x80 : 0), flags]),
    uint16(connect.keepAliveS),
  ];
  if (five) {
    const expiry = Buffer.alloc(4);
    expiry.writeUInt32BE(connect.sessionExpiryS);
    const properties = Buffer.concat([Buffer.from([0x11]), expiry, Buffer.from([0x21]), uint16(connect.receiveMaximum)]);
    parts.push(varint(properties.length), properties);
  }
  parts.push(text(connect.clientId));
  if (will !== undefined) {
    if (five) parts.push(Buffer.from([0]));
    parts.push(text(will.topic), text(will.payload));
  }
  if (username !== undefined) parts.push(text(username));
  if (password !== undefined) parts.push(text(password));
  return packet(0x10, parts);
}

/** Encodes a PUBLISH. [MQTT 5.0 §3.3] */
export function encodePublish(version: ProtocolVersion, publish: ClientPublish): Buffer {
  const { qos, payload } = publish;
  const topicBytes = Buffer.byteLength(publish.topic);
  const properties = version === 5 ? publish.properties : none;
  const propertiesLength = version === 5 ? varint(properties.length) : none;
  const length = 2 + topicBytes + (qos > 0 ? 2 : 0) + propertiesLength.length + properties.length + payload.length;
  const lengthBytes = varint(length);
  const bytes = Buffer.allocUnsafe(1 + lengthBytes.length + length);
  bytes[0] = 0x30 | (publish.dup && qos > 0 ? 8 : 0) | (qos << 1) | (publish.retain ? 1 : 0);
  let at = 1 + lengthBytes.copy(bytes, 1);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(publish.topic, at);
  if (qos > 0) at = bytes.writeUInt16BE(publish.packetId, at);
  at += propertiesLength.copy(bytes, at);
  at += properties.copy(bytes, at);
  payload.copy(bytes, at);
  return bytes;
}

/** Encodes PUBACK (4), PUBREC (5), PUBREL (6) or PUBCOMP (7); a reason code of 0 is left out, and so are all before 5.0. [MQTT 5.0 §3.4] */
export function encodeAck(version: ProtocolVersion, type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): Buffer {
  const first = (type << 4) | (type === 6 ? 2 : 0);
  const withReason = version === 5 && reasonCode !== 0;
  const head = [first, withReason ? 3 : 2, packetId >> 8, packetId & 0xff];
  return Buffer.from(withReason ? [...head, reasonCode] : head);
}

/** Encodes a SUBSCRIBE. [MQTT 5.0 §3.8] */
export function encodeSubscribe(version: ProtocolVersion, packetId: number, subscriptions: readonly ClientSubscription[]): Buffer {
  const parts = [uint16(packetId)];
  if (version === 5) parts.push(Buffer.from([0]));
  for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of subscriptions)
    parts.push(
      text(filter),
      Buffer.from([version === 5 ? qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4) : qos]),
    );
  return packet(0x82, parts);
}

/** Encodes an UNSUBSCRIBE. [MQTT 5.0 §3.10] */
export function encodeUnsubscribe(version: ProtocolVersion, packetId: number, filters: readonly string[]): Buffer {
  return packet(0xa2, [uint16(packetId), ...(version === 5 ? [Buffer.from([0])] : []), ...filters.map(text)]);
}

/** A PINGREQ. */
export const pingreq: Buffer = Buffer.from([0xc0, 0]);
/** A DISCONNECT without a reason: the will is not published. */
export const disconnect: Buffer = Buffer.from([0xe0, 0]);

function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly at: number } {
  let value = 0;
  for (let shift = 0, position = at; ; shift += 7, position++) {
    const byte = bytes[position];
    if (byte === undefined || shift > 21) throw new RangeError("a length that does not end");
    value |= (byte & 127) << shift;
    if (byte < 128) return { value, at: position + 1 };
  }
}

/** Lengths of properties with a fixed one. [MQTT 5.0 §2.2.2.2] */
const fixedLength: Readonly<Record<number, number>> = {
  1: 1,
  2: 4,
  17: 4,
  19: 2,
  23: 1,
  24: 4,
  25: 1,
  33: 2,
  34: 2,
  35: 2,
  36: 1,
  37: 1,
  39: 4,
  40: 1,
  41: 1,
  42: 1,
};

/** Walks properties; numbers come as numbers, everything else as its bytes. @throws {RangeError} for what is no property. */
export function* readProperties(bytes: Buffer): Generator<readonly [id: number, value: number | Buffer]> {
  let at = 0;
  while (at < bytes.length) {
    const id = bytes[at++]!;
    const fixed = fixedLength[id];
    if (fixed !== undefined) {
      yield [id, bytes.readUIntBE(at, fixed)];
      at += fixed;
      continue;
    }
    if (id === 0x0b) {
      const read = readVarint(bytes, at);
      yield [id, read.value];
      at = read.at;
      continue;
    }
    const start = at;
    at += 2 + bytes.readUInt16BE(at);
    if (id === 0x26) at += 2 + bytes.readUInt16BE(at);
    if (at > bytes.length) throw new RangeError(`property 0x${id.toString(16)} is longer than its packet`);
    yield [id, bytes.subarray(start, at)];
  }
}

/** Decodes a CONNACK's body. [MQTT 5.0 §3.2] */
export function decodeConnack(version: ProtocolVersion, body: Buffer): ClientConnack {
  const ack = {
    receiveMaximum: 65_535,
    maximumQos: 2 as Qos,
    retainAvailable: true,
    maximumPacketBytes: 268_435_460,
    keepAliveS: undefined as number | undefined,
  };
  if (version === 5 && body.length > 2) {
    const length = readVarint(body, 2);
    for (const [id, value] of readProperties(body.subarray(length.at, length.at + length.value))) {
      if (typeof value !== "number") continue;
      if (id === 0x21) ack.receiveMaximum = value;
      else if (id === 0x24) ack.maximumQos = value === 0 ? 0 : 1;
      else if (id === 0x25) ack.retainAvailable = value !== 0;
      else if (id === 0x27) ack.maximumPacketBytes = value;
      else if (id === 0x13) ack.keepAliveS = value;
    }
  }
  return { ...ack, sessionPresent: (body[0]! & 1) === 1, reasonCode: body[1]! };
}

/** Decodes a PUBLISH; payload and properties are views of `body`. [MQTT 5.0 §3.3] */
export function decodePublish(version: ProtocolVersion, first: number, body: Buffer): ClientPublish {
  const qos = ((first >> 1) & 3) as Qos;
  let at = 2 + body.readUInt16BE(0);
  const topic = body.toString("utf8", 2, at);
  let packetId = 0;
  if (qos > 0) {
    packetId = body.readUInt16BE(at);
    at += 2;
  }
  let properties = none;
  if (version === 5) {
    const length = readVarint(body, at);
    properties = body.subarray(length.at, length.at + length.value);
    at = length.at + length.value;
  }
  return { topic, qos, packetId, properties, payload: body.subarray(at), retain: (first & 1) === 1, dup: (first & 8) === 8 };
}

/** Cuts a stream into packets. */
export class PacketReader {
  #rest: Buffer = none;
  readonly #onPacket: (first: number, body: Buffer) => void;

  /** @param onPacket Is given each packet's first byte and what follows its length. */
  constructor(onPacket: (first: number, body: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  /** @throws {RangeError} when a packet's length does not end. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 2) {
      let last = at + 1;
      while (last < bytes.length && bytes[last]! > 127) last++;
      if (last - at > 4) throw new RangeError("a length that does not end");
      if (last === bytes.length) break;
      const length = readVarint(bytes, at + 1);
      if (length.at + length.value > bytes.length) break;
      this.#onPacket(bytes[at]!, bytes.subarray(length.at, length.at + length.value));
      at = length.at + length.value;
    }
    // A copy: the chunk may be a view of memory that its writer uses again.
    this.#rest = at === bytes.length ? none : Buffer.from(bytes.subarray(at));
  }
}
