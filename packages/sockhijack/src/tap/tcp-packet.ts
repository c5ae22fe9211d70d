/** An IP packet with a TCP segment in it, as it would have looked on the wire. @module */

/** What goes into the packet. */
export interface SegmentFields {
  /** 4 or 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** What is known of the payload. */
  readonly data: Uint8Array;
  /** Length of the whole payload. */
  readonly length: number;
}

const tcpHeaderBytes = 20;
const pushAck = 0x18;

/** Ones' complement sum (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * Builds the packet.
 *
 * @returns The bytes from the IP header on, and the length the packet would have with its whole payload. The TCP checksum is right when
 * the payload is whole, else 0, which dissectors take as "not computed".
 */
export function tcpPacket(fields: SegmentFields): { readonly bytes: Uint8Array; readonly fullLength: number } {
  const { source, destination, data, length } = fields;
  const tcp = Buffer.alloc(tcpHeaderBytes + data.length);
  tcp.writeUInt16BE(fields.sourcePort, 0);
  tcp.writeUInt16BE(fields.destinationPort, 2);
  tcp.writeUInt32BE(fields.sequence, 4);
  tcp.writeUInt32BE(fields.acknowledgement, 8);
  tcp[12] = (tcpHeaderBytes / 4) << 4;
  tcp[13] = pushAck;
  tcp.writeUInt16BE(0xffff, 14);
  tcp.set(data, tcpHeaderBytes);
  const tcpLength = tcpHeaderBytes + length;
  if (data.length === length) {
    const pseudo = Buffer.alloc(8);
    pseudo.writeUInt32BE(tcpLength, 0);
    pseudo[7] = 6;
    tcp.writeUInt16BE(checksum(Buffer.concat([source, destination, pseudo, tcp])), 16);
  }
  const head = source.length === 4 ? ipv4Header(source, destination, tcpLength) : ipv6Header(source, destination, tcpLength);
  return { bytes: Buffer.concat([head, tcp]), fullLength: head.length + tcpLength };
}

/** RFC 791 §3.1. */
function ipv4Header(source: Uint8Array, destination: Uint8Array, payload: number): Buffer {
  const head = Buffer.alloc(20);
  head[0] = 0x45;
  head.writeUInt16BE(20 + payload, 2);
  head.writeUInt16BE(0x4000, 6); // don't fragment
  head[8] = 64;
  head[9] = 6;
  head.set(source, 12);
  head.set(destination, 16);
  head.writeUInt16BE(checksum(head), 10);
  return head;
}

/** RFC 8200 §3. */
function ipv6Header(source: Uint8Array, destination: Uint8Array, payload: number): Buffer {
  const head = Buffer.alloc(40);
  head[0] = 0x60;
  head.writeUInt16BE(payload, 4);
  head[6] = 6;
  head[7] = 64;
  head.set(source, 8);
  head.set(destination, 24);
  return head;
}
