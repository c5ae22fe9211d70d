/** The file that a model's waves go to. @module */
import { closeSync, openSync, writeSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** A trace being written. */
export interface TraceFile {
  write(bytes: Uint8Array): void;
  close(): void;
}

/**
 * Makes a file, or empties it, and gives its path.
 *
 * @throws {MitsuError} `ERR_HDL_TRACE` when it cannot be written.
 */
export function writable(path: string): string {
  closeSync(opened(path));
  return path;
}

function opened(path: string): number {
  try {
    return openSync(path, "w");
  } catch (cause) {
    throw new MitsuError(`cannot write ${path}: ${(cause as Error).message}`, {
      code: "ERR_HDL_TRACE",
      hint: "waves go into a folder that exists and can be written",
      exit: exitStatus.failure,
      cause,
    });
  }
}

/**
 * Makes the file, or empties it.
 *
 * @throws {MitsuError} `ERR_HDL_TRACE` when it cannot be written.
 */
export function createTraceFile(path: string): TraceFile {
  const file = opened(path);
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    close: () => closeSync(file),
  };
}
