/** The files that travel with sockhijack: beside the sources, or inside the standalone binary. @module */
import { readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";
import { MitsuError } from "@mitsu/cli/error";

/**
 * Reads `packages/sockhijack/bpf/<name>`, in a standalone binary the copy that `./build` put into it.
 * Returns a fresh copy of the whole file, for `bpf_object__open_mem`.
 *
 * @throws {MitsuError} `ERR_ASSET_MISSING` when there is no such file, which for an object means that it was not compiled.
 * @example
 * ```ts
 * const object = asset("sockhijack.bpf.o");
 * ```
 */
export function asset(name: string): Uint8Array {
  try {
    return isSea() ? new Uint8Array(getAsset(name)) : readFileSync(new URL(`../bpf/${name}`, import.meta.url));
  } catch (cause) {
    throw new MitsuError(`cannot read ${name}: ${(cause as Error).message}`, {
      code: "ERR_ASSET_MISSING",
      hint: isSea() ? "this binary was built without it; build it again with ./build" : "run scripts/setup, which compiles the BPF objects",
      cause,
    });
  }
}
