/** Reads what clients send, PUBLISH aside (`scanPublish`). [MQTT 5.0 §3] @module */
import { decodeConnect } from "./decode-connect.ts";
import { decodeSubscribe, decodeUnsubscribe } from "./decode-subscribe.ts";
import { checkShortestLength } from "./framing.ts";
import {
  type Acknowledgement,
  type Auth,
  type ClientPacket,
  type Disconnect,
  PacketError,
  type ProtocolVersion,
  packetType,
} from "./packet.ts";
import { PacketReader } from "./packet-reader.ts";
import { noProperties } from "./property-decode.ts";
import { mayCarry, reasonCode } from "./reason-code.ts";

/** Flags of the first byte; all that are not here have none. [MQTT 5.0 §2.1.3] */
const fixedFlags: Readonly<Record<number, number>> = { [packetType.pubrel]: 2, [packetType.subscribe]: 2, [packetType.unsubscribe]: 2 };

/**
 * The packet in `buffer[start, end)`, whose remaining length ends before `body`; it holds nothing of the buffer. A CONNECT tells its version itself,
 * for all others it is the connection's.
 * @throws {PacketError} for anything that is not a valid packet of a client.
 * @example
 * ```ts
 * const length = packetLength(bytes, 0, bytes.length);
 * if (length > 0 && length <= bytes.length) decodeClientPacket(bytes, 0, bodyStart(bytes, 0), length, 4);
 * ```
 */
export function decodeClientPacket(buffer: Buffer, start: number, body: number, end: number, version: ProtocolVersion): ClientPacket {
  const first = buffer[start]!;
  const type = first >> 4;
  if (type === packetType.connect) return decodeConnect(buffer, start, body, end);
  if (version === 5) checkShortestLength(buffer, start, body);
  // In 3.1 these flags are QoS and DUP, or not used.
  if (version !== 3 && (first & 15) !== (fixedFlags[type] ?? 0))
    throw new PacketError(0x81, "[MQTT-2.1.3-1] the flags in a packet's first byte are not those of its type");
  const reader = new PacketReader(buffer, body, end);
  switch (type) {
    case packetType.puback:
    case packetType.pubrec:
    case packetType.pubrel:
    case packetType.pubcomp:
      return decodeAcknowledgement(reader, type, version);
    case packetType.subscribe:
      return decodeSubscribe(reader, version);
    case packetType.unsubscribe:
      return decodeUnsubscribe(reader, version);
    case packetType.pingreq:
      reader.done();
      return { type };
    case packetType.disconnect:
      return decodeDisconnect(reader, version);
    case packetType.auth:
      return decodeAuth(reader, version);
    case 0:
      throw new PacketError(0x81, "packet type 0 is forbidden [MQTT 5.0 §2.1.2]");
    default:
      throw new PacketError(0x82, `a client must not send packets of type ${type} [MQTT 5.0 §2.1.2]`);
  }
}

function decodeAcknowledgement(reader: PacketReader, type: 4 | 5 | 6 | 7, version: ProtocolVersion): Acknowledgement {
  const packetId = reader.packetId();
  if (reader.at === reader.end) return { type, packetId, reasonCode: 0, properties: noProperties };
  if (version !== 5) reader.done();
  const code = reader.byte();
  checkReason(type, code);
  const properties = reader.at === reader.end ? noProperties : reader.properties(type);
  reader.done();
  return { type, packetId, reasonCode: code, properties };
}

function decodeDisconnect(reader: PacketReader, version: ProtocolVersion): Disconnect {
  const type = packetType.disconnect;
  if (reader.at === reader.end) return { type, reasonCode: reasonCode.success, properties: noProperties };
  if (version !== 5) reader.done();
  const code = reader.byte();
  checkReason(type, code);
  const properties = reader.at === reader.end ? noProperties : reader.properties(type);
  reader.done();
  return { type, reasonCode: code, properties };
}

function decodeAuth(reader: PacketReader, version: ProtocolVersion): Auth {
  const type = packetType.auth;
  if (version !== 5) throw new PacketError(0x81, "packet type 15 is forbidden before 5.0 [MQTT 3.1.1 §2.2.1]");
  // Without a reason code it is success, which only servers send. [MQTT 5.0 §3.15.2.1]
  const code = reader.at === reader.end ? reasonCode.success : reader.byte();
  checkReason(type, code);
  const properties = reader.at === reader.end ? noProperties : reader.properties(type);
  reader.done();
  if (properties.authenticationMethod === undefined)
    throw new PacketError(0x82, "an AUTH has no authentication method [MQTT 5.0 §3.15.2.2.2]");
  return { type, reasonCode: code, properties };
}

function checkReason(type: number, code: number): void {
  if (!mayCarry("client", type, code))
    throw new PacketError(0x82, `a client's packet of type ${type} must not carry reason code 0x${code.toString(16)} [MQTT 5.0 §2.4]`);
}
