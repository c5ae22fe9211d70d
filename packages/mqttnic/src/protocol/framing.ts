/** Where packets end in a stream of bytes. [MQTT 5.0 §2.1] @module */
import { PacketError } from "./packet.ts";

/**
 * Bytes of the whole packet that starts at `start`, also when not all of them are there yet; 0 when `buffer[start, end)` is too short to know.
 * @throws {PacketError} 0x81 when its remaining length has more than four bytes.
 */
export function packetLength(buffer: Buffer, start: number, end: number): number {
  if (end - start < 2) return 0;
  const first = buffer[start + 1]!;
  return first < 0x80 ? first + 2 : longLength(buffer, start, end);
}

function longLength(buffer: Buffer, start: number, end: number): number {
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const at = start + 1 + index;
    if (at >= end) return 0;
    const byte = buffer[at]!;
    length |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return 2 + index + length;
  }
  throw new PacketError(0x81, "a remaining length has more than four bytes [MQTT 5.0 §1.5.5]");
}

/** First byte behind the remaining length, of a packet whose length {@link packetLength} could tell. */
export function bodyStart(buffer: Buffer, start: number): number {
  let at = start + 1;
  while (buffer[at]! >= 0x80) at++;
  return at + 1;
}

/** Refuses a remaining length that is longer than it need be, which 5.0 forbids and 3.1.1 does not. @throws {PacketError} 0x81. */
export function checkShortestLength(buffer: Buffer, start: number, body: number): void {
  if (body - start > 2 && buffer[body - 1] === 0)
    throw new PacketError(0x81, "[MQTT-1.5.5-1] the remaining length is longer than it need be");
}
