/** IP addresses and prefixes as numbers and as canonical text. @module */
import { isIPv4, isIPv6 } from "node:net";

/** An address as a number: 32 bits for family 4, 128 bits for family 6. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

/** A prefix: its first address and its length in bits. */
export interface IpPrefix {
  readonly family: 4 | 6;
  readonly bits: bigint;
  readonly length: number;
}

/**
 * Reads an address; a v4-mapped one (`::ffff:10.0.0.1`) becomes its IPv4 address, a zone index (`%eth0`) is refused.
 *
 * @returns undefined when `text` is no address.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, bits: text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const bits = ipv6Bits(text);
  return bits >> 32n === 0xffffn ? { family: 4, bits: bits & 0xffffffffn } : { family: 6, bits };
}

/** Writes an address: dotted, or the shortest lower-case form of RFC 5952 §4. */
export function formatIp({ family, bits }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (bits >> BigInt(112 - 16 * index)) & 0xffffn).map((group) => group.toString(16));
  const text = groups.join(":");
  const longest = (text.match(/\b0(:0)+\b/g) ?? []).reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const start = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, start).replace(/:$/, "")}::${text.slice(start + longest.length).replace(/^:/, "")}`;
}

/** Reads `<address>/<length>`; bits beyond the length are kept, see {@link prefixStart}. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match && parseIp(match[1]!);
  if (!address || address.bits >= 1n << BigInt(width(address.family))) return undefined;
  const length = Number(match[2]);
  return length > width(address.family) ? undefined : { ...address, length };
}

/** The prefix with every bit beyond its length cleared. */
export function prefixStart(prefix: IpPrefix): IpPrefix {
  const host = BigInt(width(prefix.family) - prefix.length);
  return { ...prefix, bits: (prefix.bits >> host) << host };
}

/** Number of address bits of a family. */
export function width(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Whether an address can stand for a machine or a service: neither unspecified, multicast, broadcast nor reserved. */
export function isUnicast({ family, bits }: IpAddress): boolean {
  if (family === 4) return bits >> 24n !== 0n && bits >> 28n < 0xen;
  return bits !== 0n && bits >> 120n !== 0xffn;
}

function ipv6Bits(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let hex = text;
  if (dotted) {
    const low = parseIp(dotted[2]!)!.bits;
    hex = `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head = "", tail] = hex.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...Array<string>(zeros).fill("0"), ...back].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
