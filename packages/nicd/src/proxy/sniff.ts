/** Tells what a connection speaks by its first bytes. @module */
import { readClientHello } from "./client-hello.ts";

/** What was found. `http1` is any token and a space; whether it is HTTP then shows. */
export type Spoken =
  | { readonly kind: "http1" }
  /** With prior knowledge (RFC 9113 §3.4): carried as bytes. */
  | { readonly kind: "http2" }
  | { readonly kind: "tls"; readonly serverName: string }
  | { readonly kind: "tcp" }
  /** More bytes are needed to tell. */
  | { readonly kind: "undecided" };

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Longer than any method; longer ones are some other protocol's words. */
const longestMethod = 24;
/** What has no line's end after so many bytes is no request that anybody takes. */
const longestLine = 16 * 1024;

const http1: Spoken = { kind: "http1" };
const http2: Spoken = { kind: "http2" };
const tcp: Spoken = { kind: "tcp" };
const undecided: Spoken = { kind: "undecided" };

/**
 * Looks at the bytes so far.
 *
 * @example
 * ```ts
 * sniff(Buffer.from("GET / HTTP/1.1\r\n")).kind; // "http1"
 * ```
 */
export function sniff(bytes: Buffer): Spoken {
  if (bytes.length === 0) return undecided;
  if (bytes[0] === 22) {
    const hello = readClientHello(bytes);
    if (hello.kind === "hello") return { kind: "tls", serverName: hello.serverName };
    return hello.kind === "incomplete" && bytes.length < 32768 ? undecided : tcp;
  }
  const known = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, known, 0, known) === 0) return known === preface.length ? http2 : undecided;
  // A line that ends in "HTTP/x" is HTTP/1, and refused there if it is a bad one: nothing like a request may pass unjudged because it is odd.
  // Other protocols begin with words as well (redis: "PING", SMTP: "HELO x").
  let at = 0;
  while (at < bytes.length && at <= longestMethod && bytes[at]! > 32 && bytes[at]! < 127) at++;
  if (at === bytes.length && at <= longestMethod) return undecided;
  if (at === 0 || bytes[at] !== 32) return tcp;
  const line = bytes.indexOf(10);
  if (line < 0 && bytes.length < longestLine) return undecided;
  return / HTTP\/\d/i.test(bytes.toString("latin1", at, line < 0 ? longestLine : line)) ? http1 : tcp;
}
