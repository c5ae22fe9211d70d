/** HTTP/2's frames (RFC 9113), written and read by the test itself: nothing here is bpf/http2.h's. @module */
import { decodeHuffman } from "./huffman.ts";

export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const flags = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;
export const headBytes = 9;
/** The longest frame with a header block that tracing reads. */
export const longest = 8192;

export interface Frame {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, headBytes);
  return bytes;
}

/** The frame whose nine bytes begin at `at`. */
export function frameAt(bytes: Buffer, at: number): Frame {
  return { length: bytes.readUIntBE(at, 3), type: bytes[at + 3]!, flags: bytes[at + 4]!, stream: bytes.readUInt32BE(at + 5) & 0x7fffffff };
}

/** Reads an integer; where it ends, or -1 when it does not, or has more bytes than tracing reads. */
function integer(block: Buffer, at: number, bits: number): [value: number, end: number] {
  const most = 2 ** bits - 1;
  let value = block[at++]! & most;
  if (value < most) return [value, at];
  for (let power = 0; power < 3; power++) {
    const byte = block[at++];
    if (byte === undefined) break;
    value += (byte & 127) * 128 ** power;
    if (byte < 128) return [value, at];
  }
  return [0, -1];
}

function string(block: Buffer, at: number): [text: string | undefined, end: number] {
  if (at >= block.length) return [undefined, -1];
  const [length, begin] = integer(block, at, 7);
  const end = begin + length;
  if (begin < 0 || end > block.length) return [undefined, -1];
  const bytes = block.subarray(begin, end);
  return [block[at]! & 128 ? decodeHuffman(bytes) : bytes.toString("latin1"), end];
}

/** The names that a block of fields spells out; undefined when it is not well formed, as far as that shows without a table. */
function spelled(block: Buffer): (string | undefined)[] | undefined {
  const names: (string | undefined)[] = [];
  for (let at = 0; at < block.length; ) {
    const kind = block[at]!;
    const bits = kind >= 128 ? 7 : kind >= 64 ? 6 : kind >= 32 ? 5 : 4;
    const [index, end] = integer(block, at, bits);
    if (end < 0 || (bits === 7 && index === 0)) return undefined;
    at = end;
    if (bits === 7 || bits === 5) continue;
    if (index === 0) {
      const [name, after] = string(block, at);
      if (after < 0) return undefined;
      names.push(name);
      at = after;
    }
    const [, after] = string(block, at);
    if (after < 0) return undefined;
    at = after;
  }
  return names;
}

/** Is it known of this frame with its head, which has a header block, that it spells no "traceparent"? */
export function isInnocent(bytes: Buffer): boolean {
  const { type: kind, flags: flag, length } = frameAt(bytes, 0);
  if (kind !== type.HEADERS || !(flag & flags.END_HEADERS)) return false;
  let [begin, end] = [headBytes, headBytes + length];
  if (flag & flags.PADDED) end -= bytes[begin++] ?? 0;
  if (flag & flags.PRIORITY) begin += 5;
  if (begin > end) return false;
  const names = spelled(bytes.subarray(begin, end));
  return names !== undefined && !names.includes("traceparent");
}
