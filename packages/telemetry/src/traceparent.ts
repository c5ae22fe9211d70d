/**
 * The header by which programs pass a trace on. Source: W3C Trace Context Level 2, §3.2: of a version after 00 what is known of 00 is read,
 * and what goes on is 00.
 * @module
 */
import { readHex, writeHex } from "./hex.ts";
import { noTrace, traceFlag } from "./trace-flags.ts";

/** A valid one. */
export interface Traceparent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly parentId: string;
  readonly sampled: boolean;
}

/** Bytes of a header of version 00, and the least of any other. */
export const traceparentBytes = 55;

const dash = 0x2d;
const zero = 0x30;
/** Where its parts begin. */
const at = { traceId: 3, parentId: 36, flags: 53 } as const;
/** Version, ids and flags of the header being read, so that nothing of one that is not valid reaches the caller. */
const read = new Uint8Array(1 + 16 + 8 + 1);

/**
 * Reads a header from `buffer[start, end)`, without the white space around it.
 *
 * @param traceId Gets 16 bytes if the header is valid, else it stays as it is.
 * @param parentId Gets 8 bytes likewise.
 * @returns `traceFlag.sampled` and `traceFlag.random` as they are set, or `noTrace` when the header is not valid.
 * @example
 * ```ts
 * const flags = readTraceparent(buffer, start, end, traceId, parentId);
 * if (flags !== noTrace) sampled = (flags & traceFlag.sampled) !== 0;
 * ```
 */
export function readTraceparent(buffer: Uint8Array, start: number, end: number, traceId: Uint8Array, parentId: Uint8Array): number {
  if (end - start < traceparentBytes) return noTrace;
  if (buffer[start + 2] !== dash || buffer[start + 35] !== dash || buffer[start + 52] !== dash) return noTrace;
  const version = readHex(buffer, start, read, 0, 1);
  if (version < 0 || version === 0xff) return noTrace;
  // Version 00 ends here, a later one may have more parts.
  if (end - start > traceparentBytes && (version === 0 || buffer[start + traceparentBytes] !== dash)) return noTrace;
  if (readHex(buffer, start + at.traceId, read, 1, 16) <= 0 || readHex(buffer, start + at.parentId, read, 17, 8) <= 0) return noTrace;
  const flags = readHex(buffer, start + at.flags, read, 25, 1);
  if (flags < 0) return noTrace;
  for (let n = 0; n < 16; n++) traceId[n] = read[1 + n]!;
  for (let n = 0; n < 8; n++) parentId[n] = read[17 + n]!;
  return flags & (traceFlag.sampled | traceFlag.random);
}

/**
 * Writes a header of version 00, {@link traceparentBytes} long.
 *
 * @param traceId `Uint8Array[16]`
 * @param spanId `Uint8Array[8]`, of the span that is the parent of what the receiver does.
 * @param flags `traceFlag.sampled` and `traceFlag.random`; other bits are left out.
 * @returns Where the header ends in `into`.
 */
export function writeTraceparent(into: Uint8Array, start: number, traceId: Uint8Array, spanId: Uint8Array, flags: number): number {
  into[start] = zero;
  into[start + 1] = zero;
  into[start + 2] = dash;
  const afterTrace = writeHex(into, start + at.traceId, traceId);
  into[afterTrace] = dash;
  const afterSpan = writeHex(into, afterTrace + 1, spanId);
  into[afterSpan] = dash;
  into[afterSpan + 1] = zero;
  into[afterSpan + 2] = zero + (flags & (traceFlag.sampled | traceFlag.random));
  return start + traceparentBytes;
}

const form = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]([0-9a-f])(-.*)?$/s;

/**
 * Reads a header as text; undefined when it is not valid.
 *
 * @example
 * ```ts
 * parseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?.sampled; // true
 * ```
 */
export function parseTraceparent(value: string): Traceparent | undefined {
  const parts = form.exec(value);
  if (!parts || (parts[1] === "00" && parts[5] !== undefined)) return undefined;
  return { traceId: parts[2]!, parentId: parts[3]!, sampled: (Number.parseInt(parts[4]!, 16) & 1) === 1 };
}
