/** Writes an object of properties, ordered by their ids. [MQTT 5.0 §2.2.2] @module */
import type { Properties } from "./packet.ts";
import { type PropertyKind, propertyTypes } from "./property.ts";
import { variableIntegerBytes, writeVariableInteger } from "./variable-integer.ts";

/** Properties in wire form, without their length. @throws {RangeError} for a string or binary data of more than 65 535 bytes. */
export function encodeProperties(properties: Properties): Buffer {
  const parts: Buffer[] = [];
  for (const { id, name, kind } of propertyTypes) {
    const value = properties[name];
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parts.push(Buffer.of(id), ...encodeValue(kind, one));
  }
  return Buffer.concat(parts);
}

function encodeValue(kind: PropertyKind, value: number | string | Buffer | [string, string]): Buffer[] {
  if (Array.isArray(value)) return value.flatMap((text) => encodeData(text));
  if (typeof value !== "number") return encodeData(value);
  switch (kind) {
    case "flag":
      return [Buffer.of(value)];
    case "u16":
      return [Buffer.of(value >>> 8, value & 0xff)];
    case "variable": {
      const bytes = Buffer.alloc(variableIntegerBytes(value));
      writeVariableInteger(bytes, 0, value);
      return [bytes];
    }
    default: {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return [bytes];
    }
  }
}

function encodeData(value: string | Buffer): Buffer[] {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  if (bytes.length > 0xffff)
    throw new RangeError(`a string or binary data of ${bytes.length} bytes does not fit into a packet: 65535 is the most`);
  return [Buffer.of(bytes.length >>> 8, bytes.length & 0xff), bytes];
}
