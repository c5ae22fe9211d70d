/**
 * Zipkin's headers, by which older programs and meshes pass a trace on: all in one (`b3`), or one for each part (`x-b3-…`).
 * Source: openzipkin/b3-propagation.
 * @module
 */
import { readHex } from "./hex.ts";
import { noTrace, traceFlag } from "./trace-flags.ts";

/** Values of the headers `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` and `x-b3-flags`; Latin-1. `x-b3-parentspanid` is the caller's own parent. */
export interface B3Fields {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly sampled: string | undefined;
  readonly flags: string | undefined;
}

const dash = 0x2d;
/** Trace and span of the header being read, so that nothing of one that is not valid reaches the caller. */
const read = new Uint8Array(16 + 8);
/** One character more than an id may have. */
const scratch = Buffer.alloc(33);

/** What a character says of sampling; undefined for any other. `d` is debug: sampled, whatever the rate. */
function decisionOf(letter: number | undefined): number | undefined {
  if (letter === 0x31 || letter === 0x64) return traceFlag.sampled;
  return letter === 0x30 ? 0 : undefined;
}

/** Reads an id of 64 bits, or a trace's of 128; the shorter is filled up with zeros from the left. */
function readId(buffer: Uint8Array, start: number, end: number, at: number, bytes: 8 | 16): boolean {
  const length = (end - start) / 2;
  if (length !== bytes && length !== 8) return false;
  read.fill(0, at, at + bytes - length);
  return readHex(buffer, start, read, at + bytes - length, length) > 0;
}

function give(traceId: Uint8Array, parentId: Uint8Array): void {
  for (let n = 0; n < 16; n++) traceId[n] = read[n]!;
  for (let n = 0; n < 8; n++) parentId[n] = read[16 + n]!;
}

/**
 * Reads the header `b3` from `buffer[start, end)`: `{trace}-{span}`, `{trace}-{span}-{0|1|d}`, `{trace}-{span}-{0|1|d}-{parent}`, or a decision
 * alone.
 *
 * @param traceId Gets 16 bytes if there are valid ids, else it stays as it is.
 * @param parentId Gets the 8 bytes of the caller's span likewise.
 * @returns bits of `traceFlag`, or `noTrace` when the header is not valid.
 * @example
 * ```ts
 * readB3(Buffer.from("0"), 0, 1, traceId, parentId); // traceFlag.withoutIds: begin a trace that is not sampled
 * ```
 */
export function readB3(buffer: Uint8Array, start: number, end: number, traceId: Uint8Array, parentId: Uint8Array): number {
  if (end - start === 1) {
    const alone = decisionOf(buffer[start]);
    return alone === undefined ? noTrace : alone | traceFlag.withoutIds;
  }
  // A trace's id has 16 digits or 32.
  const span = buffer[start + 16] === dash ? start + 17 : start + 33;
  const after = span + 16;
  if (after > end || buffer[span - 1] !== dash) return noTrace;
  if (!readId(buffer, start, span - 1, 0, 16) || !readId(buffer, span, after, 16, 8)) return noTrace;
  let decision: number | undefined = traceFlag.undecided;
  if (after !== end) {
    decision = decisionOf(buffer[after + 1]);
    if (buffer[after] !== dash || after + 2 > end || decision === undefined) return noTrace;
    // What follows is the caller's own parent, which is of no use to us.
    if (after + 2 !== end && (buffer[after + 2] !== dash || after + 3 + 16 !== end)) return noTrace;
  }
  give(traceId, parentId);
  return decision;
}

/**
 * Reads the headers `x-b3-…`.
 *
 * @returns as {@link readB3}; ids that are not valid, or of which one is missing, leave the decision if there is one.
 */
export function readB3Fields(fields: B3Fields, traceId: Uint8Array, parentId: Uint8Array): number {
  const decision = fieldsDecision(fields);
  if (readField(fields.traceId, 0, 16) && readField(fields.spanId, 16, 8)) {
    give(traceId, parentId);
    return decision ?? traceFlag.undecided;
  }
  return decision === undefined ? noTrace : decision | traceFlag.withoutIds;
}

function readField(value: string | undefined, at: number, bytes: 8 | 16): boolean {
  if (value === undefined) return false;
  const length = scratch.write(value, "latin1");
  return readId(scratch, 0, length, at, bytes);
}

/** Debug goes before all else. `true` and `false` are from before the specification, and still sent. */
function fieldsDecision({ sampled, flags }: B3Fields): number | undefined {
  if (flags === "1" || sampled === "1" || sampled === "d" || sampled === "true") return traceFlag.sampled;
  return sampled === "0" || sampled === "false" ? 0 : undefined;
}
