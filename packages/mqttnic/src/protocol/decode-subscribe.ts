/** Reads SUBSCRIBE and UNSUBSCRIBE. [MQTT 5.0 §3.8, §3.10] @module */
import type { Qos, SubscriptionOptions } from "../message.ts";
import { PacketError, type ProtocolVersion, packetType, type Subscribe, type Unsubscribe } from "./packet.ts";
import type { PacketReader } from "./packet-reader.ts";
import { noProperties } from "./property-decode.ts";

/**
 * A SUBSCRIBE from its packet identifier on. Filters are well-formed text but not checked otherwise: `checkFilter` tells which the SUBACK refuses.
 * @throws {PacketError} 0x81, 0x82.
 */
export function decodeSubscribe(reader: PacketReader, version: ProtocolVersion): Subscribe {
  const packetId = reader.packetId();
  const properties = version === 5 ? reader.properties(packetType.subscribe) : noProperties;
  const identifier = properties.subscriptionIdentifiers?.[0] ?? 0;
  if (reader.at === reader.end) throw new PacketError(0x82, "[MQTT-3.8.3-2] a SUBSCRIBE has no topic filter");
  const subscriptions: { filter: string; options: SubscriptionOptions }[] = [];
  while (reader.at < reader.end) {
    const filter = reader.text();
    subscriptions.push({ filter, options: decodeOptions(reader.byte(), version, filter, identifier) });
  }
  return { type: packetType.subscribe, packetId, subscriptions, properties };
}

function decodeOptions(byte: number, version: ProtocolVersion, filter: string, identifier: number): SubscriptionOptions {
  const qos = byte & 3;
  if (qos === 3) throw new PacketError(version === 5 ? 0x82 : 0x81, "[MQTT-3.8.3-4] (3.1.1) a subscription asks for QoS 3");
  // 3.1 says of the other bits that they are not used.
  if (version === 4 && byte > 2) throw new PacketError(0x81, "[MQTT-3-8.3-4] (3.1.1) reserved bits of a requested QoS are set");
  if (version !== 5) return { qos: qos as Qos, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier };
  if ((byte & 0xc0) !== 0) throw new PacketError(0x81, "[MQTT-3.8.3-5] reserved bits of subscription options are set");
  const retainHandling = (byte >> 4) & 3;
  if (retainHandling === 3) throw new PacketError(0x82, "a retain handling is 3 [MQTT 5.0 §3.8.3.1]");
  const noLocal = (byte & 4) !== 0;
  if (noLocal && filter.startsWith("$share/")) throw new PacketError(0x82, "[MQTT-3.8.3-4] no local on a shared subscription");
  return { qos: qos as Qos, noLocal, retainAsPublished: (byte & 8) !== 0, retainHandling: retainHandling as 0 | 1 | 2, identifier };
}

/** An UNSUBSCRIBE from its packet identifier on; filters as with {@link decodeSubscribe}. @throws {PacketError} 0x81, 0x82. */
export function decodeUnsubscribe(reader: PacketReader, version: ProtocolVersion): Unsubscribe {
  const packetId = reader.packetId();
  const properties = version === 5 ? reader.properties(packetType.unsubscribe) : noProperties;
  if (reader.at === reader.end) throw new PacketError(0x82, "[MQTT-3.10.3-2] an UNSUBSCRIBE has no topic filter");
  const filters: string[] = [];
  while (reader.at < reader.end) filters.push(reader.text());
  return { type: packetType.unsubscribe, packetId, filters, properties };
}
