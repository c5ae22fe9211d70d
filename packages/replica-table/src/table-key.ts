/**
 * Keys of rows. As text `10.0.0.1:80` and `[fd00::1]:80`; in a table 24 bytes: 16 of address (v4 mapped, RFC 4291 §2.5.5.2), 2 of port, big-endian, one that
 * is 1 while the row is in use, 5 of nothing.
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { MitsuError } from "@mitsu/cli/error";

/** Bytes of a key in a table. */
export const keyBytes = 24;
/** Where in a key it says that the row is in use. */
export const usedAt = 18;
/** Where its port is. */
export const portAt = 16;

/** The key of an address and port. */
export function replicaKey(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The eight groups of a v6 address that is one. */
function groupsOf(address: string): number[] {
  const plain = address.replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const [a, b, c, d] = tail.split(".").map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before, after] = plain.split("::").map((part) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))));
  if (!after) return before!;
  return [...before!, ...new Array<number>(8 - before!.length - after.length).fill(0), ...after];
}

/** A v6 address with its first longest run of zeros left out. [RFC 5952 §4.2] */
function v6Text(groups: readonly number[]): string {
  let start = 0;
  let length = 1;
  for (let from = 0, at = 0; at <= 8; at++) {
    if (at < 8 && groups[at] === 0) continue;
    if (at - from > length) [start, length] = [from, at - from];
    from = at + 1;
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(":");
  return length === 1 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/**
 * Writes a key, not that it is in use.
 *
 * @throws {MitsuError} `ERR_REPLICA_KEY` when it is not an address and a port.
 */
export function writeKey(key: string, into: Uint8Array, at: number): void {
  const [, v6, v4, port] = /^(?:\[([\da-fA-F:.]+)\]|([\d.]+)):(\d{1,5})$/.exec(key) ?? [];
  const number = Number(port);
  if (!(number >= 1 && number <= 65535 && (v4 === undefined ? isIPv6(v6!) : isIPv4(v4)))) {
    throw new MitsuError(`no replica key: ${JSON.stringify(key)}`, {
      code: "ERR_REPLICA_KEY",
      hint: "write address:port, as 10.0.0.1:80 or [fd00::1]:80",
    });
  }
  into.fill(0, at, at + portAt);
  if (v4 !== undefined) {
    into[at + 10] = into[at + 11] = 0xff;
    v4.split(".").forEach((part, index) => {
      into[at + 12 + index] = Number(part);
    });
  } else {
    groupsOf(v6!).forEach((group, index) => {
      into[at + 2 * index] = group >> 8;
      into[at + 2 * index + 1] = group & 0xff;
    });
  }
  into[at + portAt] = number >> 8;
  into[at + portAt + 1] = number & 0xff;
}

/** Reads a key; any bytes are one. */
export function readKey(from: Uint8Array, at: number): string {
  const port = (from[at + portAt]! << 8) | from[at + portAt + 1]!;
  const groups = Array.from({ length: 8 }, (_, index) => (from[at + 2 * index]! << 8) | from[at + 2 * index + 1]!);
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return replicaKey(from.subarray(at + 12, at + 16).join("."), port);
  }
  return replicaKey(v6Text(groups), port);
}

/**
 * The one spelling of a key.
 *
 * @throws {MitsuError} `ERR_REPLICA_KEY`.
 */
export function plainKey(key: string): string {
  const bytes = new Uint8Array(keyBytes);
  writeKey(key, bytes, 0);
  return readKey(bytes, 0);
}
