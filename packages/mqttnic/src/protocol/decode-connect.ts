/** Reads a CONNECT of any version. [MQTT 5.0 §3.1, MQTT 3.1.1 §3.1, MQTT 3.1 §3.1] @module */
import type { Qos } from "../message.ts";
import { checkShortestLength } from "./framing.ts";
import { type Connect, PacketError, type ProtocolVersion, packetType, type Will } from "./packet.ts";
import { PacketReader } from "./packet-reader.ts";
import { willPlace } from "./property.ts";
import { noProperties } from "./property-decode.ts";
import { forwardedProperties } from "./publish-encode.ts";
import { checkTopicName } from "./topic.ts";

/** By which mosquitto's bridges mark the protocol level. */
const bridgeBit = 0x80;
const nothing = Buffer.alloc(0);

/**
 * The CONNECT in `buffer[start, end)`, whose remaining length ends before `body`; it holds nothing of the buffer.
 * @throws {PacketError} 0x84 for a protocol that is not spoken here, 0x85 for a client id that is not valid, 0x90 for a will topic that is not, 0x81, 0x82;
 *   its `version` tells how to answer, where that is known.
 */
export function decodeConnect(buffer: Buffer, start: number, body: number, end: number): Connect {
  const reader = new PacketReader(buffer, body, end);
  const name = reader.binary().toString("latin1");
  if (name !== "MQTT" && name !== "MQIsdp") throw new PacketError(0x84, "[MQTT-3.1.2-1] a protocol name is neither MQTT nor MQIsdp");
  const level = reader.byte();
  const version = versionOf(name, level);
  if (version === undefined)
    throw new PacketError(
      0x84,
      `[MQTT-3.1.2-2] protocol ${name} of level ${level} is not spoken here`,
      level > 4 && level < bridgeBit ? 5 : 4,
    );
  try {
    if (version === 5) checkShortestLength(buffer, start, body);
    if (version !== 3 && (buffer[start]! & 15) !== 0) throw new PacketError(0x81, "[MQTT-2.1.3-1] a CONNECT has flags in its first byte");
    return decodeFields(reader, version, version < 5 && level >= bridgeBit);
  } catch (error) {
    throw error instanceof PacketError ? new PacketError(error.reasonCode, error.message, version) : error;
  }
}

function versionOf(name: string, level: number): ProtocolVersion | undefined {
  if (name === "MQIsdp") return (level & ~bridgeBit) === 3 ? 3 : undefined;
  if (level === 5) return 5;
  return (level & ~bridgeBit) === 4 ? 4 : undefined;
}

function decodeFields(reader: PacketReader, version: ProtocolVersion, bridge: boolean): Connect {
  const flags = reader.byte();
  if (version !== 3) checkFlags(flags, version);
  const keepAliveS = reader.u16();
  const properties = version === 5 ? reader.properties(packetType.connect) : noProperties;
  const clientId = reader.text();
  const will = (flags & 0x04) !== 0 ? decodeWill(reader, flags, version) : undefined;
  // MQTT 3.1 §3.1: a client may set these flags and leave the strings out; the remaining length decides.
  const leftOut = (): boolean => version === 3 && reader.at === reader.end;
  const username = (flags & 0x80) !== 0 && !leftOut() ? reader.text() : undefined;
  const password = (flags & 0x40) !== 0 && !leftOut() ? reader.binary() : undefined;
  reader.done();
  const clean = (flags & 0x02) !== 0;
  // 3.1 also allows no more than 23 characters; clients do not keep to that, and nobody minds.
  if (clientId === "" && (version === 3 || (version === 4 && !clean)))
    throw new PacketError(0x85, "[MQTT-3.1.3-8] a client id is empty where the session is to be kept (3.1: always)");
  return { type: packetType.connect, version, clean, keepAliveS, clientId, will, username, password, properties, bridge };
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & 0x01) !== 0) throw new PacketError(0x81, "[MQTT-3.1.2-3] the reserved flag of a CONNECT is set");
  if ((flags & 0x04) === 0 && (flags & 0x38) !== 0)
    throw new PacketError(0x81, "[MQTT-3.1.2-11] [MQTT-3.1.2-13] will QoS or will retain without a will");
  if (version === 4 && (flags & 0xc0) === 0x40) throw new PacketError(0x81, "[MQTT-3.1.2-22] (3.1.1) a password without a user name");
}

function decodeWill(reader: PacketReader, flags: number, version: ProtocolVersion): Will {
  const qos = ((flags >> 3) & 3) as Qos | 3;
  if (qos === 3) throw new PacketError(0x81, "[MQTT-3.1.2-12] a will has QoS 3");
  const values = version === 5 ? reader.properties(willPlace) : noProperties;
  const properties = values === noProperties ? nothing : forwardedProperties(reader.buffer, reader.propertiesStart, reader.at);
  const topicStart = reader.at + 2;
  const topic = reader.text();
  checkTopicName(reader.buffer, topicStart, reader.at);
  const payload = reader.binary();
  return {
    topic,
    payload,
    qos,
    retain: (flags & 0x20) !== 0,
    properties,
    delayS: values.willDelayIntervalS ?? 0,
    expiryS: values.messageExpiryIntervalS,
  };
}
