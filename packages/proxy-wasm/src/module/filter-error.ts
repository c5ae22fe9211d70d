/** Errors of filters' modules: what is wrong, at which byte, in which section, and what to do. @module */
import { exitStatus, MitsuError } from "@mitsu/cli";

/** Why a module is refused. */
export const filterErrorCodes = {
  /** No WebAssembly, cut off, or not as the binary format wants it. */
  malformed: "ERR_FILTER_MALFORMED",
  /** Well-formed, but the engine does not accept it: types do not fit, an index does not exist. */
  invalid: "ERR_FILTER_INVALID",
  /** An extension of WebAssembly that filters may not use, or more of something than there is room for. */
  unsupported: "ERR_FILTER_UNSUPPORTED",
  abi: "ERR_FILTER_ABI",
  import: "ERR_FILTER_IMPORT",
  export: "ERR_FILTER_EXPORT",
  allocator: "ERR_FILTER_ALLOCATOR",
  memory: "ERR_FILTER_MEMORY",
  manifest: "ERR_FILTER_MANIFEST",
  unsigned: "ERR_FILTER_UNSIGNED",
  signature: "ERR_FILTER_SIGNATURE",
} as const;

/** Key of {@link filterErrorCodes}. */
export type FilterErrorKind = keyof typeof filterErrorCodes;

/**
 * Makes the error; the caller throws it.
 *
 * @param what Completes "cannot use the filter: …".
 * @param hint One imperative sentence.
 * @example
 * ```ts
 * throw filterError("abi", "it exports no proxy_abi_version_*", "build it with a proxy-wasm SDK");
 * ```
 */
export function filterError(kind: FilterErrorKind, what: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(`cannot use the filter: ${what}`, { code: filterErrorCodes[kind], hint, exit: exitStatus.data, cause });
}

/** Where in the file: `at byte 17 (0x11) in section type`. */
export function place(at: number, section: string): string {
  return `at byte ${at} (0x${at.toString(16)}) in ${section}`;
}
