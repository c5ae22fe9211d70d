/** Reads the properties of a packet into an object, and checks each for its packet and its value. [MQTT 5.0 §2.2.2] @module */
import { PacketError, type Properties, packetType } from "./packet.ts";
import { type PropertyType, propertyEnd, propertyOf } from "./property.ts";
import { hasWildcard } from "./topic.ts";
import { textEnd } from "./utf8.ts";
import { readVariableInteger } from "./variable-integer.ts";

/** No properties; shared by all packets that have none. */
export const noProperties: Properties = Object.freeze({});

/** Properties whose value must not be 0. */
const neverZero: readonly string[] = ["subscriptionIdentifiers", "receiveMaximum", "maximumPacketBytes"];

/**
 * Properties in `buffer[start, end)`, without their length; strings and binary data are copies.
 * `place` is the packet type, or `willPlace`.
 * @throws {PacketError} 0x81 for one that is unknown, cut off or not of this packet; 0x82 for one that is there twice or has a value it must not have.
 */
export function decodeProperties(buffer: Buffer, start: number, end: number, place: number): Properties {
  if (start === end) return noProperties;
  const properties: Properties = {};
  let at = start;
  while (at < end) {
    const type = propertyOf(buffer[at]!);
    if ((type.places & (1 << place)) === 0)
      throw new PacketError(0x81, `property ${type.id} must not be in a packet of type ${place} [MQTT 5.0 §2.2.2.2]`);
    const behind = propertyEnd(buffer, at, end);
    put(properties, type, place, buffer, at + 1, behind);
    at = behind;
  }
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined)
    throw new PacketError(0x82, "authentication data without an authentication method [MQTT 5.0 §3.1.2.11.10]");
  return properties;
}

function put(properties: Properties, type: PropertyType, place: number, buffer: Buffer, at: number, end: number): void {
  const { name } = type;
  if (name === "userProperties") {
    const middle = textEnd(buffer, at, end);
    textEnd(buffer, middle, end);
    properties.userProperties ??= [];
    properties.userProperties.push([buffer.toString("utf8", at + 2, middle), buffer.toString("utf8", middle + 2, end)]);
    return;
  }
  const again = properties[name] !== undefined;
  // What a server sends may have several Subscription Identifiers; what a client sends never reaches this for a PUBLISH.
  if (again && !(name === "subscriptionIdentifiers" && place === packetType.publish))
    throw new PacketError(0x82, `property ${type.id} is there twice [MQTT 5.0 §2.2.2.2]`);
  const value = read(type, buffer, at, end);
  if (value === 0 && neverZero.includes(name)) throw new PacketError(0x82, `property ${type.id} is 0`);
  if (name === "responseTopic" && (end - at === 2 || hasWildcard(buffer, at + 2, end)))
    throw new PacketError(0x82, "[MQTT-3.3.2-14] a response topic is empty or has wildcards in it");
  const target = properties as Record<string, unknown>;
  if (name === "subscriptionIdentifiers") target[name] = [...(properties.subscriptionIdentifiers ?? []), value];
  else target[name] = value;
}

function read(type: PropertyType, buffer: Buffer, at: number, end: number): number | string | Buffer {
  switch (type.kind) {
    case "flag": {
      const value = buffer[at]!;
      if (value > 1) throw new PacketError(0x82, `property ${type.id} must be 0 or 1`);
      return value;
    }
    case "u16":
      return buffer.readUInt16BE(at);
    case "u32":
      return buffer.readUInt32BE(at);
    case "variable":
      return readVariableInteger(buffer, at, end);
    case "binary":
      return Buffer.from(buffer.subarray(at + 2, end));
    default:
      return buffer.toString("utf8", at + 2, textEnd(buffer, at, end));
  }
}
