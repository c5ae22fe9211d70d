/**
 * Reads an HTTP/1 head in one pass over its bytes, without making an object or a string: where each field lies, and what the fields that
 * frame a message say. Strict as RFC 9112 allows, since what two parsers read differently smuggles requests. Over 300 lines: one pass.
 * @module
 */

import { hostByte, targetByte, token, valueByte } from "./byte-classes.ts";

/** Fields that mean something to a proxy; all others are {@link field}`.other`. */
export const field = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  upgrade: 5,
  expect: 6,
  keepAlive: 7,
  proxyConnection: 8,
  te: 9,
  traceparent: 10,
} as const;

/** Why a head is refused. The names are those of the metric `mitsu_nicd_refused_total`. */
export const refusal = {
  badRequestLine: -1,
  badStatusLine: -2,
  badField: -3,
  obsFold: -4,
  bareLineFeed: -5,
  tooManyFields: -6,
  tooLong: -7,
  badLength: -8,
  conflictingLengths: -9,
  badTransferEncoding: -10,
  badHost: -11,
  badVersion: -12,
  badTarget: -13,
  unknownTransferEncoding: -14,
} as const;

/** One of {@link refusal}. */
export type Refusal = (typeof refusal)[keyof typeof refusal];

/** The head goes on behind the bytes that are there. */
export const incomplete = 0;

const mostFields = 128;
/** What a head may take, bytes. */
export const longestHead: number = 32 * 1024;
const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const COLON = 58;
const DOT = 46;
const SLASH = 47;
const ASTERISK = 42;
const QUESTION_MARK = 63;

/** Where the parts of a head lie. Offsets are into the buffer that was scanned. */
export class HeadTable {
  /** Of the head's first byte, and behind its last. */
  start = 0;
  end = 0;
  /** Of a request: `[start, methodEnd)` is the method, `[targetStart, targetEnd)` the target. */
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Of an answer. */
  status = 0;
  /** Behind the first line. */
  lineEnd = 0;
  /** HTTP/1.0 or HTTP/1.1. */
  minor: 0 | 1 = 1;
  /** Number of fields. */
  count = 0;
  /** Four numbers a field: where its name begins and ends, and its value. A field's line ends where the next one's name begins. */
  readonly at: Int32Array = new Int32Array(4 * (mostFields + 1));
  /** What each is: {@link field}. */
  readonly known: Uint8Array = new Uint8Array(mostFields);

  /** A bit for each length that some name has, modulo 32: most names that are looked for are ruled out by it. */
  nameLengths = 0;

  /** -1 when there is no Content-Length. */
  contentLength = -1;
  chunked = false;
  /** What Connection says. */
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Connection names other fields than those of {@link field}. */
  namesFields = false;
  /** There are fields for the next hop alone besides Connection. */
  hopByHop = false;
  /** Fields that are the connection's own: those, Connection, and what frames the body. */
  ownFields = 0;
  expectsContinue = false;
  /** Field number of the only Host; -1 when there is none. */
  host = -1;
  traceparent = -1;

  /** Starts anew at `start`. */
  reset(start: number): void {
    this.start = start;
    this.count = 0;
    this.contentLength = -1;
    this.chunked = this.close = this.keepAlive = this.upgrade = this.namesFields = false;
    this.hopByHop = this.expectsContinue = false;
    this.host = this.traceparent = -1;
    this.status = this.nameLengths = this.ownFields = 0;
  }

  /** The same head at another place, after it has been copied there. */
  move(by: number): void {
    this.start += by;
    this.end += by;
    this.methodEnd += by;
    this.targetStart += by;
    this.targetEnd += by;
    this.lineEnd += by;
    for (let at = 0; at < 4 * (this.count + 1); at++) this.at[at]! += by;
  }
}

/**
 * Reads a request's head at `start`.
 *
 * @returns Where it ends; {@link incomplete}; or a {@link Refusal}.
 * @example
 * ```ts
 * const end = scanRequest(buffer, 0, length, table);
 * if (end > 0) route(buffer.toString("latin1", table.targetStart, table.targetEnd));
 * ```
 */
export function scanRequest(buffer: Uint8Array, start: number, end: number, table: HeadTable): number {
  let at = start;
  // A client that ends a body with a line too many is let off (RFC 9112 §2.2), once.
  if (buffer[at] === CR && at + 1 < end && buffer[at + 1] === LF) at += 2;
  table.reset(at);
  while (at < end && token[buffer[at]!] === 1) at++;
  if (at === end) return more(start, end);
  if (buffer[at] !== SP || at === table.start)
    return buffer[at] === CR && at === start && at + 1 === end ? incomplete : refusal.badRequestLine;
  table.methodEnd = at++;
  table.targetStart = at;
  while (at < end && targetByte[buffer[at]!] === 1) at++;
  if (at === end) return more(start, end);
  if (buffer[at] !== SP || at === table.targetStart) return refusal.badRequestLine;
  table.targetEnd = at++;
  if (buffer[table.targetStart] === SLASH) {
    if (isMethod(buffer, table.start, table.methodEnd, "CONNECT")) return refusal.badTarget;
  } else if (!isTarget(buffer, table)) return refusal.badTarget;
  const line = scanVersion(buffer, at, end, table);
  if (line <= 0) return line === incomplete ? more(start, end) : line;
  at = line;
  if (at + 1 >= end) return more(start, end);
  if (buffer[at] !== CR || buffer[at + 1] !== LF) return buffer[at] === LF ? refusal.bareLineFeed : refusal.badRequestLine;
  return scanFields(buffer, start, at + 2, end, table, true);
}

/** Is a target that is no path one of the other forms (RFC 9112 §3.2.2 to §3.2.4)? */
function isTarget(buffer: Uint8Array, { start, methodEnd, targetStart, targetEnd }: HeadTable): boolean {
  if (isMethod(buffer, start, methodEnd, "CONNECT")) return isHost(buffer, targetStart, targetEnd);
  if (buffer[targetStart] === ASTERISK) return targetEnd - targetStart === 1 && isMethod(buffer, start, methodEnd, "OPTIONS");
  const at = isWord(buffer, targetStart, targetStart + 7, "http://") ? targetStart + 7 : targetStart + 8;
  if (at === targetStart + 8 && !isWord(buffer, targetStart, at, "https://")) return false;
  let end = at;
  while (end < targetEnd && buffer[end] !== SLASH && buffer[end] !== QUESTION_MARK) end++;
  return end > at && isHost(buffer, at, end);
}

function isHost(buffer: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (hostByte[buffer[at]!] === 0) return false;
  return true;
}

/** Reads an answer's head at `start`, as {@link scanRequest}. */
export function scanResponse(buffer: Uint8Array, start: number, end: number, table: HeadTable): number {
  table.reset(start);
  let at = scanVersion(buffer, start, end, table);
  if (at <= 0) return at === incomplete ? more(start, end) : refusal.badStatusLine;
  if (at + 4 >= end) return more(start, end);
  if (buffer[at] !== SP) return refusal.badStatusLine;
  let status = 0;
  for (let digit = at + 1; digit <= at + 3; digit++) {
    const value = buffer[digit]! - 48;
    if (value < 0 || value > 9) return refusal.badStatusLine;
    status = status * 10 + value;
  }
  if (status < 100) return refusal.badStatusLine;
  table.status = status;
  at += 4;
  if (buffer[at] === SP) while (at < end && valueByte[buffer[at]!] === 1) at++;
  if (at + 1 >= end) return more(start, end);
  if (buffer[at] !== CR || buffer[at + 1] !== LF) return buffer[at] === LF ? refusal.bareLineFeed : refusal.badStatusLine;
  return scanFields(buffer, start, at + 2, end, table, false);
}

/** A head that is longer than allowed never becomes whole. */
function more(start: number, end: number): number {
  return end - start > longestHead ? refusal.tooLong : incomplete;
}

/** `HTTP/1.0` or `HTTP/1.1` at `at`. @returns Where it ends, or as {@link scanRequest}. */
function scanVersion(buffer: Uint8Array, at: number, end: number, table: HeadTable): number {
  const name = "HTTP/";
  for (let index = 0; index < 5; index++) {
    if (at + index === end) return incomplete;
    if (buffer[at + index] !== name.charCodeAt(index)) return refusal.badRequestLine;
  }
  if (at + 7 >= end) return incomplete;
  const minor = buffer[at + 7]! - 48;
  if (buffer[at + 5] !== 49 || buffer[at + 6] !== DOT || (minor !== 0 && minor !== 1)) return refusal.badVersion;
  table.minor = minor;
  return at + 8;
}

function scanFields(buffer: Uint8Array, start: number, from: number, end: number, table: HeadTable, isRequest: boolean): number {
  let at = from;
  table.lineEnd = from;
  let count = 0;
  let lengths = 0;
  for (;;) {
    if (at + 1 >= end) return more(start, end);
    table.at[4 * count] = at;
    if (buffer[at] === CR) {
      if (buffer[at + 1] !== LF) return refusal.badField;
      break;
    }
    if (count === mostFields) return refusal.tooManyFields;
    const nameStart = at;
    while (at < end && token[buffer[at]!] === 1) at++;
    if (at === end) return more(start, end);
    if (buffer[at] !== COLON || at === nameStart) {
      if (buffer[at] === LF) return refusal.bareLineFeed;
      return at === nameStart && (buffer[at] === SP || buffer[at] === HTAB) ? refusal.obsFold : refusal.badField;
    }
    const nameEnd = at++;
    while (at < end && (buffer[at] === SP || buffer[at] === HTAB)) at++;
    const valueStart = at;
    while (at < end && valueByte[buffer[at]!] === 1) at++;
    if (at + 1 >= end) return more(start, end);
    if (buffer[at] !== CR) return buffer[at] === LF ? refusal.bareLineFeed : refusal.badField;
    if (buffer[at + 1] !== LF) return refusal.badField;
    let valueEnd = at;
    while (valueEnd > valueStart && (buffer[valueEnd - 1] === SP || buffer[valueEnd - 1] === HTAB)) valueEnd--;
    at += 2;

    const slot = 4 * count;
    table.at[slot + 1] = nameEnd;
    table.at[slot + 2] = valueStart;
    table.at[slot + 3] = valueEnd;
    table.nameLengths |= 1 << (nameEnd - nameStart);
    const known = classify(buffer, nameStart, nameEnd);
    table.known[count] = known;
    if (known !== field.other) {
      const problem = note(buffer, known, count, valueStart, valueEnd, table);
      if (problem !== 0) return problem;
      if (known === field.contentLength) lengths++;
    }
    count++;
    if (at - start > longestHead) return refusal.tooLong;
  }
  table.count = count;
  table.end = at + 2;
  // Two lengths, or a length beside chunks: RFC 9112 §6.3 lets a proxy mend some of these; each has smuggled requests somewhere.
  if (lengths > 1 || (lengths > 0 && table.chunked)) return refusal.conflictingLengths;
  if (table.chunked && table.minor === 0) return refusal.badTransferEncoding;
  if (isRequest) {
    if (table.host < 0 && table.minor === 1) return refusal.badHost;
    // What follows a CONNECT is the tunnel's, so it has no body (RFC 9110 §9.3.6).
    if ((table.chunked || table.contentLength > 0) && isMethod(buffer, table.start, table.methodEnd, "CONNECT")) return refusal.badLength;
  }
  return table.end;
}

/** What a known field says of the message. @returns 0, or a {@link Refusal}. */
function note(buffer: Uint8Array, known: number, index: number, start: number, end: number, table: HeadTable): number {
  switch (known) {
    case field.host:
      if (table.host >= 0 || !isHost(buffer, start, end)) return refusal.badHost;
      table.host = index;
      return 0;
    case field.contentLength: {
      let length = 0;
      for (let at = start; at < end; at++) {
        const digit = buffer[at]! - 48;
        if (digit < 0 || digit > 9) return refusal.badLength;
        length = length * 10 + digit;
      }
      if (start === end || end - start > 15) return refusal.badLength; // 10^15 is exact, and more than anybody sends
      table.contentLength = length;
      table.ownFields++;
      return 0;
    }
    case field.transferEncoding:
      // Only `chunked`, once: other codings cannot be passed on by one who does not undo them.
      if (table.chunked) return refusal.badTransferEncoding;
      if (!isWord(buffer, start, end, "chunked")) return refusal.unknownTransferEncoding;
      table.chunked = true;
      table.ownFields++;
      return 0;
    case field.connection:
      noteConnection(buffer, start, end, table);
      table.ownFields++;
      return 0;
    case field.expect:
      table.expectsContinue = isWord(buffer, start, end, "100-continue");
      return 0;
    case field.traceparent:
      table.traceparent = index;
      return 0;
    default:
      table.hopByHop = true;
      table.ownFields++;
      return 0;
  }
}

function noteConnection(buffer: Uint8Array, start: number, end: number, table: HeadTable): void {
  for (let at = start; at < end; ) {
    while (at < end && (buffer[at] === SP || buffer[at] === HTAB || buffer[at] === 44)) at++;
    const wordStart = at;
    while (at < end && token[buffer[at]!] === 1) at++;
    if (at === wordStart) {
      at++; // not a token: the field is not passed on anyway
      continue;
    }
    if (isWord(buffer, wordStart, at, "close")) table.close = true;
    else if (isWord(buffer, wordStart, at, "keep-alive")) table.keepAlive = true;
    else if (isWord(buffer, wordStart, at, "upgrade")) table.upgrade = true;
    else table.namesFields = true;
  }
}

/** Do the bytes say `word`, in whatever case? `word` is in lower case. */
export function isWord(buffer: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let index = 0; index < word.length; index++) {
    const byte = buffer[start + index]!;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== word.charCodeAt(index)) return false;
  }
  return true;
}

/** Methods are case-sensitive (RFC 9110 §9.1). */
export function isMethod(buffer: Uint8Array, start: number, end: number, method: string): boolean {
  if (end - start !== method.length) return false;
  for (let index = 0; index < method.length; index++) if (buffer[start + index] !== method.charCodeAt(index)) return false;
  return true;
}

function classify(buffer: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 2:
      return isWord(buffer, start, end, "te") ? field.te : field.other;
    case 4:
      return isWord(buffer, start, end, "host") ? field.host : field.other;
    case 6:
      return isWord(buffer, start, end, "expect") ? field.expect : field.other;
    case 7:
      return isWord(buffer, start, end, "upgrade") ? field.upgrade : field.other;
    case 10:
      if (isWord(buffer, start, end, "connection")) return field.connection;
      return isWord(buffer, start, end, "keep-alive") ? field.keepAlive : field.other;
    case 11:
      return isWord(buffer, start, end, "traceparent") ? field.traceparent : field.other;
    case 14:
      return isWord(buffer, start, end, "content-length") ? field.contentLength : field.other;
    case 16:
      return isWord(buffer, start, end, "proxy-connection") ? field.proxyConnection : field.other;
    case 17:
      return isWord(buffer, start, end, "transfer-encoding") ? field.transferEncoding : field.other;
    default:
      return field.other;
  }
}
