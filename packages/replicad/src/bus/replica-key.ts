/** Keys of replicas as bytes: 16 of address (v4 mapped, RFC 4291 §2.5.5.2), 2 of port, little-endian. @module */
import { formatIp, parseIp } from "@mitsu/catalog";
import { MitsuError } from "@mitsu/cli/error";

/** Bytes of a key. */
export const keyBytes = 18;

/** The key of an address and port: `10.0.0.1:80`, `[fd00::1]:80`. */
export function replicaKey(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Writes a key at `at`.
 *
 * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
 */
export function writeKey(key: string, into: Uint8Array, at: number): void {
  const colon = key.lastIndexOf(":");
  const address = parseIp(key.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, "$1"));
  const port = key.slice(colon + 1);
  if (!address || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw new MitsuError(`no replica key: ${JSON.stringify(key)}`, { code: "ERR_REPLICA_KEY", hint: "write address:port, as 10.0.0.1:80" });
  }
  let bits = address.family === 4 ? address.bits | 0xffff00000000n : address.bits;
  for (let index = 15; index >= 0; index--) {
    into[at + index] = Number(bits & 0xffn);
    bits >>= 8n;
  }
  into[at + 16] = Number(port) & 0xff;
  into[at + 17] = Number(port) >> 8;
}

/** Whether the key at `at` is of a v4 address. */
export function isV4(from: Uint8Array, at: number): boolean {
  for (let index = 0; index < 10; index++) if (from[at + index] !== 0) return false;
  return from[at + 10] === 0xff && from[at + 11] === 0xff;
}

/** Reads a key at `at`. */
export function readKey(from: Uint8Array, at: number): string {
  let bits = 0n;
  const v4 = isV4(from, at);
  for (let index = v4 ? 12 : 0; index < 16; index++) bits = (bits << 8n) | BigInt(from[at + index]!);
  return replicaKey(formatIp({ family: v4 ? 4 : 6, bits }), from[at + 16]! | (from[at + 17]! << 8));
}
