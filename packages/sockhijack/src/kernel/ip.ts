/** IP addresses as the kernel programs hold them: 16 bytes, IPv4 as ::ffff:a.b.c.d. @module */
import { isIPv4, isIPv6 } from "node:net";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** ::ffff:0:0/96. */
const mappedPrefix: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Parses an address.
 *
 * @returns `Uint8Array[16]`
 * @throws {MitsuError} ERR_ADDRESS when the text is neither IPv4 nor IPv6.
 * @example
 * ```ts
 * ipBytes("127.0.0.1"); // 00 … 00 ff ff 7f 00 00 01
 * ```
 */
export function ipBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from([...mappedPrefix, ...text.split(".").map(Number)]);
  if (!isIPv6(text)) {
    throw new MitsuError(`${JSON.stringify(text)} is not an IP address`, {
      code: "ERR_ADDRESS",
      exit: exitStatus.data,
      hint: "write an IPv4 or IPv6 address, without a port",
    });
  }
  const out = new Uint8Array(16);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [a, b, c, d] = dotted ? dotted[2]!.split(".").map(Number) : [];
  const plain = dotted ? `${dotted[1]}${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}` : text;
  const [head = "", tail] = plain.split("::");
  const words = (part: string): number[] => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const all = tail === undefined ? left : [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  for (const [index, word] of all.entries()) out.set([word >> 8, word & 0xff], index * 2);
  return out;
}

/** Is it an IPv4 address in its IPv6 form? */
export function isMapped(ip: Uint8Array): boolean {
  return mappedPrefix.every((byte, index) => ip[index] === byte);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(ip: Uint8Array): boolean {
  return isMapped(ip) ? ip[12] === 127 : ip[15] === 1 && ip.subarray(0, 15).every((byte) => byte === 0);
}

/** 0.0.0.0 and ::. */
export function isWildcard(ip: Uint8Array): boolean {
  return ip.subarray(12).every((byte) => byte === 0) && (isMapped(ip) || ip.subarray(0, 12).every((byte) => byte === 0));
}

/**
 * Text of an address: dotted for IPv4, RFC 5952 for IPv6.
 *
 * @example
 * ```ts
 * ipText(ipBytes("::1")); // "::1"
 * ```
 */
export function ipText(ip: Uint8Array): string {
  if (isMapped(ip)) return ip.subarray(12).join(".");
  const words = Array.from({ length: 8 }, (_, index) => (ip[index * 2]! << 8) | ip[index * 2 + 1]!);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (part: number[]): string => part.map((word) => word.toString(16)).join(":");
  return best.at < 0 ? hex(words) : `${hex(words.slice(0, best.at))}::${hex(words.slice(best.at + best.length))}`;
}

/** `address:port`, the address in brackets when it is IPv6. */
export function endpointText(ip: Uint8Array, port: number): string {
  const text = ipText(ip);
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}
