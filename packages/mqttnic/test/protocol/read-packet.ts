/** Reads any packet of a client into a plain object, as the broker does it: framing, then the scan of a PUBLISH or the decoder. @module */
import { decodeClientPacket } from "../../src/protocol/decode.ts";
import { bodyStart, packetLength } from "../../src/protocol/framing.ts";
import { type ClientPacket, type Properties, type ProtocolVersion, packetType } from "../../src/protocol/packet.ts";
import { describeProperties, forwardedProperties } from "../../src/protocol/publish-encode.ts";
import { newPublishView, scanPublish } from "../../src/protocol/publish-scan.ts";
import { checkTopicName } from "../../src/protocol/topic.ts";

/** A PUBLISH with its parts taken out. */
export interface ReadPublish {
  readonly type: 3;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  readonly topic: string;
  readonly topicAlias: number;
  readonly messageExpiryS: number;
  readonly payloadFormat: number;
  readonly forwardable: boolean;
  readonly forwarded: Properties;
  readonly payload: Buffer;
}

const view = newPublishView();

/** The packet in `buffer[start, end)`; undefined when more bytes are needed. */
export function readPacket(buffer: Buffer, start: number, end: number, version: ProtocolVersion): ClientPacket | ReadPublish | undefined {
  const length = packetLength(buffer, start, end);
  if (length === 0 || start + length > end) return undefined;
  const body = bodyStart(buffer, start);
  const packetEnd = start + length;
  if (buffer[start]! >> 4 !== packetType.publish) return decodeClientPacket(buffer, start, body, packetEnd, version);
  scanPublish(buffer, start, body, packetEnd, version, view);
  const { qos, retain, dup, packetId, topicStart, topicEnd, propertiesStart, propertiesEnd, payloadStart, payloadEnd } = view;
  if (topicEnd > topicStart) checkTopicName(buffer, topicStart, topicEnd);
  return {
    ...{ type: packetType.publish, qos, retain, dup, packetId },
    topic: buffer.toString("utf8", topicStart, topicEnd),
    topicAlias: view.topicAlias,
    messageExpiryS: view.messageExpiryS,
    payloadFormat: view.payloadFormat,
    forwardable: view.forwardable,
    forwarded: described(buffer, propertiesStart, propertiesEnd),
    payload: Buffer.from(buffer.subarray(payloadStart, payloadEnd)),
  };
}

/** What the scan found right must be right for the decoder too. @throws {Error} when it is not. */
function described(buffer: Buffer, start: number, end: number): Properties {
  try {
    return describeProperties(forwardedProperties(buffer, start, end));
  } catch (error) {
    throw new Error(`scanPublish() found properties right that are not: ${buffer.toString("hex", start, end)}`, { cause: error });
  }
}
