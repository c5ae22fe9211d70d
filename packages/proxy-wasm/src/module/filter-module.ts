/** A filter's WebAssembly, checked and made safe: what {@link Plugin} is started from. @module */
import type { AbiVersion } from "../abi/types.ts";
import type { Limits } from "../host/limits.ts";

/** What can be said of a module without running it. */
export interface ModuleInfo {
  readonly abi: AbiVersion;
  /** `module.name`, as imported. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Names of capabilities that its imports need (`http-call`, `shared-data` …). */
  readonly capabilities: readonly string[];
  /** Pages of 64 KiB. */
  readonly memory: { readonly initial: number; readonly maximum: number | null };
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Ready to be instantiated. */
export interface FilterModule {
  readonly info: ModuleInfo;
  /** With fuel and the memory's bound put in. */
  readonly compiled: WebAssembly.Module;
}

/**
 * Reads, checks, instruments and compiles a module.
 *
 * @param bytes A binary module.
 * @param limits Its memory's bound is written into it.
 * @throws {MitsuError} `ERR_FILTER_*` with the reason and the byte offset: no module, no ABI, an unknown import, no allocator, memory beyond the limit.
 */
export type LoadModule = (bytes: Uint8Array, limits: Limits) => Promise<FilterModule>;
