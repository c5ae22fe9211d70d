/** Values of properties as the ABI has them. Source: Envoy's attributes, serialised as proxy-wasm hosts do. @module */
import { encodePairs, type Pair } from "./map.ts";

/** UTF-8. */
export const textValue = (text: string): Uint8Array => Buffer.from(text);

/** 8 bytes little-endian; also of times (nanoseconds since 1970) and durations (nanoseconds). */
export function integerValue(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(Math.trunc(value))));
  return bytes;
}

/** 8 bytes little-endian. */
export function doubleValue(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** One byte. */
export const booleanValue = (value: boolean): Uint8Array => Uint8Array.of(value ? 1 : 0);

/** A serialised map. */
export const mapValue = (pairs: readonly Pair[]): Uint8Array => encodePairs(pairs);

/** A list: a serialised map of its items with empty values. */
export const listValue = (items: readonly string[]): Uint8Array => encodePairs(items.map((item) => [item, ""]));
