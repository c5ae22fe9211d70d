/** Properties of MQTT 5.0 on the wire: their ids, types, and the packets they may be in. [MQTT 5.0 §2.2.2.2] @module */
import { PacketError, type Properties, packetType } from "./packet.ts";
import { dataEnd } from "./utf8.ts";
import { readVariableInteger, variableIntegerBytes } from "./variable-integer.ts";

/** The place of a will's properties, among packet types. */
export const willPlace = 0;

/** How a property's value is written: `flag` is a byte that is 0 or 1, `pairs` two strings, and that property may be there many times. */
export type PropertyKind = "flag" | "u16" | "u32" | "variable" | "text" | "binary" | "pairs";

/** One property. */
export interface PropertyType {
  readonly id: number;
  readonly name: keyof Properties;
  readonly kind: PropertyKind;
  /** Bit n is set when packets of type n may have it; bit {@link willPlace} stands for wills. */
  readonly places: number;
}

const { connect, connack, publish, puback, pubrec, pubrel, pubcomp, subscribe, suback, unsubscribe, unsuback, disconnect, auth } =
  packetType;
const acknowledged = [connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth];

const type = (id: number, name: keyof Properties, kind: PropertyKind, ...places: number[]): PropertyType => ({
  id,
  name,
  kind,
  places: places.reduce((mask, place) => mask | (1 << place), 0),
});

/** All of them, by id. */
export const propertyTypes: readonly PropertyType[] = [
  type(1, "payloadFormatIndicator", "flag", publish, willPlace),
  type(2, "messageExpiryIntervalS", "u32", publish, willPlace),
  type(3, "contentType", "text", publish, willPlace),
  type(8, "responseTopic", "text", publish, willPlace),
  type(9, "correlationData", "binary", publish, willPlace),
  type(11, "subscriptionIdentifiers", "variable", publish, subscribe),
  type(17, "sessionExpiryIntervalS", "u32", connect, connack, disconnect),
  type(18, "assignedClientIdentifier", "text", connack),
  type(19, "serverKeepAliveS", "u16", connack),
  type(21, "authenticationMethod", "text", connect, connack, auth),
  type(22, "authenticationData", "binary", connect, connack, auth),
  type(23, "requestProblemInformation", "flag", connect),
  type(24, "willDelayIntervalS", "u32", willPlace),
  type(25, "requestResponseInformation", "flag", connect),
  type(26, "responseInformation", "text", connack),
  type(28, "serverReference", "text", connack, disconnect),
  type(31, "reasonString", "text", ...acknowledged),
  type(33, "receiveMaximum", "u16", connect, connack),
  type(34, "topicAliasMaximum", "u16", connect, connack),
  type(35, "topicAlias", "u16", publish),
  type(36, "maximumQos", "flag", connack),
  type(37, "retainAvailable", "flag", connack),
  type(38, "userProperties", "pairs", connect, publish, willPlace, subscribe, unsubscribe, ...acknowledged),
  type(39, "maximumPacketBytes", "u32", connect, connack),
  type(40, "wildcardSubscriptionAvailable", "flag", connack),
  type(41, "subscriptionIdentifierAvailable", "flag", connack),
  type(42, "sharedSubscriptionAvailable", "flag", connack),
];

const byId: (PropertyType | undefined)[] = Array.from({ length: 43 }, (_, id) => propertyTypes.find((known) => known.id === id));

/** The property with an id. @throws {PacketError} 0x81 when there is none. */
export function propertyOf(id: number): PropertyType {
  const known = byId[id];
  if (known === undefined) throw new PacketError(0x81, `there is no property ${id} [MQTT 5.0 §2.2.2.2]`);
  return known;
}

/** First byte behind the property whose id is at `at`. @throws {PacketError} 0x81 for an unknown one, and when it goes past `end`. */
export function propertyEnd(buffer: Buffer, at: number, end: number): number {
  const value = at + 1;
  const behind = valueEnd(propertyOf(buffer[at]!).kind, buffer, value, end);
  if (behind > end) throw new PacketError(0x81, "a property goes past the end of the properties");
  return behind;
}

function valueEnd(kind: PropertyKind, buffer: Buffer, at: number, end: number): number {
  switch (kind) {
    case "flag":
      return at + 1;
    case "u16":
      return at + 2;
    case "u32":
      return at + 4;
    case "variable":
      return at + variableIntegerBytes(readVariableInteger(buffer, at, end));
    case "pairs":
      return dataEnd(buffer, dataEnd(buffer, at, end), end);
    default:
      return dataEnd(buffer, at, end);
  }
}
