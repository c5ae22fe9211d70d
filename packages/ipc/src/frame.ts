/** Frames on a byte stream: 4 bytes of length, big-endian, then that many bytes of MessagePack. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Options, Packr, Unpackr } from "msgpackr";
import { structureFault } from "./structure.ts";

/** Longest payload taken or sent unless told otherwise: 16 MiB. */
export const maxFrameBytes: number = 16 * 1024 * 1024;

const headBytes = 4;
// No records: they are an extension only msgpackr reads, and were slower. Maps with string keys decode to plain objects.
// `undefined` is left out as JSON does it: sent, it would arrive as null. msgpackr's types do not know this option.
const packing: Options & { readonly skipValues: readonly unknown[] } = {
  useRecords: false,
  variableMapSize: true,
  skipValues: [undefined],
};
const packr = new Packr(packing);
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

function frameError(reason: string): MitsuError {
  return new MitsuError(`bad frame: ${reason}`, {
    code: "ERR_IPC_FRAME",
    hint: "check that both ends speak Mitsu's protocol and have the same version",
    exit: exitStatus.data,
  });
}

/**
 * One value as a frame, ready to write.
 *
 * @throws {MitsuError} `ERR_IPC_FRAME` when it is larger than `limitBytes`.
 */
export function encodeFrame(value: unknown, limitBytes: number = maxFrameBytes): Uint8Array {
  const payload = packr.pack(value);
  if (payload.length > limitBytes) throw frameError(`a message of ${payload.length} bytes is over the limit of ${limitBytes}`);
  const frame = Buffer.allocUnsafe(headBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  payload.copy(frame, headBytes);
  return frame;
}

/** Cuts a byte stream into decoded frames. */
export interface FrameReader {
  /**
   * Takes the next bytes and returns the values completed by them.
   * @throws {MitsuError} `ERR_IPC_FRAME`; the stream is then lost, as nothing tells where the next frame begins. Values before the bad frame are lost with it.
   */
  readonly push: (chunk: Uint8Array) => unknown[];
  /** Bytes of an unfinished frame; not 0 at the end of the stream means it was cut off. */
  readonly pendingBytes: () => number;
}

/**
 * Makes a reader for one connection.
 *
 * @example
 * ```ts
 * const reader = frameReader();
 * reader.push(encodeFrame({ id: 1 })); // [{ id: 1 }]
 * ```
 */
export function frameReader(limitBytes: number = maxFrameBytes): FrameReader {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let needed = headBytes;
  return {
    pendingBytes: () => length,
    push(chunk) {
      chunks.push(chunk);
      length += chunk.length;
      const values: unknown[] = [];
      if (length < needed) return values; // joined only when a whole frame is there, so that a large one is not copied once per chunk
      const bytes = chunks.length === 1 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat(chunks, length);
      let at = 0;
      needed = headBytes;
      while (bytes.length - at >= headBytes) {
        const size = bytes.readUInt32BE(at);
        if (size === 0) throw frameError("it is empty");
        if (size > limitBytes) throw frameError(`it announces ${size} bytes, the limit is ${limitBytes}`);
        needed = headBytes + size;
        if (bytes.length - at < needed) break;
        const payload = bytes.subarray(at + headBytes, at + needed);
        const fault = structureFault(payload);
        if (fault) throw frameError(fault);
        values.push(unpackr.unpack(payload));
        at += needed;
        needed = headBytes;
      }
      chunks = at < bytes.length ? [bytes.subarray(at)] : [];
      length = bytes.length - at;
      return values;
    },
  };
}
