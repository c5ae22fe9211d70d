/** Finds the parts of a PUBLISH from a client, and checks all but its topic's characters and its payload. [MQTT 5.0 §3.3] @module */
import { checkShortestLength } from "./framing.ts";
import { PacketError, type ProtocolVersion, type PublishView } from "./packet.ts";
import { hasWildcard } from "./topic.ts";
import { dataEnd, textEnd } from "./utf8.ts";
import { readVariableInteger, variableIntegerBytes } from "./variable-integer.ts";

/** A view for {@link scanPublish} to fill. */
export const newPublishView = (): PublishView => ({
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  topicStart: 0,
  topicEnd: 0,
  propertiesAt: 0,
  propertiesStart: 0,
  propertiesEnd: 0,
  payloadStart: 0,
  payloadEnd: 0,
  topicAlias: 0,
  messageExpiryS: -1,
  payloadFormat: 0,
  forwardable: true,
});

/**
 * Fills `view` from the PUBLISH in `buffer[start, end)` whose remaining length ends before `body`; allocates nothing.
 * The topic's characters are not checked: a broker that sees the same topic again need not. `checkTopicName` does it.
 * @throws {PacketError} 0x81 malformed, 0x82 protocol error, 0x94 for topic alias 0. Also when thrown, `view` may have been written to.
 */
export function scanPublish(buffer: Buffer, start: number, body: number, end: number, version: ProtocolVersion, view: PublishView): void {
  const first = buffer[start]!;
  const qos = (first >> 1) & 3;
  if (qos === 3) throw new PacketError(0x81, "[MQTT-3.3.1-4] a PUBLISH has QoS 3");
  const dup = (first & 8) !== 0;
  if (dup && qos === 0) throw new PacketError(0x81, "[MQTT-3.3.1-2] a PUBLISH of QoS 0 has DUP set");
  let at = dataEnd(buffer, body, end);
  view.qos = qos as 0 | 1 | 2;
  view.retain = (first & 1) !== 0;
  view.dup = dup;
  view.topicStart = body + 2;
  view.topicEnd = at;
  if (qos === 0) view.packetId = 0;
  else {
    if (at + 2 > end) throw new PacketError(0x81, "[MQTT-2.2.1-2] a PUBLISH ends before its packet identifier");
    const packetId = (buffer[at]! << 8) | buffer[at + 1]!;
    if (packetId === 0) throw new PacketError(0x82, "[MQTT-2.2.1-3] a PUBLISH has packet identifier 0");
    view.packetId = packetId;
    at += 2;
  }
  view.propertiesAt = at;
  view.topicAlias = 0;
  view.messageExpiryS = -1;
  view.payloadFormat = 0;
  view.forwardable = true;
  view.payloadEnd = end;
  if (version === 5) {
    checkShortestLength(buffer, start, body);
    const length = readVariableInteger(buffer, at, end);
    at += variableIntegerBytes(length);
    const propertiesEnd = at + length;
    if (propertiesEnd > end) throw new PacketError(0x81, "the properties of a PUBLISH go past its end");
    view.propertiesStart = at;
    view.propertiesEnd = propertiesEnd;
    view.payloadStart = propertiesEnd;
    if (length > 0) scanProperties(buffer, at, propertiesEnd, view);
    if (view.topicEnd === view.topicStart && view.topicAlias === 0)
      throw new PacketError(0x82, "a PUBLISH has neither topic nor topic alias [MQTT 5.0 §3.3.2.1]");
    return;
  }
  view.propertiesStart = at;
  view.propertiesEnd = at;
  view.payloadStart = at;
  if (view.topicEnd === view.topicStart) throw new PacketError(0x81, "[MQTT-4.7.3-1] a PUBLISH has an empty topic");
}

/** Bits of what has been seen, for the properties that may be there once. */
const seenFormat = 1;
const seenExpiry = 2;
const seenContentType = 4;
const seenResponseTopic = 8;
const seenCorrelation = 16;
const seenAlias = 32;

function scanProperties(buffer: Buffer, start: number, end: number, view: PublishView): void {
  let seen = 0;
  let at = start;
  while (at < end) {
    const id = buffer[at++]!;
    let bit = 0;
    switch (id) {
      case 38:
        at = textEnd(buffer, textEnd(buffer, at, end), end);
        break;
      case 1: {
        bit = seenFormat;
        const format = at < end ? buffer[at]! : 0;
        if (format > 1) throw new PacketError(0x82, "a payload format indicator must be 0 or 1 [MQTT 5.0 §3.3.2.3.2]");
        view.payloadFormat = format as 0 | 1;
        at += 1;
        break;
      }
      case 2:
        bit = seenExpiry;
        at += 4;
        if (at <= end)
          view.messageExpiryS = ((buffer[at - 4]! << 24) | (buffer[at - 3]! << 16) | (buffer[at - 2]! << 8) | buffer[at - 1]!) >>> 0;
        view.forwardable = false;
        break;
      case 3:
        bit = seenContentType;
        at = textEnd(buffer, at, end);
        break;
      case 8: {
        bit = seenResponseTopic;
        const topicStart = at + 2;
        at = textEnd(buffer, at, end);
        if (at === topicStart || hasWildcard(buffer, topicStart, at))
          throw new PacketError(0x82, "[MQTT-3.3.2-14] a response topic is empty or has wildcards in it");
        break;
      }
      case 9:
        bit = seenCorrelation;
        at = dataEnd(buffer, at, end);
        break;
      case 35:
        bit = seenAlias;
        at += 2;
        if (at <= end) {
          view.topicAlias = (buffer[at - 2]! << 8) | buffer[at - 1]!;
          if (view.topicAlias === 0) throw new PacketError(0x94, "[MQTT-3.3.2-8] a topic alias is 0");
        }
        view.forwardable = false;
        break;
      case 11:
        throw new PacketError(0x82, "[MQTT-3.3.4-6] a PUBLISH from a client has a subscription identifier");
      default:
        throw new PacketError(0x81, `a PUBLISH has property ${id} [MQTT 5.0 §2.2.2.2]`);
    }
    if ((seen & bit) !== 0) throw new PacketError(0x82, `a PUBLISH has property ${id} twice [MQTT 5.0 §3.3.2.3]`);
    seen |= bit;
  }
  if (at > end) throw new PacketError(0x81, "a property goes past the end of the properties");
}
