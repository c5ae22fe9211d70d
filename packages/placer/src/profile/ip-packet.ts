/** Decodes IPv4 and IPv6 with their fragments and extension headers, and TCP and UDP within. @module */
import type { AddressKey, Decoded, Segment } from "./segment.ts";

const tcp = 6;
const udp = 17;
/** IPv6 extension headers that may stand before TCP; all but the fragment header tell their length alike, AH in another unit. [RFC 8200 §4.1, RFC 4302 §2.2] */
const extensions: ReadonlySet<number> = new Set([0, 43, 60, 135, 139, 140]);
const fragmentHeader = 44;
const authentication = 51;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65536 + u16(bytes, at + 2);

/** An IPv6 address' key; one mapped from IPv4 has that one's. */
export function ipv6Key(bytes: Uint8Array, at: number): AddressKey {
  const [a, b, c, d] = [u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12)];
  if (a === 0 && b === 0 && c === 0xffff) return d;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}`;
}

/**
 * Decodes an IP packet into `out`.
 *
 * @param at Where it begins.
 * @param end Where what was captured ends.
 * @param wireEnd Where it ended on the wire, counted alike.
 */
export function decodeIp(bytes: Uint8Array, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  if (end - at < 1) return "cut off";
  const version = bytes[at]! >> 4;
  if (version === 4) return decodeIpv4(bytes, at, end, wireEnd, out);
  if (version === 6) return decodeIpv6(bytes, at, end, wireEnd, out);
  return "malformed";
}

/** [RFC 791 §3.1] */
function decodeIpv4(bytes: Uint8Array, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  if (end - at < 20) return "cut off";
  const header = (bytes[at]! & 15) * 4;
  // Segmentation offload hands packets of more than 64 KiB to the capture with a length of 0: the wire's tells.
  const total = u16(bytes, at + 2) || wireEnd - at;
  if (header < 20 || total < header || total > wireEnd - at) return "malformed";
  const protocol = bytes[at + 9]!;
  if (protocol !== tcp && protocol !== udp) return "other";
  out.source = u32(bytes, at + 12);
  out.destination = u32(bytes, at + 16);
  const fragment = u16(bytes, at + 6);
  const offset = (fragment & 0x1fff) * 8;
  out.fragmentAt = offset;
  out.fragmentOf = fragment & 0x3fff ? `${out.source}>${out.destination}/${protocol}/${u16(bytes, at + 4)}` : null;
  return decodeTransport(bytes, at + header, Math.min(end, at + total), at + total, protocol, out);
}

/** [RFC 8200 §3] */
function decodeIpv6(bytes: Uint8Array, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  if (end - at < 40) return "cut off";
  const length = u16(bytes, at + 4) || wireEnd - at - 40; // 0: a jumbogram, or offloaded as above
  const last = at + 40 + length;
  if (length < 0 || last > wireEnd) return "malformed";
  out.source = ipv6Key(bytes, at + 8);
  out.destination = ipv6Key(bytes, at + 24);
  out.fragmentAt = 0;
  out.fragmentOf = null;
  let next = bytes[at + 6]!;
  let place = at + 40;
  while (next !== tcp && next !== udp) {
    if (next !== fragmentHeader && next !== authentication && !extensions.has(next)) return "other";
    if (place + 8 > last) return "malformed";
    if (place + 8 > end) return "cut off";
    if (next === fragmentHeader) {
      const fragment = u16(bytes, place + 2);
      out.fragmentAt = fragment & 0xfff8;
      // One that is whole although it has the header is no part of anything. [RFC 6946]
      if (fragment & 0xfff9) out.fragmentOf = `${out.source}>${out.destination}/${bytes[place]}/${u32(bytes, place + 4)}`;
    }
    const size = next === fragmentHeader ? 8 : next === authentication ? (bytes[place + 1]! + 2) * 4 : (bytes[place + 1]! + 1) * 8;
    next = bytes[place]!;
    place += size;
    if (place > last) return "malformed";
    if (out.fragmentAt > 0) break; // what follows is the middle of a datagram, and of which protocol the header says
  }
  if (next !== tcp && next !== udp) return "other";
  return decodeTransport(bytes, place, Math.min(end, last), last, next, out);
}

/** @param wireEnd Where the IP packet's payload ended on the wire. */
function decodeTransport(bytes: Uint8Array, at: number, end: number, wireEnd: number, protocol: number, out: Segment): Decoded {
  out.protocol = protocol === tcp ? "tcp" : "udp";
  out.sourcePort = 0;
  out.destinationPort = 0;
  out.flags = 0;
  out.sequence = 0;
  out.headerBytes = 0;
  if (out.fragmentAt > 0) {
    out.payload = wireEnd - at;
    return null;
  }
  if (protocol === udp) {
    if (wireEnd - at < 8) return "malformed";
    if (end - at < 8) return "cut off";
    const length = u16(bytes, at + 4) || wireEnd - at;
    // A first fragment's length is the whole datagram's. [RFC 768]
    if (length < 8 || (length > wireEnd - at && out.fragmentOf === null)) return "malformed";
    out.payload = length - 8;
  } else {
    if (wireEnd - at < 20) return "malformed";
    if (end - at < 14) return "cut off";
    out.headerBytes = (bytes[at + 12]! >> 4) * 4;
    if (out.headerBytes < 20 || out.headerBytes > wireEnd - at) return "malformed";
    out.flags = bytes[at + 13]!;
    out.sequence = u32(bytes, at + 4);
    out.payload = wireEnd - at - out.headerBytes;
  }
  out.sourcePort = u16(bytes, at);
  out.destinationPort = u16(bytes, at + 2);
  return null;
}
