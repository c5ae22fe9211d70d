/** Strings as MQTT has them: a 16-bit length and well-formed UTF-8 without U+0000. [MQTT 5.0 §1.5.4] @module */
import { isUtf8 } from "node:buffer";
import { PacketError } from "./packet.ts";

/** Whether `buffer[start, end)` is well-formed UTF-8 (no surrogates, nothing overlong) without U+0000; allocates only for what is not ASCII. [MQTT-1.5.4-1] [MQTT-1.5.4-2] */
export function isText(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!;
    if (byte === 0) return false;
    if (byte >= 0x80) {
      const rest = buffer.subarray(at, end);
      return isUtf8(rest) && !rest.includes(0);
    }
  }
  return true;
}

/** First byte behind a string or binary data whose 16-bit length is at `at`. @throws {PacketError} 0x81 when it does not end before `end`. */
export function dataEnd(buffer: Buffer, at: number, end: number): number {
  if (at + 2 > end) throw new PacketError(0x81, "a length goes past the end of its packet");
  const behind = at + 2 + ((buffer[at]! << 8) | buffer[at + 1]!);
  if (behind > end) throw new PacketError(0x81, "a string or binary data goes past the end of its packet");
  return behind;
}

/** As {@link dataEnd}, for a string, which is checked. @throws {PacketError} 0x81. */
export function textEnd(buffer: Buffer, at: number, end: number): number {
  const behind = dataEnd(buffer, at, end);
  if (!isText(buffer, at + 2, behind))
    throw new PacketError(0x81, "[MQTT-1.5.4-1] [MQTT-1.5.4-2] a string is not well-formed UTF-8 or has U+0000 in it");
  return behind;
}
