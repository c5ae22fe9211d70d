/** Writes a PUBLISH from its parts into a buffer that is there already. [MQTT 5.0 §3.3] @module */
import type { Qos } from "../message.ts";
import { type Properties, packetType } from "./packet.ts";
import { propertyEnd } from "./property.ts";
import { decodeProperties } from "./property-decode.ts";
import { variableIntegerBytes, writeVariableInteger } from "./variable-integer.ts";

/** The parts of a PUBLISH to be written; one object may be used again and again. */
export interface PublishFields {
  /** For MQTT 5.0; older versions have no properties, identifiers, expiry and alias, and those given are left out. */
  five: boolean;
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** Not written for QoS 0. */
  packetId: number;
  /** A string, or the topic's bytes. Empty where the receiver knows it by its alias. */
  topic: string | Buffer;
  /** Forwarded as they are; see `Message.properties`. */
  properties: Buffer;
  /** Seconds; -1 is none. */
  messageExpiryS: number;
  /** Subscription Identifiers. */
  identifiers: readonly number[];
  /** 0 is none. */
  topicAlias: number;
  /** `[payloadStart, payloadEnd)` of it is the payload. */
  payload: Buffer;
  payloadStart: number;
  payloadEnd: number;
}

const topicBytes = (topic: string | Buffer): number => (typeof topic === "string" ? Buffer.byteLength(topic) : topic.length);

function propertiesBytes(fields: PublishFields): number {
  let bytes = fields.properties.length;
  if (fields.messageExpiryS >= 0) bytes += 5;
  if (fields.topicAlias !== 0) bytes += 3;
  const { identifiers } = fields;
  for (let index = 0; index < identifiers.length; index++) bytes += 1 + variableIntegerBytes(identifiers[index]!);
  return bytes;
}

function remainingLength(fields: PublishFields, topic: number, properties: number): number {
  const length = 2 + topic + (fields.qos === 0 ? 0 : 2) + fields.payloadEnd - fields.payloadStart;
  return fields.five ? length + variableIntegerBytes(properties) + properties : length;
}

/** Bytes that {@link writePublish} will write. */
export function publishSize(fields: PublishFields): number {
  const length = remainingLength(fields, topicBytes(fields.topic), fields.five ? propertiesBytes(fields) : 0);
  return 1 + variableIntegerBytes(length) + length;
}

/** Writes the packet at `at`, where {@link publishSize} bytes are free. @returns The offset behind it. */
export function writePublish(target: Buffer, at: number, fields: PublishFields): number {
  const topicLength = topicBytes(fields.topic);
  const propertiesLength = fields.five ? propertiesBytes(fields) : 0;
  let next = at;
  target[next++] = (packetType.publish << 4) | (fields.dup ? 8 : 0) | (fields.qos << 1) | (fields.retain ? 1 : 0);
  next = writeVariableInteger(target, next, remainingLength(fields, topicLength, propertiesLength));
  target[next++] = topicLength >>> 8;
  target[next++] = topicLength & 0xff;
  if (typeof fields.topic === "string") next += target.write(fields.topic, next);
  else next += fields.topic.copy(target, next);
  if (fields.qos !== 0) {
    target[next++] = fields.packetId >>> 8;
    target[next++] = fields.packetId & 0xff;
  }
  if (fields.five) {
    next = writeVariableInteger(target, next, propertiesLength);
    next = writeProperties(target, next, fields);
  }
  return next + fields.payload.copy(target, next, fields.payloadStart, fields.payloadEnd);
}

function writeProperties(target: Buffer, at: number, fields: PublishFields): number {
  let next = at;
  if (fields.messageExpiryS >= 0) {
    target[next] = 2;
    target.writeUInt32BE(fields.messageExpiryS, next + 1);
    next += 5;
  }
  const { identifiers } = fields;
  for (let index = 0; index < identifiers.length; index++) {
    target[next++] = 11;
    next = writeVariableInteger(target, next, identifiers[index]!);
  }
  if (fields.topicAlias !== 0) {
    target[next++] = 35;
    target[next++] = fields.topicAlias >>> 8;
    target[next++] = fields.topicAlias & 0xff;
  }
  return next + fields.properties.copy(target, next);
}

/** Whether a property is the matter of one hop: expiry, subscription identifier, will delay, topic alias. */
const staysHere = (id: number): boolean => id === 2 || id === 11 || id === 24 || id === 35;

/**
 * A copy of the valid properties `buffer[start, end)` of a PUBLISH or a will as they are forwarded: see `Message.properties`; in the order they came in. [MQTT-3.3.2-18]
 */
export function forwardedProperties(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  let length = 0;
  for (let at = start; at < end; ) {
    const behind = propertyEnd(buffer, at, end);
    if (!staysHere(buffer[at]!)) length += buffer.copy(copy, length, at, behind);
    at = behind;
  }
  return length === copy.length ? copy : Buffer.from(copy.subarray(0, length));
}

/** Forwarded properties by name, for tools. @throws {PacketError} when they are not valid. */
export function describeProperties(properties: Buffer): Properties {
  return decodeProperties(properties, 0, properties.length, packetType.publish);
}
