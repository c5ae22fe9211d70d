/** Variable Byte Integers: seven bits a byte, lowest first, four bytes at most. [MQTT 5.0 §1.5.5] @module */
import { PacketError } from "./packet.ts";

/** The largest one. */
export const mostVariableInteger = 268_435_455;

/** Bytes that a value takes. */
export function variableIntegerBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/**
 * The value at `at`; it takes {@link variableIntegerBytes} of it, for only the shortest form is valid. [MQTT-1.5.5-1]
 * @throws {PacketError} 0x81 when it is longer than it need be or than four bytes, or goes past `end`.
 */
export function readVariableInteger(buffer: Buffer, at: number, end: number): number {
  if (at >= end) throw new PacketError(0x81, "a variable byte integer goes past the end of its packet");
  const first = buffer[at]!;
  return first < 0x80 ? first : readLong(buffer, at, end);
}

function readLong(buffer: Buffer, start: number, end: number): number {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    if (start + index >= end) throw new PacketError(0x81, "a variable byte integer goes past the end of its packet");
    const byte = buffer[start + index]!;
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) {
      if (byte === 0) throw new PacketError(0x81, "[MQTT-1.5.5-1] a variable byte integer is longer than it need be");
      return value;
    }
  }
  throw new PacketError(0x81, "a variable byte integer has more than four bytes [MQTT 5.0 §1.5.5]");
}

/** Writes a value of 0 to {@link mostVariableInteger}. @returns The offset behind it. */
export function writeVariableInteger(target: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    target[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[next++] = rest;
  return next;
}
