/** Prefixes of addresses, as bytes. @module */
import { isIPv4, isIPv6 } from "node:net";

/** A prefix: 4 or 16 bytes of address, and how many of their bits count; bits beyond are 0. */
export interface IpPrefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/**
 * Reads an address: 4 bytes, also of a v4-mapped one, or 16.
 *
 * @returns undefined when `text` is no address.
 * @example
 * ```ts
 * ipBytes("::ffff:10.0.0.1"); // Uint8Array [10, 0, 0, 1]
 * ```
 */
export function ipBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted && ipBytes(dotted[2]!)!;
  const hex = tail ? `${dotted[1]}${((tail[0]! << 8) | tail[1]!).toString(16)}:${((tail[2]! << 8) | tail[3]!).toString(16)}` : text;
  const [front, back] = hex.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const groups = back === undefined ? front! : [...front!, ...new Array<string>(8 - front!.length - back.length).fill("0"), ...back];
  const bytes = Uint8Array.from(
    groups.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}

/** The first `length` bits of an address, the others 0. */
export function masked(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * at))));
}

/**
 * Reads `<address>/<length>`, or an address alone, which is all of its bits.
 *
 * @returns undefined when `text` is neither, or has bits beyond its length.
 */
export function parsePrefix(text: string): IpPrefix | undefined {
  const [address = "", tail, ...more] = text.split("/");
  const bytes = ipBytes(address);
  if (bytes === undefined || more.length > 0 || (tail !== undefined && !/^\d{1,3}$/.test(tail))) return undefined;
  // Of a v4-mapped address the length would be in bits of IPv6: nobody writes that on purpose.
  if (tail !== undefined && bytes.length === 4 && address.includes(":")) return undefined;
  const length = tail === undefined ? bytes.length * 8 : Number(tail);
  if (length > bytes.length * 8) return undefined;
  return masked(bytes, length).every((byte, at) => byte === bytes[at]) ? { bytes, length } : undefined;
}

/** Whether an address lies in a prefix. */
export function inPrefix(bytes: Uint8Array, { bytes: start, length }: IpPrefix): boolean {
  if (bytes.length !== start.length) return false;
  const whole = length >> 3;
  for (let at = 0; at < whole; at++) if (bytes[at] !== start[at]) return false;
  const rest = length & 7;
  return rest === 0 || ((bytes[whole]! ^ start[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}
