/** Reads the header of the PROXY protocol, versions 1 and 2, from outside bytes. [https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt] @module */
import { isIPv4, isIPv6 } from "node:net";

/** What a header says of the client. */
export type ProxiedClient =
  /** The proxy speaks for itself, as in a health check: the socket's own addresses hold. */
  | { readonly kind: "proxy" }
  /** A client of which it does not say more. */
  | { readonly kind: "unknown" }
  | { readonly kind: "inet"; readonly address: string; readonly port: number }
  /** A client of a Unix socket at the proxy. */
  | { readonly kind: "unix" };

/** What {@link readProxyHeader} found. */
export type ProxyHeader =
  /** So far it is one; more bytes are needed. */
  | { readonly state: "more" }
  | { readonly state: "bad"; readonly why: string }
  /** `bytes` is its length; MQTT (or TLS) follows. */
  | { readonly state: "done"; readonly bytes: number; readonly client: ProxiedClient };

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const lineStart = Buffer.from("PROXY ", "latin1");
/** Of version 1, with CRLF. */
const longestLine = 107;
const fixedBytes = 16;
/** Addresses of version 2: bytes by family. */
const addressBytes: Readonly<Record<number, number>> = { 0: 0, 1: 12, 2: 36, 3: 216 };

/**
 * Reads a header at the start of what has come so far.
 *
 * @param bytes - All bytes of the connection so far.
 * @example
 * ```ts
 * readProxyHeader(Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\n"));
 * // { state: "done", bytes: 42, client: { kind: "inet", address: "192.0.2.1", port: 1234 } }
 * ```
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAlike(bytes, signature)) return bytes.length < fixedBytes ? more : readVersion2(bytes);
  if (startsAlike(bytes, lineStart)) return bytes.length < lineStart.length ? more : readVersion1(bytes);
  return bad("no PROXY header");
}

const more: ProxyHeader = { state: "more" };

function bad(why: string): ProxyHeader {
  return { state: "bad", why };
}

/** Whether bytes begin with the prefix, as far as they go. */
function startsAlike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, length, 0, length) === 0;
}

/** `PROXY TCP4 <source> <destination> <source port> <destination port>` and CRLF. [§2.1] */
function readVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, longestLine).indexOf("\r\n");
  if (end === -1) return bytes.length >= longestLine ? bad("a PROXY line without an end") : more;
  const line = bytes.toString("latin1", 0, end);
  const done = (client: ProxiedClient): ProxyHeader => ({ state: "done", bytes: end + 2, client });
  // Whatever follows UNKNOWN is to be ignored.
  if (line === "PROXY UNKNOWN" || line.startsWith("PROXY UNKNOWN ")) return done({ kind: "unknown" });
  const parts = line.split(" ");
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = ""] = parts;
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (isAddress === undefined) return bad("a PROXY line of no known family");
  if (parts.length !== 6 || !isAddress(source) || !isAddress(destination) || source.includes("%") || destination.includes("%"))
    return bad("a PROXY line with a wrong address");
  const port = portOf(sourcePort);
  if (port === undefined || portOf(destinationPort) === undefined) return bad("a PROXY line with a wrong port");
  return done({ kind: "inet", address: source, port });
}

/** Decimal, without sign and leading zeros. */
function portOf(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/** Signature, version and command, family and transport, length (big-endian), addresses, TLVs, which are skipped. [§2.2] */
function readVersion2(bytes: Buffer): ProxyHeader {
  const command = bytes[12] as number;
  if (command >> 4 !== 2) return bad("a PROXY header of another version than 2");
  if ((command & 0xf) > 1) return bad("a PROXY header with an unknown command");
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 0xf;
  const length = bytes.readUInt16BE(14);
  const total = fixedBytes + length;
  const local = (command & 0xf) === 0;
  // What LOCAL says of addresses is to be ignored.
  if (!local) {
    const least = addressBytes[family];
    if (least === undefined) return bad("a PROXY header of no known family");
    if (transport > 2) return bad("a PROXY header of no known transport");
    if (transport === 2) return bad("a PROXY header for datagrams");
    if (transport === 1 && length < least) return bad("a PROXY header shorter than its addresses");
  }
  if (bytes.length < total) return more;
  if (local) return { state: "done", bytes: total, client: { kind: "proxy" } };
  if (family === 0 || transport === 0) return { state: "done", bytes: total, client: { kind: "unknown" } };
  if (family === 3) return { state: "done", bytes: total, client: { kind: "unix" } };
  const address = family === 1 ? bytes.subarray(16, 20).join(".") : addressOf6(bytes, 16);
  return { state: "done", bytes: total, client: { kind: "inet", address, port: bytes.readUInt16BE(family === 1 ? 24 : 48) } };
}

/** As URLs write it: lower case, the longest run of zeros left out; an IPv4 address in IPv6 as such. */
function addressOf6(bytes: Buffer, at: number): string {
  if (bytes.toString("hex", at, at + 12) === "00000000000000000000ffff") return bytes.subarray(at + 12, at + 16).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(at + index * 2).toString(16));
  return new URL(`tcp://[${groups.join(":")}]`).hostname.slice(1, -1);
}
