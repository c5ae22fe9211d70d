/**
 * A session as bytes in the store, its client id aside, which has a column of its own.
 *
 * | Field | Bytes |
 * | --- | --- |
 * | version, 1 | 1 |
 * | protocol version | 1 |
 * | flags: 1 has a user name, 2 has a will, 4 the will expires, 8 RETAIN of the will, its QoS in bits 4 and 5 | 1 |
 * | expiry, seconds | number |
 * | when it went, milliseconds since 1970 | number |
 * | user name, if there is one | string |
 * | will, if there is one: when it is due (milliseconds since 1970), delay (seconds), expiry (seconds, if it expires) | numbers |
 * | its topic, properties, payload | string, byte strings |
 *
 * Numbers and strings as {@link ByteWriter} writes them.
 * @module
 */
import type { Qos } from "../message.ts";
import type { ProtocolVersion } from "../protocol/packet.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { StoredSession } from "./store.ts";

const version = 1;
const flag = { username: 1, will: 2, willExpires: 4, willRetain: 8 } as const;

/** Writes a session, its client id aside. */
export function writeSessionBody(writer: ByteWriter, session: StoredSession): void {
  const will = session.will?.will;
  writer.byte(version);
  writer.byte(session.version);
  writer.byte(
    (session.username === undefined ? 0 : flag.username) |
      (will === undefined ? 0 : flag.will | (will.qos << 4)) |
      (will?.expiryS === undefined ? 0 : flag.willExpires) |
      (will?.retain ? flag.willRetain : 0),
  );
  writer.number(session.expiryS);
  writer.number(session.disconnectedAtMs);
  if (session.username !== undefined) writer.string(session.username);
  if (session.will === undefined) return;
  writer.number(session.will.atMs);
  writer.number(session.will.will.delayS);
  if (session.will.will.expiryS !== undefined) writer.number(session.will.will.expiryS);
  writer.string(session.will.will.topic);
  writer.bytes(session.will.will.properties);
  writer.bytes(session.will.will.payload);
}

/** Reads a session. @throws {RangeError} when the bytes are none. */
export function readSessionBody(clientId: string, bytes: Uint8Array): StoredSession {
  const reader = new ByteReader(bytes);
  const found = reader.byte();
  if (found !== version) throw new RangeError(`a session of version ${found}`);
  const protocol = reader.byte();
  if (protocol < 3 || protocol > 5) throw new RangeError(`a session of protocol version ${protocol}`);
  const flags = reader.byte();
  const expiryS = reader.number();
  const disconnectedAtMs = reader.number();
  const username = flags & flag.username ? reader.string() : undefined;
  const will = flags & flag.will ? readWill(reader, flags) : undefined;
  return { clientId, username, version: protocol as ProtocolVersion, expiryS, disconnectedAtMs, will };
}

function readWill(reader: ByteReader, flags: number): NonNullable<StoredSession["will"]> {
  const atMs = reader.number();
  const delayS = reader.number();
  const expiryS = flags & flag.willExpires ? reader.number() : undefined;
  const qos = (flags >> 4) & 3;
  if (qos === 3) throw new RangeError("a will of QoS 3");
  const topic = reader.string();
  const properties = reader.bytes();
  const payload = reader.bytes();
  return { atMs, will: { topic, payload, qos: qos as Qos, retain: (flags & flag.willRetain) !== 0, properties, delayS, expiryS } };
}
