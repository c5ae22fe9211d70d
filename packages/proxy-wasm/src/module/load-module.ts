/** From a file's bytes to a filter that can be started. @module */
import { createHash } from "node:crypto";
import type { AbiVersion } from "../abi/types.ts";
import type { Limits } from "../host/limits.ts";
import { webAssembly } from "../host/web-assembly.ts";
import { type BinaryModule, readModule } from "./binary-module.ts";
import { filterError } from "./filter-error.ts";
import type { FilterModule, ModuleInfo } from "./filter-module.ts";
import { abiOf, checkExports } from "./guest-exports.ts";
import { checkImport } from "./host-imports.ts";
import { checkValid, type InstrumentOptions, instrumentModule } from "./instrument.ts";
import { readManifest } from "./manifest.ts";
import { wantedCapabilities } from "./wanted-capabilities.ts";

function infoOf(module: BinaryModule, abi: AbiVersion): ModuleInfo {
  const imports = module.imports.map(({ module: from, name }) => `${from}.${name}`);
  const exports = module.exports.map(({ name }) => name);
  const { initial, maximum } = module.memories[0]!;
  return {
    abi,
    imports,
    importTypes: module.imports.map(({ signature }) => signature ?? ""),
    exports,
    capabilities: wantedCapabilities(imports, exports),
    memory: { initial, maximum },
    sha256: createHash("sha256").update(module.bytes).digest("hex"),
    sizeBytes: module.bytes.length,
    manifest: readManifest(module.bytes),
  };
}

/** @returns What the module is, and its bytes with fuel and bounds. */
function checked(
  bytes: Uint8Array<ArrayBuffer>,
  options: InstrumentOptions,
): { readonly info: ModuleInfo; readonly metered: Uint8Array<ArrayBuffer> } {
  const module = readModule(bytes);
  const abi = abiOf(module.exports);
  for (const one of module.imports) checkImport(one);
  checkExports(module.exports, abi);
  const metered = instrumentModule(module, options);
  checkValid(bytes);
  return { info: infoOf(module, abi), metered };
}

/** V8 wants bytes that nobody changes meanwhile, and Node's buffers may be parts of a pool. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/**
 * Says what a module is and wants, without compiling it; it may want any amount of memory.
 *
 * @throws {MitsuError} As {@link loadModule}.
 */
export function inspectModule(bytes: Uint8Array): ModuleInfo {
  return checked(own(bytes), { memoryBytes: 2 ** 32 }).info;
}

/**
 * Reads, checks, meters, bounds and compiles a module.
 *
 * @param bytes A binary module.
 * @param limits Its memory's bound is written into it; `startFuel` is what a start section may take.
 * @throws {MitsuError} `ERR_FILTER_*` with the reason, the byte and the section: no module, no ABI, an import that no host has, no allocator, a callback of
 *   another type, memory beyond the limit, a manifest that is not of this module.
 * @example
 * ```ts
 * const filter = await loadModule(await readFile("tag.wasm"), defaultLimits);
 * filter.info.capabilities; // ["log", "headers"]
 * ```
 */
export async function loadModule(bytes: Uint8Array, limits: Limits): Promise<FilterModule> {
  const { info, metered } = checked(own(bytes), limits);
  try {
    return { info, compiled: await webAssembly.compile(metered) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw filterError(
      "unsupported",
      `the engine refuses it once it is metered: ${reason}`,
      "split functions that are at the engine's limits",
      cause,
    );
  }
}
