/** Writes a PUBLISH from its parts into a buffer that is there already. [MQTT 5.0 §3.3] @module */
import type { Qos } from "../message.ts";
import { type Properties, type ProtocolVersion, packetType } from "./packet.ts";
import { propertyEnd } from "./property.ts";
import { decodeProperties } from "./property-decode.ts";
import { variableIntegerBytes, writeVariableInteger } from "./variable-integer.ts";

/** The parts of a PUBLISH to be written; one object may be used again and again. */
export interface PublishFields {
  version: ProtocolVersion;
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** Not written for QoS 0. */
  packetId: number;
  /** A string, or bytes of which `[topicStart, topicEnd)` are the topic. The receiver's alias stands for an empty one. */
  topic: string | Buffer;
  topicStart: number;
  topicEnd: number;
  /** `[propertiesStart, propertiesEnd)` are forwarded as they are; see `Message.properties`. Left out for older versions, as are the next three. */
  properties: Buffer;
  propertiesStart: number;
  propertiesEnd: number;
  /** Seconds; -1 is none. */
  messageExpiryS: number;
  subscriptionIdentifiers: readonly number[];
  /** 0 is none. */
  topicAlias: number;
  /** `[payloadStart, payloadEnd)` is the payload. */
  payload: Buffer;
  payloadStart: number;
  payloadEnd: number;
}

const nothing = Buffer.alloc(0);
const noIdentifiers: readonly number[] = [];

/** Fields of an empty PUBLISH of QoS 0. */
export const newPublishFields = (): PublishFields => ({
  version: 4,
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  topic: "",
  topicStart: 0,
  topicEnd: 0,
  properties: nothing,
  propertiesStart: 0,
  propertiesEnd: 0,
  messageExpiryS: -1,
  subscriptionIdentifiers: noIdentifiers,
  topicAlias: 0,
  payload: nothing,
  payloadStart: 0,
  payloadEnd: 0,
});

const topicBytes = (fields: PublishFields): number =>
  typeof fields.topic === "string" ? Buffer.byteLength(fields.topic) : fields.topicEnd - fields.topicStart;

function propertiesBytes(fields: PublishFields): number {
  let bytes = fields.propertiesEnd - fields.propertiesStart;
  if (fields.messageExpiryS >= 0) bytes += 5;
  if (fields.topicAlias !== 0) bytes += 3;
  const { subscriptionIdentifiers } = fields;
  for (let index = 0; index < subscriptionIdentifiers.length; index++) bytes += 1 + variableIntegerBytes(subscriptionIdentifiers[index]!);
  return bytes;
}

function remainingLength(fields: PublishFields, topic: number, properties: number): number {
  const length = 2 + topic + (fields.qos === 0 ? 0 : 2) + fields.payloadEnd - fields.payloadStart;
  return fields.version === 5 ? length + variableIntegerBytes(properties) + properties : length;
}

/** Bytes that {@link writePublish} will write. */
export function publishSize(fields: PublishFields): number {
  const length = remainingLength(fields, topicBytes(fields), fields.version === 5 ? propertiesBytes(fields) : 0);
  return 1 + variableIntegerBytes(length) + length;
}

/** Writes the packet at `at`, where {@link publishSize} bytes are free. @returns The offset behind it. */
export function writePublish(target: Buffer, at: number, fields: PublishFields): number {
  const topicLength = topicBytes(fields);
  const propertiesLength = fields.version === 5 ? propertiesBytes(fields) : 0;
  let next = at;
  target[next++] = (packetType.publish << 4) | (fields.dup ? 8 : 0) | (fields.qos << 1) | (fields.retain ? 1 : 0);
  next = writeVariableInteger(target, next, remainingLength(fields, topicLength, propertiesLength));
  target[next++] = topicLength >>> 8;
  target[next++] = topicLength & 0xff;
  if (typeof fields.topic === "string") writeText(target, next, fields.topic, topicLength);
  else copy(target, next, fields.topic, fields.topicStart, fields.topicEnd);
  next += topicLength;
  if (fields.qos !== 0) {
    target[next++] = fields.packetId >>> 8;
    target[next++] = fields.packetId & 0xff;
  }
  if (fields.version === 5) {
    next = writeVariableInteger(target, next, propertiesLength);
    next = writeProperties(target, next, fields);
  }
  return copy(target, next, fields.payload, fields.payloadStart, fields.payloadEnd);
}

function writeProperties(target: Buffer, at: number, fields: PublishFields): number {
  let next = at;
  if (fields.messageExpiryS >= 0) {
    target[next] = 2;
    target.writeUInt32BE(fields.messageExpiryS, next + 1);
    next += 5;
  }
  const { subscriptionIdentifiers } = fields;
  for (let index = 0; index < subscriptionIdentifiers.length; index++) {
    target[next++] = 11;
    next = writeVariableInteger(target, next, subscriptionIdentifiers[index]!);
  }
  if (fields.topicAlias !== 0) {
    target[next++] = 35;
    target[next++] = fields.topicAlias >>> 8;
    target[next++] = fields.topicAlias & 0xff;
  }
  return copy(target, next, fields.properties, fields.propertiesStart, fields.propertiesEnd);
}

/** Up to so many bytes are written quicker here than by a call into C++. */
const fewBytes = 40;

/** @returns The offset behind the copy. */
function copy(target: Buffer, at: number, from: Buffer, start: number, end: number): number {
  const shift = at - start;
  if (end - start > fewBytes) from.copy(target, at, start, end);
  else for (let index = start; index < end; index++) target[index + shift] = from[index]!;
  return end + shift;
}

function writeText(target: Buffer, at: number, text: string, bytes: number): void {
  if (bytes > fewBytes || bytes !== text.length) target.write(text, at);
  else for (let index = 0; index < bytes; index++) target[at + index] = text.charCodeAt(index);
}

/** Whether a property is the matter of one hop: expiry, subscription identifier, will delay, topic alias. */
const staysHere = (id: number): boolean => id === 2 || id === 11 || id === 24 || id === 35;

/**
 * A copy of the valid properties `buffer[start, end)` of a PUBLISH or a will as they are forwarded, in their order: see `Message.properties`. It shares memory
 * with nothing but other copies; one empty buffer stands for none. [MQTT-3.3.2-17] [MQTT-3.3.2-18]
 */
export function forwardedProperties(buffer: Buffer, start: number, end: number): Buffer {
  let length = 0;
  for (let at = start, behind = start; at < end; at = behind) {
    behind = propertyEnd(buffer, at, end);
    if (!staysHere(buffer[at]!)) length += behind - at;
  }
  if (length === 0) return nothing;
  const forwarded = Buffer.allocUnsafe(length);
  let next = 0;
  for (let at = start, behind = start; at < end; at = behind) {
    behind = propertyEnd(buffer, at, end);
    if (!staysHere(buffer[at]!)) next = copy(forwarded, next, buffer, at, behind);
  }
  return forwarded;
}

/** Forwarded properties by name, for tools. @throws {PacketError} when they are not valid. */
export function describeProperties(properties: Buffer): Properties {
  return decodeProperties(properties, 0, properties.length, packetType.publish);
}
