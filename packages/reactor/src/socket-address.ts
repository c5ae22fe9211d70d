/** Addresses as text and as the kernel has them. @module */
import { formatIp, parseIp } from "@mitsu/catalog";
import { constant } from "./syscalls.ts";

/** Bytes of `struct sockaddr_in6`, the longest that is used here. */
export const socketAddressBytes = 28;

/** An address and port as text and number. */
export interface SocketAddress {
  /** IPv4 or IPv6; a v4-mapped one is IPv4. */
  readonly address: string;
  readonly port: number;
}

/**
 * Makes a `struct sockaddr_in` (16 bytes) or `sockaddr_in6` (28).
 *
 * @throws {TypeError} when `address` is not an IP address.
 * @example
 * ```ts
 * const to = encodeSocketAddress({ address: "127.0.0.1", port: 80 });
 * connect(fd, to, to.length);
 * ```
 */
export function encodeSocketAddress({ address, port }: SocketAddress): Buffer {
  const ip = parseIp(address);
  if (!ip) throw new TypeError(`${address} is not an IP address`);
  const v4 = ip.family === 4;
  const buffer = Buffer.alloc(v4 ? 16 : socketAddressBytes);
  buffer.writeUInt16LE(v4 ? constant.AF_INET : constant.AF_INET6, 0);
  buffer.writeUInt16BE(port, 2);
  if (v4) {
    buffer.writeUInt32BE(Number(ip.bits), 4);
  } else {
    buffer.writeBigUInt64BE(ip.bits >> 64n, 8);
    buffer.writeBigUInt64BE(ip.bits & 0xffffffffffffffffn, 16);
  }
  return buffer;
}

/** `sun_path` of `struct sockaddr_un`, with the zero at its end. */
const mostPathBytes = 108;

/**
 * Makes a `struct sockaddr_un` as long as the path needs, the zero at its end included. [unix(7)]
 *
 * @throws {TypeError} when the path has more than 107 bytes, none, or a zero in it.
 */
export function encodeSocketPath(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length >= mostPathBytes || bytes.includes(0))
    throw new TypeError(`${JSON.stringify(path)} is no path of a Unix socket: it has 1 to ${mostPathBytes - 1} bytes, none of which is 0`);
  const buffer = Buffer.alloc(2 + bytes.length + 1);
  buffer.writeUInt16LE(constant.AF_UNIX, 0);
  bytes.copy(buffer, 2);
  return buffer;
}

/** Reads what the kernel wrote; an address of another family is `""`, port 0. */
export function decodeSocketAddress(buffer: Buffer): SocketAddress {
  const port = buffer.readUInt16BE(2);
  switch (buffer.readUInt16LE(0)) {
    case constant.AF_INET:
      return { address: `${buffer[4]}.${buffer[5]}.${buffer[6]}.${buffer[7]}`, port };
    case constant.AF_INET6: {
      const bits = (buffer.readBigUInt64BE(8) << 64n) | buffer.readBigUInt64BE(16);
      return { address: bits >> 32n === 0xffffn ? formatIp({ family: 4, bits: bits & 0xffffffffn }) : formatIp({ family: 6, bits }), port };
    }
    default:
      return { address: "", port: 0 };
  }
}
