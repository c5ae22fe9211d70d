/** Packets byte by byte, for what no codec would write. @module */

/** Types of packets, as in the upper half of their first byte. */
export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** What a packet is put together of: numbers are single bytes. */
export type Part = number | readonly number[] | Buffer;

/** Joins parts. */
export function bytes(...parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));
}

/** Two bytes, big-endian. */
export function u16(value: number): Buffer {
  return bytes(value >> 8, value & 0xff);
}

/** Four bytes, big-endian. */
export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** A variable byte integer. [MQTT 5.0 §1.5.5] */
export function variable(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  do {
    const digit = rest & 0x7f;
    rest >>= 7;
    out.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return Buffer.from(out);
}

/** Text or bytes behind their length in two bytes; ill-formed text is given as bytes. */
export function text(value: string | Buffer): Buffer {
  const content = Buffer.from(value);
  return bytes(u16(content.length), content);
}

/** Properties behind their length. */
export function properties(...parts: readonly Part[]): Buffer {
  const content = bytes(...parts);
  return bytes(variable(content.length), content);
}

/** A whole packet: its first byte, its length, its parts. */
export function packet(type: keyof typeof packetType, flags: number, ...parts: readonly Part[]): Buffer {
  const content = bytes(...parts);
  return bytes((packetType[type] << 4) | flags, variable(content.length), content);
}

/** What {@link connectBytes} makes of a CONNECT when it is not told otherwise. */
export interface ConnectParts {
  readonly version: number;
  readonly protocol?: string | Buffer;
  /** Connect Flags; 0x02 is Clean Start. */
  readonly flags?: number;
  readonly keepAliveS?: number;
  /** With their length; for 5.0 only. */
  readonly properties?: Buffer;
  /** Client id and what follows. */
  readonly payload: readonly Part[];
}

/** A CONNECT whose every field may be wrong. [MQTT 5.0 §3.1] */
export function connectBytes(parts: ConnectParts): Buffer {
  return packet(
    "connect",
    0,
    text(parts.protocol ?? (parts.version === 3 ? "MQIsdp" : "MQTT")),
    parts.version,
    parts.flags ?? 0x02,
    u16(parts.keepAliveS ?? 0),
    parts.version === 5 ? (parts.properties ?? properties()) : [],
    ...parts.payload,
  );
}
