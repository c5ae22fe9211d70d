/** wasm-opt, as npm's `binaryen` has it. @module */
import { isSea } from "node:sea";
import type BinaryenModule from "binaryen";
import type { OptimiseLevel } from "./compiled.ts";
import type { Language } from "./language.ts";
import { compileError } from "./tool.ts";

/** AssemblyScript's compiler has it built in, Go's modules are of megabytes, which takes it minutes, and WAT is what somebody wrote by hand. */
const optimised: readonly Language[] = ["c", "cpp", "rust"];

/** Whether modules of a language are handed to wasm-opt. */
export function isOptimised(language: Language): boolean {
  return optimised.includes(language);
}

/** What is to be said of a module that was asked to be optimised, and could not be; undefined where all is well. */
export function optimiserNotice(language: Language, level: OptimiseLevel): string | undefined {
  return isSea() && level !== "0" && isOptimised(language)
    ? "wasm-opt was left out, as the standalone binary does not carry it: the module is as its compiler made it"
    : undefined;
}

/** By its place, so that a bundler leaves it where it is. */
async function loadBinaryen(): Promise<typeof BinaryenModule> {
  const { default: binaryen } = (await import(import.meta.resolve("binaryen"))) as { default: typeof BinaryenModule };
  return binaryen;
}

/** All of its options, as they are kept between calls, and the AssemblyScript compiler, which has the same one, sets others. */
function setAll(binaryen: typeof BinaryenModule, level: OptimiseLevel, debug: boolean): void {
  binaryen.setDebugInfo(debug);
  binaryen.setOptimizeLevel(level === "s" || level === "z" ? 2 : Number(level));
  binaryen.setShrinkLevel(level === "z" ? 2 : level === "s" ? 1 : 0);
  binaryen.setAlwaysInlineMaxSize(2);
  binaryen.setFlexibleInlineMaxSize(20);
  binaryen.setOneCallerInlineMaxSize(-1);
  binaryen.setAllowInliningFunctionsWithLoops(false);
  binaryen.setFastMath(false);
  binaryen.setZeroFilledMemory(false);
  binaryen.setLowMemoryUnused(false);
  binaryen.setClosedWorld(false);
  binaryen.setTrapsNeverHappen(false);
  binaryen.setGenerateStackIR(true);
  binaryen.setOptimizeStackIR(true);
  binaryen.clearPassArguments();
}

/**
 * Optimises a module.
 *
 * @returns The bytes as they were for level 0, and in the standalone binary, see {@link optimiserNotice}.
 * @throws {MitsuError} `ERR_FILTER_COMPILE` for a module that it cannot read.
 */
export async function optimise(wasm: Uint8Array, level: OptimiseLevel, debug: boolean): Promise<Uint8Array> {
  if (level === "0" || isSea()) return wasm;
  const binaryen = await loadBinaryen();
  const { Features: feature } = binaryen;
  let module: BinaryenModule.Module | undefined;
  try {
    module = binaryen.readBinary(wasm);
    // Before all else: it aborts on memory.copy without; All would let it emit what engines refuse.
    module.setFeatures(
      feature.BulkMemory |
        feature.BulkMemoryOpt |
        feature.SignExt |
        feature.NontrappingFPToInt |
        feature.MutableGlobals |
        feature.Multivalue |
        feature.SIMD128 |
        feature.ReferenceTypes,
    );
    setAll(binaryen, level, debug);
    module.optimize();
    return module.emitBinary();
  } catch (cause) {
    throw compileError(`wasm-opt cannot take what the compiler made: ${(cause as Error).message}`);
  } finally {
    module?.dispose();
  }
}
