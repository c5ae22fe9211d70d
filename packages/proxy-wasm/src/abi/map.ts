/**
 * Maps as they cross the border between host and guest: a count, the lengths of every name and value, then each of them with a NUL behind it.
 * All numbers are u32 little-endian. Source: proxy-wasm/spec, abi-versions/v0.2.1 "Serialization".
 *
 * @module
 */

/** A field. Latin-1: a character is a byte. */
export type Pair = readonly [name: string, value: string];

/** More of them are refused, as Envoy does. */
export const maxPairs = 1024;

/** Bytes of a map when serialised. */
export function encodedPairsBytes(pairs: readonly Pair[]): number {
  let bytes = 4;
  for (const [name, value] of pairs) bytes += 10 + name.length + value.length;
  return bytes;
}

function put(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + text.length + 1;
}

/**
 * Serialises a map.
 *
 * @example
 * ```ts
 * encodePairs([["a", "b"]]); // 01 00 00 00, 01 00 00 00, 01 00 00 00, 61 00 62 00
 * ```
 */
export function encodePairs(pairs: readonly Pair[]): Uint8Array {
  const bytes = new Uint8Array(encodedPairsBytes(pairs));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, pairs.length, true);
  let length = 4;
  let text = 4 + 8 * pairs.length;
  for (const [name, value] of pairs) {
    view.setUint32(length, name.length, true);
    view.setUint32(length + 4, value.length, true);
    length += 8;
    text = put(bytes, put(bytes, text, name), value);
  }
  return bytes;
}

/**
 * Reads a map that a guest wrote.
 *
 * @returns Null for bytes that are no map: lengths that do not add up, a NUL that is missing, more than {@link maxPairs}.
 */
export function decodePairs(bytes: Uint8Array): Pair[] | null {
  const size = bytes.length;
  if (size === 0 || (size === 1 && bytes[0] === 0)) return [];
  if (size < 4) return null;
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, size);
  const count = source.readUInt32LE(0);
  if (count > maxPairs || size < 4 + 10 * count) return null;
  const pairs: Pair[] = [];
  let at = 4 + 8 * count;
  for (let index = 0; index < count; index++) {
    const nameEnd = at + source.readUInt32LE(4 + 8 * index);
    const valueEnd = nameEnd + 1 + source.readUInt32LE(8 + 8 * index);
    if (valueEnd >= size || source[nameEnd] !== 0 || source[valueEnd] !== 0) return null;
    pairs.push([source.toString("latin1", at, nameEnd), source.toString("latin1", nameEnd + 1, valueEnd)]);
    at = valueEnd + 1;
  }
  return at === size ? pairs : null;
}
