/**
 * The three pcapng blocks a capture needs, little-endian. libpcap writes only the older pcap, and no kept library on npm writes pcapng.
 * Source: draft-ietf-opsawg-pcapng, §4.
 * @module
 */

const optionEnd = 0;
const optionComment = 1;
const optionName = 2; // if_name in an interface block
const optionApplication = 4; // shb_userappl in a section header
const optionResolution = 9; // if_tsresol
/** LINKTYPE_RAW: packets begin with their IP header. */
const linkTypeRaw = 101;

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

function block(type: number, body: Uint8Array, options: readonly Buffer[]): Buffer {
  const content = Buffer.concat([body, ...options, ...(options.length > 0 ? [option(optionEnd, new Uint8Array())] : [])]);
  const total = content.length + 12;
  const out = Buffer.alloc(total);
  out.writeUInt32LE(type, 0);
  out.writeUInt32LE(total, 4);
  out.set(content, 8);
  out.writeUInt32LE(total, total - 4);
  return out;
}

/** Section Header Block (§4.1), of unknown length. */
export function sectionHeader(application: string): Uint8Array {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  body.writeBigInt64LE(-1n, 8);
  return block(0x0a0d0d0a, body, [option(optionApplication, Buffer.from(application))]);
}

/** Interface Description Block (§4.2): raw IP, time in nanoseconds, no snap length. */
export function interfaceBlock(name: string): Uint8Array {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(linkTypeRaw, 0);
  return block(1, body, [option(optionName, Buffer.from(name)), option(optionResolution, Uint8Array.of(9))]);
}

/**
 * Enhanced Packet Block (§4.3) on interface 0.
 *
 * @param timeNs Nanoseconds since 1970.
 * @param bytes What was captured, from the IP header on.
 * @param fullLength Length of the packet, which may be more.
 */
export function enhancedPacket(timeNs: bigint, bytes: Uint8Array, fullLength: number, comment: string): Uint8Array {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(Number(timeNs >> 32n), 4);
  head.writeUInt32LE(Number(timeNs & 0xffffffffn), 8);
  head.writeUInt32LE(bytes.length, 12);
  head.writeUInt32LE(fullLength, 16);
  return block(6, Buffer.concat([head, padded(bytes)]), [option(optionComment, Buffer.from(comment))]);
}
