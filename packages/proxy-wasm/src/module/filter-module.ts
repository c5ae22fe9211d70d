/** A filter's WebAssembly, checked and made safe: what {@link Plugin} is started from. @module */
import type { AbiVersion } from "../abi/types.ts";
import type { Limits } from "../host/limits.ts";
import type { Manifest } from "./manifest.ts";

/** What can be said of a module without running it. */
export interface ModuleInfo {
  readonly abi: AbiVersion;
  /** `module.name`, as imported. */
  readonly imports: readonly string[];
  /** Their types: parameters, colon, results, a letter each (`iiI:i`), in the same order. Two functions of gRPC come in two forms. */
  readonly importTypes: readonly string[];
  readonly exports: readonly string[];
  /** Names of capabilities that its imports need (`http-call`, `shared-data` …). */
  readonly capabilities: readonly string[];
  /** Pages of 64 KiB. */
  readonly memory: { readonly initial: number; readonly maximum: number | null };
  /** Of the file, manifest and signature included. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** What `meshfilters build` wrote into it; checked against the module. */
  readonly manifest: Manifest | null;
}

/** Ready to be instantiated. */
export interface FilterModule {
  readonly info: ModuleInfo;
  /** With fuel and the memory's bound put in. */
  readonly compiled: WebAssembly.Module;
}

/** See {@link loadModule}. */
export type LoadModule = (bytes: Uint8Array, limits: Limits) => Promise<FilterModule>;
