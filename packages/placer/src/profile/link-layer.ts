/** Finds the IP packet within a frame, by the capture's link type. @module */
import { decodeIp } from "./ip-packet.ts";
import type { Decoded, Segment } from "./segment.ts";

/** Decodes one frame: from `at`, captured up to `end`, on the wire up to `wireEnd`. */
export type DecodeFrame = (bytes: Uint8Array, at: number, end: number, wireEnd: number, out: Segment) => Decoded;

const ipv4 = 0x0800;
const ipv6 = 0x86dd;
/** 802.1Q, 802.1ad (QinQ), and the number that was used before it. */
const vlan: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** From an EtherType on, through any VLAN tags. */
const fromEtherType: DecodeFrame = (bytes, at, end, wireEnd, out) => {
  let place = at;
  for (;;) {
    if (place + 2 > end) return "cut off";
    const type = u16(bytes, place);
    if (type === ipv4 || type === ipv6) return decodeIp(bytes, place + 2, end, wireEnd, out);
    if (!vlan.has(type)) return "other";
    place += 4;
  }
};

/** The address family before the packet: 2 is IPv4 everywhere, IPv6 has another number on each system. [LINKTYPE_NULL, LINKTYPE_LOOP] */
const loopback: DecodeFrame = (bytes, at, end, wireEnd, out) => {
  if (at + 4 > end) return "cut off";
  // The byte order is that of the host that captured; only one of the four bytes is not 0.
  const family = bytes[at]! | bytes[at + 1]! | bytes[at + 2]! | bytes[at + 3]!;
  return [2, 10, 24, 28, 30].includes(family) ? decodeIp(bytes, at + 4, end, wireEnd, out) : "other";
};

/** Linux cooked, second version: the protocol comes first, in 20 bytes. [LINKTYPE_LINUX_SLL2] */
const cooked2: DecodeFrame = (bytes, at, end, wireEnd, out) => {
  if (at + 20 > end) return "cut off";
  const type = u16(bytes, at);
  if (vlan.has(type)) return fromEtherType(bytes, at + 22, end, wireEnd, out);
  return type === ipv4 || type === ipv6 ? decodeIp(bytes, at + 20, end, wireEnd, out) : "other";
};

/** By `pcap_datalink`'s number. [pcap-linktype(7)] */
const decoders = new Map<number, DecodeFrame>([
  [0, loopback],
  [1, (bytes, at, end, wireEnd, out) => fromEtherType(bytes, at + 12, end, wireEnd, out)],
  [12, decodeIp],
  [14, decodeIp],
  [101, decodeIp],
  [108, loopback],
  [113, (bytes, at, end, wireEnd, out) => fromEtherType(bytes, at + 14, end, wireEnd, out)],
  [228, decodeIp],
  [229, decodeIp],
  [276, cooked2],
]);

/**
 * The decoder of a link type: Ethernet with VLAN tags, Linux cooked 1 and 2, loopback, raw IP.
 *
 * @returns undefined for others, such as 802.11.
 */
export function decoderOf(linkType: number): DecodeFrame | undefined {
  return decoders.get(linkType);
}
