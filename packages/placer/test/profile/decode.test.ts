/** Frames by hand against the decoders of every link type. */

import test from "ava";
import fc from "fast-check";
import { decoderOf } from "../../src/profile/link-layer.ts";
import { type Decoded, emptySegment, type Segment } from "../../src/profile/segment.ts";
import { ethernet, flag, ipv4, ipv6, tcp, udp } from "./frames.ts";

const ethernetLink = 1;

function decode(frame: readonly number[], { link = ethernetLink, captured = frame.length, wire = frame.length } = {}): Segment | Decoded {
  const segment = emptySegment();
  // Bytes around the frame, as within a block of packets, must not be touched.
  const bytes = new Uint8Array([...Array<number>(5).fill(255), ...frame.slice(0, captured), ...Array<number>(5).fill(255)]);
  return decoderOf(link)!(bytes, 5, 5 + captured, 5 + wire, segment) ?? segment;
}

const tcpWithin = { protocol: "tcp", sourcePort: 40000, destinationPort: 80, payload: 10, sequence: 77, fragmentOf: null } as const;
const segment = tcp({ from: 40_000, to: 80, sequence: 77, payload: 10 });

for (const [name, link, frame] of [
  ["Ethernet", 1, ethernet(ipv4(segment))],
  ["Ethernet with a VLAN tag", 1, ethernet(ipv4(segment), 0x0800, [0x8100])],
  ["Ethernet with QinQ", 1, ethernet(ipv4(segment), 0x0800, [0x88a8, 0x8100])],
  ["Ethernet with padding", 1, [...ethernet(ipv4(segment)), 0, 0, 0, 0, 0, 0]],
  ["raw IP", 12, ipv4(segment)],
  ["raw IP as files number it", 101, ipv4(segment)],
  ["IPv4 alone", 228, ipv4(segment)],
  ["loopback of a little-endian host", 0, [2, 0, 0, 0, ...ipv4(segment)]],
  ["loopback of a big-endian host", 0, [0, 0, 0, 2, ...ipv4(segment)]],
  ["OpenBSD's loopback", 108, [0, 0, 0, 2, ...ipv4(segment)]],
  ["Linux cooked", 113, [...Array<number>(14).fill(0), 8, 0, ...ipv4(segment)]],
  ["Linux cooked 2", 276, [8, 0, ...Array<number>(18).fill(0), ...ipv4(segment)]],
  ["IPv4 with options", 12, ipv4(segment, { options: 8 })],
  ["TCP with options", 12, ipv4(tcp({ from: 40_000, to: 80, sequence: 77, payload: 10, options: 12 }))],
] as const) {
  test(`decoderOf(${link}) reads ${name}`, (t) => {
    t.like(decode(frame, { link }), { ...tcpWithin, source: 0x0a000001, destination: 0x0a000002 });
  });
}

for (const [name, frame] of [
  ["Ethernet", ethernet(ipv6(segment), 0x86dd)],
  ["a hop-by-hop header", ethernet(ipv6([6, 0, 1, 4, 0, 0, 0, 0, ...segment], { next: 0 }), 0x86dd)],
  [
    "routing, then destination options",
    ethernet(ipv6([60, 0, 0, 0, 0, 0, 0, 0, 6, 1, ...Array<number>(14).fill(0), ...segment], { next: 43 }), 0x86dd),
  ],
  ["an authentication header", ethernet(ipv6([6, 1, ...Array<number>(10).fill(0), ...segment], { next: 51 }), 0x86dd)],
  ["a fragment that is whole", ethernet(ipv6([6, 0, 0, 0, 0, 0, 0, 9, ...segment], { next: 44 }), 0x86dd)],
] as const) {
  test(`decodeIp() reads IPv6 with ${name} [RFC 8200 §4]`, (t) => {
    t.like(decode(frame), { ...tcpWithin, source: "fd000000:0:0:1", destination: "fd000000:0:0:2" });
  });
}

test("decodeIp() takes payload from the wire's length where segmentation offload left the IP length at 0", (t) => {
  t.like(decode(ethernet(ipv4(segment, { total: 0 }))), { payload: 10 });
  t.like(decode(ethernet(ipv6(segment, { length: 0 }), 0x86dd)), { payload: 10 });
});

test("decodeIp() counts payload that was not captured", (t) => {
  t.like(decode(ethernet(ipv4(tcp({ from: 1, to: 2, payload: 1000 }))), { captured: 60 }), { payload: 1000, sourcePort: 1 });
});

test("decodeIp() names fragments alike, and says where they begin [RFC 791 §2.3]", (t) => {
  const first = decode(ethernet(ipv4(udp({ from: 5, to: 53, payload: 16, length: 108 }), { protocol: 17, more: true }))) as Segment;
  const second = decode(ethernet(ipv4(Array<number>(84).fill(1), { protocol: 17, offset: 24 }))) as Segment;
  t.like(first, { protocol: "udp", payload: 100, fragmentAt: 0, destinationPort: 53 });
  t.like(second, { protocol: "udp", payload: 84, fragmentAt: 24, destinationPort: 0, fragmentOf: first.fragmentOf });
  const six = decode(ethernet(ipv6([6, 0, 0, 24, 0, 0, 0, 9, 1, 2, 3], { next: 44 }), 0x86dd));
  t.like(six, { fragmentAt: 24, payload: 3, sourcePort: 0 });
});

for (const [why, name, frame, captured] of [
  ["other", "ARP", ethernet([0, 1], 0x0806)],
  ["other", "ICMP", ethernet(ipv4([8, 0, 0, 0], { protocol: 1 }))],
  ["other", "ICMPv6", ethernet(ipv6([0, 0, 0, 0, 0, 0, 0, 0], { next: 58 }), 0x86dd)],
  ["cut off", "a frame that ends in TCP's header", ethernet(ipv4(segment)), 40],
  ["cut off", "a frame that ends in IPv4's header", ethernet(ipv4(segment)), 20],
  ["cut off", "a frame that ends in Ethernet's header", ethernet(ipv4(segment)), 13],
  ["malformed", "IP of version 5", ethernet([0x50, ...Array<number>(30).fill(0)])],
  ["malformed", "an IPv4 length beyond the frame", ethernet(ipv4(segment, { total: 5000 }))],
  ["malformed", "an IPv4 length below its header's", ethernet(ipv4(segment, { total: 12 }))],
  ["malformed", "a TCP header beyond the packet", ethernet(ipv4(tcp({ from: 1, to: 2 }).with(12, 0xf0)))],
  ["malformed", "a UDP length below its header's", ethernet(ipv4(udp({ from: 1, to: 2, payload: 4, length: 3 }), { protocol: 17 }))],
  ["malformed", "a UDP length beyond the packet", ethernet(ipv4(udp({ from: 1, to: 2, payload: 4, length: 300 }), { protocol: 17 }))],
  ["malformed", "an IPv6 length beyond the frame", ethernet(ipv6(segment, { length: 900 }), 0x86dd)],
] as const) {
  test(`decodeIp() refuses ${name} as ${why}`, (t) => {
    t.is(decode(frame, captured === undefined ? {} : { captured }) as Decoded, why);
  });
}

test("decoders of every link type survive any bytes, and never tell more payload than was on the wire", (t) => {
  const sample = [
    ...ethernet(ipv4(segment)),
    ...ethernet(ipv6(segment), 0x86dd),
    ...ipv4(udp({ from: 1, to: 2, payload: 3 }), { protocol: 17 }),
  ];
  const damaged = fc
    .tuple(fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(sample.length))
    .map(([changes, length]) => changes.reduce((bytes, [at, value]) => bytes.with(at, value), sample).slice(0, length));
  const anything = fc.oneof(damaged, fc.array(fc.nat(255), { maxLength: 120 }));
  fc.assert(
    fc.property(anything, fc.constantFrom(0, 1, 12, 113, 276, 229), fc.nat(3000), (frame, link, more) => {
      const found = decode(frame, { link, wire: frame.length + more });
      if (typeof found === "object" && found !== null) t.true(found.payload >= 0 && found.payload <= 65_535 + more, JSON.stringify(found));
    }),
    { seed: 1, numRuns: 3000 },
  );
});

test("decoderOf() knows no 802.11", (t) => t.is(decoderOf(105), undefined));
test("flags are TCP's", (t) => t.like(decode(ethernet(ipv4(tcp({ from: 1, to: 2, flags: flag.syn | flag.ack })))), { flags: 18 }));
