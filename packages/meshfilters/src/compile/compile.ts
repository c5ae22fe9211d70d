/** From a source to a module, in whatever language it is. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileAssemblyScript } from "./assemblyscript.ts";
import { compileClang } from "./clang.ts";
import type { Compiled, CompileOptions } from "./compiled.ts";
import { compileGo } from "./go.ts";
import type { Language, Source } from "./language.ts";
import { isOptimised, optimise } from "./optimise.ts";
import { compileRust } from "./rust.ts";
import { compileWat } from "./wat.ts";

const compilers: Readonly<Record<Language, (source: Source, options: CompileOptions) => Promise<Compiled>>> = {
  assemblyscript: compileAssemblyScript,
  c: compileClang,
  cpp: compileClang,
  rust: compileRust,
  go: compileGo,
  wat: compileWat,
};

/**
 * Compiles and optimises. The same source and tools give the same bytes.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE` with the compiler's messages, `ERR_FILTER_TOOL` for a compiler that is not there.
 * @example
 * ```ts
 * const { wasm } = await compile(findSource("/src/tag.c"), { optimise: "2", debug: false });
 * ```
 */
export async function compile(source: Source, options: Omit<CompileOptions, "scratch">): Promise<Compiled> {
  const scratch = mkdtempSync(join(tmpdir(), "meshfilters-"));
  try {
    const made = await compilers[source.language](source, { ...options, scratch });
    return isOptimised(source.language) ? { ...made, wasm: await optimise(made.wasm, options.optimise, options.debug) } : made;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
