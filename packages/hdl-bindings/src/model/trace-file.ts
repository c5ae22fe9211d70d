/** The file that a model's VCD goes to. @module */
import { closeSync, openSync, writeSync } from "node:fs";

/** A trace being written. */
export interface TraceFile {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Makes the file, or empties it. */
export function createTraceFile(path: string): TraceFile {
  const file = openSync(path, "w");
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    close: () => closeSync(file),
  };
}
