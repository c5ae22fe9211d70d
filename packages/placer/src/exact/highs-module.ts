/** Where HiGHS is: the only place that knows. @module */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { getAsset, isSea } from "node:sea";

/** HiGHS as npm `highs` ships it: a CommonJS loader, and the solver as WebAssembly. */
export interface HighsModule {
  /** Text of `highs.js`, a CommonJS module whose export makes a solver. */
  readonly script: string;
  readonly wasm: Uint8Array;
}

/**
 * Reads HiGHS: from `node_modules`, or in a standalone binary from its assets `highs.js` and `highs.wasm`.
 *
 * @throws {Error} when the files are not there.
 */
export function highsModule(): HighsModule {
  if (isSea()) return { script: getAsset("highs.js", "utf8"), wasm: new Uint8Array(getAsset("highs.wasm")) };
  const { resolve } = createRequire(import.meta.url);
  return { script: readFileSync(resolve("highs"), "utf8"), wasm: readFileSync(resolve("highs/runtime")) };
}
