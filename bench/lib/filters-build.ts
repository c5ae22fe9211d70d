/** Builds filters with meshfilters' own compiler. @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { compile } from "../../packages/meshfilters/src/compile/compile.ts";
import { findSource } from "../../packages/meshfilters/src/compile/language.ts";

/**
 * Writes `<out>/<name>-<ending>.wasm` of each source.
 *
 * @returns A line for each that is not built, with the reason.
 */
export async function buildModules(out: string, sources: readonly string[]): Promise<string[]> {
  mkdirSync(out, { recursive: true });
  const failures: string[] = [];
  for (const path of sources) {
    const ending = extname(path);
    const name = basename(path, ending);
    try {
      const { wasm } = await compile(findSource(resolve(path)), { optimise: "3", debug: false });
      writeFileSync(join(out, `${name}-${ending.slice(1)}.wasm`), wasm);
    } catch (error) {
      failures.push(`${basename(path)} is not built: ${(error as Error).message}`);
    }
  }
  return failures;
}
