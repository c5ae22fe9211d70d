/**
 * A message as bytes in the store, its topic aside, which has a column of its own.
 *
 * | Field | Bytes |
 * | --- | --- |
 * | version, 1 | 1 |
 * | flags: QoS in bits 0 and 1, 4 RETAIN, 8 expires, 16 has properties, 32 has a publisher | 1 |
 * | when it expires, milliseconds since 1970, if it does | number |
 * | client id of the publisher, if there is one | string |
 * | properties in wire format, if there are any | byte string |
 * | payload | the rest |
 *
 * Numbers and strings as {@link ByteWriter} writes them.
 * @module
 */
import type { Message, Qos } from "../message.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const version = 1;
const flag = { retain: 4, expires: 8, properties: 16, from: 32 } as const;
const empty = Buffer.alloc(0);

/** Writes a message, its topic aside. */
export function writeMessageBody(writer: ByteWriter, message: Message): void {
  writer.byte(version);
  writer.byte(
    message.qos |
      (message.retain ? flag.retain : 0) |
      (message.expiresAtMs > 0 ? flag.expires : 0) |
      (message.properties.length > 0 ? flag.properties : 0) |
      (message.from !== "" ? flag.from : 0),
  );
  if (message.expiresAtMs > 0) writer.number(message.expiresAtMs);
  if (message.from !== "") writer.string(message.from);
  if (message.properties.length > 0) writer.bytes(message.properties);
  writer.rest(message.payload);
}

/**
 * Reads a message.
 *
 * @param publishers Client ids that were met, so that the many messages of one publisher share one string.
 * @throws {RangeError} when the bytes are none.
 */
export function readMessageBody(topic: string, bytes: Uint8Array, publishers: Map<string, string>): Message {
  const reader = new ByteReader(bytes);
  const found = reader.byte();
  if (found !== version) throw new RangeError(`a message of version ${found}`);
  const flags = reader.byte();
  const qos = flags & 3;
  if (qos === 3) throw new RangeError("a message of QoS 3");
  // In the order of writing.
  const expiresAtMs = flags & flag.expires ? reader.number() : 0;
  const from = flags & flag.from ? known(reader.string(), publishers) : "";
  const properties = flags & flag.properties ? reader.bytes() : empty;
  return { topic, qos: qos as Qos, retain: (flags & flag.retain) !== 0, payload: reader.rest(), properties, expiresAtMs, from };
}

function known(name: string, publishers: Map<string, string>): string {
  const found = publishers.get(name);
  if (found === undefined) publishers.set(name, name);
  return found ?? name;
}
