/** Writes what the broker sends, PUBLISH aside (`writePublish`). [MQTT 5.0 §3] @module */
import { type Properties, type ProtocolVersion, packetType, type ServerPacket } from "./packet.ts";
import { encodeProperties } from "./property-encode.ts";
import { reasonCode } from "./reason-code.ts";
import { variableIntegerBytes, writeVariableInteger } from "./variable-integer.ts";

/** What the receiver asked for in its CONNECT. */
export interface EncodeOptions {
  /** Maximum Packet Size, bytes. */
  readonly mostBytes?: number | undefined;
  /** false for Request Problem Information 0: reason strings and user properties only in CONNACK and DISCONNECT. [MQTT-3.1.2-29] */
  readonly problemInformation?: boolean | undefined;
}

const nothing = Buffer.alloc(0);
const noProperties: Properties = {};

/**
 * A packet's bytes; its properties are ordered by id. When it would be over `mostBytes`, first its Reason String and then its User Properties are left out
 * [MQTT-3.2.2-19, MQTT-3.2.2-20 and their like]. An empty buffer says that it must not be sent at all: it is too large even so [MQTT-3.1.2-24], or a refusal
 * that 3.1.1 has no return code for [MQTT-3.2.2-6]; the connection is to be closed then.
 * @throws {TypeError} for a DISCONNECT or AUTH before 5.0, where servers have none.
 */
export function encodeServerPacket(packet: ServerPacket, version: ProtocolVersion, options?: EncodeOptions): Buffer {
  if (version !== 5) return encodeOld(packet, version);
  if (!("properties" in packet)) return Buffer.of(packet.type << 4, 0);
  const most = options?.mostBytes ?? Number.POSITIVE_INFINITY;
  const spare = options?.problemInformation === false && packet.type !== packetType.connack && packet.type !== packetType.disconnect;
  const { reasonString: _, ...unexplained } = packet.properties;
  const { userProperties: __, ...bare } = unexplained;
  for (const properties of spare ? [bare] : [packet.properties, unexplained, bare]) {
    const bytes = encodeNew(packet, properties);
    if (bytes.length <= most) return bytes;
  }
  return nothing;
}

type WithProperties = Extract<ServerPacket, { properties: Properties }>;

function encodeNew(packet: WithProperties, properties: Properties): Buffer {
  switch (packet.type) {
    case packetType.connack: {
      // A refusal has no session. [MQTT-3.2.2-6]
      const present = packet.sessionPresent && packet.reasonCode === reasonCode.success;
      return assemble(packet.type << 4, [present ? 1 : 0, packet.reasonCode], properties, []);
    }
    case packetType.suback:
    case packetType.unsuback:
      return assemble(packet.type << 4, idBytes(packet.packetId), properties, packet.reasonCodes);
    case packetType.disconnect:
    case packetType.auth:
      return assembleShort(packet.type << 4, [], packet.reasonCode, properties);
    default:
      return assembleShort(
        (packet.type << 4) | (packet.type === packetType.pubrel ? 2 : 0),
        idBytes(packet.packetId),
        packet.reasonCode,
        properties,
      );
  }
}

function encodeOld(packet: ServerPacket, version: 3 | 4): Buffer {
  switch (packet.type) {
    case packetType.connack: {
      const code = returnCode(packet.reasonCode);
      if (code === undefined) return nothing;
      // 3.1 has no such flag.
      return Buffer.of(packet.type << 4, 2, packet.sessionPresent && code === 0 && version === 4 ? 1 : 0, code);
    }
    case packetType.suback:
      return assemble(
        packet.type << 4,
        idBytes(packet.packetId),
        undefined,
        packet.reasonCodes.map((code) => Math.min(code, 0x80)),
      );
    case packetType.pingreq:
    case packetType.pingresp:
      return Buffer.of(packet.type << 4, 0);
    case packetType.disconnect:
    case packetType.auth:
      throw new TypeError(`servers do not send packets of type ${packet.type} before MQTT 5.0`);
    default: {
      const bytes = Buffer.allocUnsafe(4);
      writeAcknowledgement(bytes, 0, packet.type, packet.packetId);
      return bytes;
    }
  }
}

/** Writes a successful PUBACK, PUBREC, PUBREL, PUBCOMP or, before 5.0, an UNSUBACK: four bytes in all versions. @returns The offset behind it. */
export function writeAcknowledgement(target: Buffer, at: number, type: 4 | 5 | 6 | 7 | 11, packetId: number): number {
  target[at] = (type << 4) | (type === packetType.pubrel ? 2 : 0);
  target[at + 1] = 2;
  target[at + 2] = packetId >>> 8;
  target[at + 3] = packetId & 0xff;
  return at + 4;
}

/** A CONNACK's return code of 3.1.1 §3.2.2.3 for a reason code; undefined where none fits. */
function returnCode(code: number): number | undefined {
  switch (code) {
    case reasonCode.success:
      return 0;
    case reasonCode.unsupportedProtocolVersion:
      return 1;
    case reasonCode.clientIdentifierNotValid:
      return 2;
    case reasonCode.unspecifiedError:
    case reasonCode.implementationSpecific:
    case reasonCode.serverUnavailable:
    case reasonCode.serverBusy:
    case reasonCode.serverShuttingDown:
    case reasonCode.quotaExceeded:
    case reasonCode.useAnotherServer:
    case reasonCode.serverMoved:
    case reasonCode.connectionRateExceeded:
      return 3;
    case reasonCode.badUserNameOrPassword:
      return 4;
    case reasonCode.notAuthorized:
    case reasonCode.banned:
    case reasonCode.badAuthenticationMethod:
      return 5;
    default:
      return undefined;
  }
}

const idBytes = (id: number): number[] => [id >>> 8, id & 0xff];

/** Success without properties, and a code without properties, are left out where that may be. [MQTT 5.0 §3.4.2.1, §3.14.2.1] */
function assembleShort(first: number, lead: number[], code: number, properties: Properties): Buffer {
  const encoded = encodeProperties(properties);
  if (encoded.length > 0) return assemble(first, [...lead, code], properties, []);
  return assemble(first, code === 0 ? lead : [...lead, code], undefined, []);
}

/** `properties` undefined writes no length for them either. */
function assemble(first: number, lead: readonly number[], properties: Properties | undefined, tail: readonly number[]): Buffer {
  const encoded = encodeProperties(properties ?? noProperties);
  const propertiesBytes = properties === undefined ? 0 : variableIntegerBytes(encoded.length) + encoded.length;
  const length = lead.length + propertiesBytes + tail.length;
  const bytes = Buffer.allocUnsafe(1 + variableIntegerBytes(length) + length);
  bytes[0] = first;
  let at = writeVariableInteger(bytes, 1, length);
  bytes.set(lead, at);
  at += lead.length;
  if (properties !== undefined) {
    at = writeVariableInteger(bytes, at, encoded.length);
    at += encoded.copy(bytes, at);
  }
  bytes.set(tail, at);
  return bytes;
}
