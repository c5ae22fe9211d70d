/** Finds the server name in the first bytes of a TLS connection. Source: RFC 8446 §4.1.2, RFC 6066 §3. @module */

/** What the first bytes say. */
export type ClientHello =
  /** A whole ClientHello; `serverName` is empty when it names none. */
  | { readonly kind: "hello"; readonly serverName: string }
  /** So far it may be one. */
  | { readonly kind: "incomplete" }
  /** It is not TLS. */
  | { readonly kind: "other" };

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const hostName = 0;
const other: ClientHello = { kind: "other" };
const incompleteHello: ClientHello = { kind: "incomplete" };

/**
 * Reads a ClientHello, also one in several records, and touches nothing.
 *
 * @example
 * ```ts
 * const hello = readClientHello(bytes);
 * if (hello.kind === "hello") console.log(hello.serverName); // "example.com"
 * ```
 */
export function readClientHello(bytes: Uint8Array): ClientHello {
  const message = handshakeBytes(bytes);
  if (!message) return other;
  if (message.length >= 1 && message[0] !== clientHello) return other;
  if (message.length < 4) return incompleteHello;
  const length = (message[1]! << 16) | (message[2]! << 8) | message[3]!;
  if (length > 65535) return other;
  if (message.length < 4 + length) return incompleteHello;
  return { kind: "hello", serverName: serverNameOf(message.subarray(4, 4 + length)) };
}

/** What the records so far carry; null when they are no handshake. */
function handshakeBytes(bytes: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== handshakeRecord) return at === 0 ? null : Buffer.concat(parts);
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return null;
    if (at + 5 > bytes.length) break;
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (length === 0 || length > 16384) return null;
    parts.push(bytes.subarray(at + 5, Math.min(at + 5 + length, bytes.length)));
    at += 5 + length;
  }
  return Buffer.concat(parts);
}

/** Empty when there is none, or the message is broken: whom it is for will say so. */
function serverNameOf(hello: Uint8Array): string {
  const view = Buffer.from(hello.buffer, hello.byteOffset, hello.length);
  let at = 2 + 32; // version, random
  const skip = (lengthBytes: 1 | 2): boolean => {
    if (at + lengthBytes > view.length) return false;
    at += lengthBytes + view.readUIntBE(at, lengthBytes);
    return at <= view.length;
  };
  if (!skip(1) || !skip(2) || !skip(1)) return ""; // session id, cipher suites, compression methods
  if (at + 2 > view.length) return "";
  const end = Math.min(view.length, at + 2 + view.readUInt16BE(at));
  at += 2;
  while (at + 4 <= end) {
    const type = view.readUInt16BE(at);
    const length = view.readUInt16BE(at + 2);
    at += 4;
    if (type === serverNameExtension && at + 5 <= end && view[at + 2] === hostName) {
      const nameLength = view.readUInt16BE(at + 3);
      return at + 5 + nameLength <= end ? view.toString("latin1", at + 5, at + 5 + nameLength).toLowerCase() : "";
    }
    at += length;
  }
  return "";
}
