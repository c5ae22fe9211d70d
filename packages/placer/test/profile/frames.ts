/** Packets and capture files made by hand. @module */

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(Math.floor(value / 65536)), ...u16(value & 65535)];
const ip4 = (text: string): number[] => text.split(".").map(Number);
const bytes = (count: number): number[] => Array<number>(count).fill(120);

/** Flags of TCP. */
export const flag = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

/** What a test says of a TCP segment. */
export interface TcpParts {
  readonly from: number;
  readonly to: number;
  readonly sequence?: number;
  readonly flags?: number;
  readonly payload?: number;
  /** Bytes of options; a multiple of 4. */
  readonly options?: number;
}

/** A TCP segment. [RFC 9293 §3.1] */
export function tcp({ from, to, sequence = 1, flags = flag.ack, payload = 0, options = 0 }: TcpParts): number[] {
  const header = [...u16(from), ...u16(to), ...u32(sequence), ...u32(0), ((20 + options) / 4) << 4, flags, ...u16(1000), 0, 0, 0, 0];
  return [...header, ...Array<number>(options).fill(1), ...bytes(payload)];
}

/** A UDP datagram. [RFC 768] */
export function udp({ from, to, payload, length = 8 + payload }: { from: number; to: number; payload: number; length?: number }): number[] {
  return [...u16(from), ...u16(to), ...u16(length), 0, 0, ...bytes(payload)];
}

/** What a test says of an IPv4 packet. */
export interface Ipv4Parts {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly id?: number;
  /** Where the fragment begins, bytes. */
  readonly offset?: number;
  readonly more?: boolean;
  /** Bytes of options; a multiple of 4. */
  readonly options?: number;
  readonly total?: number;
}

/** An IPv4 packet. [RFC 791 §3.1] */
export function ipv4(content: readonly number[], parts: Ipv4Parts = {}): number[] {
  const { source = "10.0.0.1", destination = "10.0.0.2", protocol = 6, id = 7, offset = 0, more = false, options = 0 } = parts;
  const header = 20 + options;
  const total = parts.total ?? header + content.length;
  const fragment = offset / 8 + (more ? 0x2000 : 0);
  const fixed = [0x40 | (header / 4), 0, ...u16(total), ...u16(id), ...u16(fragment), 64, protocol, 0, 0];
  return [...fixed, ...ip4(source), ...ip4(destination), ...Array<number>(options).fill(1), ...content];
}

/** An IPv6 packet between fd00::1 and fd00::2. @param next Of the first header after it. [RFC 8200 §3] */
export function ipv6(content: readonly number[], { next = 6, length = content.length }: { next?: number; length?: number } = {}): number[] {
  const address = (last: number): number[] => [0xfd, ...Array<number>(14).fill(0), last];
  return [0x60, 0, 0, 0, ...u16(length), next, 64, ...address(1), ...address(2), ...content];
}

/** An Ethernet frame. @param tags EtherTypes of VLAN tags before it. */
export function ethernet(content: readonly number[], type = 0x0800, tags: readonly number[] = []): number[] {
  return [...Array<number>(12).fill(2), ...tags.flatMap((tag) => [...u16(tag), 0, 5]), ...u16(type), ...content];
}

/** A packet of a capture file. */
export interface Captured {
  readonly frame: readonly number[];
  /** Seconds; a packet each millisecond unless told. */
  readonly at?: number;
  /** Bytes captured; all unless told. */
  readonly cut?: number;
}

/** A pcap file, little-endian, of Ethernet unless told. */
export function pcap(packets: readonly Captured[], linkType = 1): Uint8Array<ArrayBuffer> {
  const parts = [Buffer.alloc(24)];
  parts[0]!.writeUInt32LE(0xa1b2c3d4, 0);
  parts[0]!.writeUInt16LE(2, 4);
  parts[0]!.writeUInt16LE(4, 6);
  parts[0]!.writeUInt32LE(262_144, 16);
  parts[0]!.writeUInt32LE(linkType, 20);
  for (const [index, { frame, at = 1_700_000_000 + index / 1000, cut = frame.length }] of packets.entries()) {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(Math.floor(at), 0);
    header.writeUInt32LE(Math.round((at % 1) * 1e6), 4);
    header.writeUInt32LE(cut, 8);
    header.writeUInt32LE(frame.length, 12);
    parts.push(header, Buffer.from(frame.slice(0, cut)));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function block(type: number, content: readonly number[] | Buffer): Buffer {
  const padded = Math.ceil(content.length / 4) * 4;
  const out = Buffer.alloc(12 + padded);
  out.writeUInt32LE(type, 0);
  out.writeUInt32LE(out.length, 4);
  out.set(content, 8);
  out.writeUInt32LE(out.length, out.length - 4);
  return out;
}

/** A pcapng file of Ethernet frames. [draft-ietf-opsawg-pcapng] */
export function pcapng(packets: readonly Captured[]): Uint8Array<ArrayBuffer> {
  const section = block(0x0a0d0d0a, [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, ...Array<number>(8).fill(255)]);
  const parts = [section, block(1, [1, 0, 0, 0, 0, 0, 4, 0])];
  for (const [index, { frame, at = 1_700_000_000 + index / 1000 }] of packets.entries()) {
    const head = Buffer.alloc(20);
    const us = BigInt(Math.round(at * 1e6));
    head.writeUInt32LE(Number(us >> 32n), 4);
    head.writeUInt32LE(Number(us & 0xffffffffn), 8);
    head.writeUInt32LE(frame.length, 12);
    head.writeUInt32LE(frame.length, 16);
    parts.push(block(6, Buffer.concat([head, Buffer.from(frame)])));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A request of `ask` bytes to 10.0.0.2:80 and an answer of `answer`, with the handshake. @param port The client's. */
export function exchange(port: number, ask: number, answer: number): Captured[] {
  const up = (parts: Partial<TcpParts>): Captured => ({ frame: ethernet(ipv4(tcp({ from: port, to: 80, ...parts }))) });
  const down = (parts: Partial<TcpParts>): Captured => ({
    frame: ethernet(ipv4(tcp({ from: 80, to: port, ...parts }), { source: "10.0.0.2", destination: "10.0.0.1" })),
  });
  return [
    up({ flags: flag.syn, sequence: 99 }),
    down({ flags: flag.syn | flag.ack, sequence: 499 }),
    up({ sequence: 100, payload: ask }),
    down({ sequence: 500, payload: answer }),
    up({ sequence: 100 + ask, flags: flag.fin | flag.ack }),
  ];
}
