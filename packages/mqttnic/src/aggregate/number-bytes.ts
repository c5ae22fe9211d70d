/** Numbers read from the bytes of payloads, without making strings or objects where that can be helped. @module */

/** 10^0 … 10^22: all powers of ten that are exact. */
const powers: readonly number[] = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Where the number is that was read last, without white space around it: what it was written as can be used again as it is. */
export const token: { start: number; end: number } = { start: 0, end: 0 };

/**
 * A decimal number as JSON writes it, white space around it allowed; says where in {@link token}.
 *
 * @returns NaN when it is none. The double nearest to it, as `Number` gives (Clinger, "How to read floating point numbers accurately", 1990: a mantissa
 * below 2^53 and an exact power of ten need one rounding).
 */
export function numberOf(buffer: Buffer, start: number, end: number): number {
  let at = start;
  let last = end;
  while (at < last && isSpace(buffer[at]!)) at++;
  while (last > at && isSpace(buffer[last - 1]!)) last--;
  const first = at;
  token.start = first;
  token.end = last;
  const negative = buffer[at] === 0x2d && at < last;
  if (negative) at++;
  if (buffer[at] === 0x30 && at + 1 < last && buffer[at + 1]! >= 0x30 && buffer[at + 1]! <= 0x39) return Number.NaN;
  let mantissa = 0;
  let digits = 0;
  let decimals = 0;
  let point = false;
  for (; at < last; at++) {
    const byte = buffer[at]!;
    if (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + byte - 0x30;
      digits++;
      if (point) decimals++;
    } else if (byte === 0x2e && !point && digits > 0) point = true;
    else return slowNumber(buffer, first, last);
  }
  if (digits === 0 || digits > 15 || (point && decimals === 0)) return digits === 0 ? Number.NaN : slowNumber(buffer, first, last);
  const value = decimals === 0 ? mantissa : mantissa / powers[decimals]!;
  return negative ? -value : value;
}

/** Exponents and long mantissas. */
function slowNumber(buffer: Buffer, start: number, end: number): number {
  const text = buffer.toString("latin1", start, end);
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** What {@link fieldOf} looks for: `a.b` as keys in bytes, quotes around each. */
export function fieldPath(field: string): Buffer[] {
  return field.split(".").map((key) => Buffer.from(JSON.stringify(key)));
}

/**
 * The number at a path of keys in a JSON object, found without parsing the rest; its first occurrence counts.
 *
 * @returns NaN when there is none.
 */
export function fieldOf(buffer: Buffer, start: number, end: number, path: readonly Buffer[]): number {
  let at = start;
  let depth = 0;
  while (at < end && isSpace(buffer[at]!)) at++;
  if (buffer[at] !== 0x7b || at >= end) return Number.NaN;
  at++;
  while (at < end) {
    const byte = buffer[at]!;
    if (isSpace(byte) || byte === 0x2c) {
      at++;
      continue;
    }
    // The object that the path leads into ends here, or a key does not begin.
    if (byte !== 0x22) return Number.NaN;
    const keyStart = at;
    at = stringEnd(buffer, at, end);
    const keyEnd = at;
    while (at < end && isSpace(buffer[at]!)) at++;
    if (buffer[at] !== 0x3a || at >= end) return Number.NaN;
    at++;
    while (at < end && isSpace(buffer[at]!)) at++;
    if (same(buffer, keyStart, keyEnd, path[depth]!)) {
      depth++;
      if (depth === path.length) return numberOf(buffer, at, valueEnd(buffer, at, end));
      if (buffer[at] !== 0x7b) return Number.NaN;
      at++;
    } else at = valueEnd(buffer, at, end);
  }
  return Number.NaN;
}

function same(buffer: Buffer, start: number, end: number, key: Buffer): boolean {
  if (end - start !== key.length) return false;
  for (let at = 0; at < key.length; at++) if (buffer[start + at] !== key[at]) return false;
  return true;
}

/** Behind the closing quote of the string that begins at `at`. */
function stringEnd(buffer: Buffer, at: number, end: number): number {
  for (let position = at + 1; position < end; position++) {
    const byte = buffer[position];
    if (byte === 0x5c) position++;
    else if (byte === 0x22) return position + 1;
  }
  return end;
}

/** Behind the value that begins at `at`. */
function valueEnd(buffer: Buffer, at: number, end: number): number {
  let depth = 0;
  let position = at;
  while (position < end) {
    const byte = buffer[position]!;
    if (byte === 0x22) {
      position = stringEnd(buffer, position, end);
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return position;
      depth--;
    } else if (byte === 0x2c && depth === 0) return position;
    position++;
  }
  return end;
}
