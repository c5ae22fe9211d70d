/** From a source to a filter: compiled, optimised, checked, with its manifest, signed if there is a key. @module */

import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Capability, capabilities, inspectModule, type ModuleInfo, sign, writeManifest } from "@mitsu/proxy-wasm";
import { compile } from "./compile.ts";
import type { OptimiseLevel } from "./compiled.ts";
import type { Source } from "./language.ts";

/** How a filter is built. */
export interface BuildOptions {
  readonly optimise: OptimiseLevel;
  readonly debug: boolean;
  /** A private ed25519 key in PEM. */
  readonly key: Uint8Array | undefined;
  /** What it wants to be allowed; none: what its imports need. */
  readonly capabilities: readonly string[];
  /** Its own version, for the manifest. */
  readonly release: string;
  /** Program and version, for the manifest. */
  readonly builder: string;
}

/** A filter as it is handed to nicd. */
export interface BuiltFilter {
  readonly name: string;
  readonly wasm: Uint8Array;
  readonly sourceMap: string | null;
  readonly info: ModuleInfo;
  /** The compiler's. */
  readonly warnings: string;
}

function checkCapabilities(asked: readonly string[], info: ModuleInfo): readonly Capability[] {
  const unknown = asked.find((one) => !(capabilities as readonly string[]).includes(one));
  if (unknown !== undefined)
    throw new MitsuError(`--capability ${unknown}: there is none of that name`, {
      code: "ERR_USAGE",
      hint: `there are ${capabilities.join(", ")}`,
      exit: exitStatus.usage,
    });
  return (asked.length > 0 ? asked : info.capabilities) as readonly Capability[];
}

/**
 * Builds a filter. The same source, options and tools give the same bytes.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE`, `ERR_FILTER_TOOL`, or why the result is no filter: `ERR_FILTER_ABI` and the like.
 * @example
 * ```ts
 * const { wasm } = await buildFilter(findSource("/src/tag.c"), options);
 * ```
 */
export async function buildFilter(source: Source, options: BuildOptions): Promise<BuiltFilter> {
  const { wasm, sourceMap, warnings } = await compile(source, options);
  const info = inspectModule(wasm);
  const whole = writeManifest(wasm, {
    name: source.name,
    version: options.release,
    abi: info.abi,
    imports: info.imports,
    capabilities: checkCapabilities(options.capabilities, info),
    sourceMap: sourceMap === null ? "" : `${source.name}.wasm.map`,
    builder: options.builder,
  });
  const signed = options.key === undefined ? whole : sign(whole, options.key);
  return { name: source.name, wasm: signed, sourceMap, info: inspectModule(signed), warnings };
}
