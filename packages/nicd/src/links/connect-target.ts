/** The `:authority` of a CONNECT: `address:port` of a replica, as HBONE has it. @module */
import { isIPv4, isIPv6 } from "node:net";

/** Where a stream of a link is to go. */
export interface ConnectTarget {
  /** IPv4 or IPv6 address as text, without brackets or zone. */
  readonly address: string;
  /** 1 to 65 535. */
  readonly port: number;
}

/** Longest authority: an IPv6 address of 45 characters in brackets, and a port. */
const maxLength = 53;

/**
 * Reads an authority (RFC 9113 §8.5, RFC 3986 §3.2); null when it is not exactly an address and a port. Names are refused: nothing is looked up for a peer.
 *
 * @example
 * ```ts
 * parseConnectTarget("10.0.0.7:8080"); // { address: "10.0.0.7", port: 8080 }
 * parseConnectTarget("[fd00::7]:8080"); // { address: "fd00::7", port: 8080 }
 * ```
 */
export function parseConnectTarget(authority: string): ConnectTarget | null {
  if (authority.length > maxLength) return null;
  const colon = authority.lastIndexOf(":");
  const portText = authority.slice(colon + 1);
  if (colon < 1 || !/^[1-9][0-9]{0,4}$/.test(portText)) return null;
  const port = Number(portText);
  if (port > 65_535) return null;
  const host = authority.slice(0, colon);
  if (isIPv4(host)) return { address: host, port };
  const inside = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : "";
  return isIPv6(inside) && !inside.includes("%") ? { address: inside, port } : null;
}

/** The authority of a target. */
export function formatConnectTarget({ address, port }: ConnectTarget): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
