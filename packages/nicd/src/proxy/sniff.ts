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

const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Longer than any method; longer ones are some other protocol's words. */
const longestMethod = 24;
/** A line's end is waited for so long. */
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
  // Whatever some server would take for a request is HTTP/1, and refused there if it is a bad one: nothing may pass unjudged because it is odd.
  // Other protocols begin with words as well (redis: "PING", SMTP: "HELO x").
  let start = 0;
  while (start < bytes.length && (bytes[start] === CR || bytes[start] === LF)) start++; // many servers skip empty lines
  let at = start;
  while (at < bytes.length && at - start <= longestMethod && bytes[at]! > SP && bytes[at]! < 127) at++;
  if (at === bytes.length && at - start <= longestMethod && at < longestLine) return undecided;
  if (at === start || (bytes[at] !== SP && bytes[at] !== HTAB)) return tcp;
  const line = bytes.indexOf(LF, at);
  if (line < 0 && bytes.length < longestLine) return undecided;
  const text = bytes.toString("latin1", start, line < 0 ? longestLine : line);
  // HTTP/0.9 has no version, but only GET; a target may be longer than what is looked at.
  if (/^GET[ \t]+\//.test(text) || (line < 0 && /^\S+[ \t]+(?:\/|https?:)/i.test(text))) return http1;
  return /[ \t]HTTP\/\d/i.test(text) ? http1 : tcp;
}
