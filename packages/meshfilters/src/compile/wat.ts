/** WebAssembly's text format, by wabt. @module */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import wabt from "wabt";
import type { Compiled, CompileOptions } from "./compiled.ts";
import type { Source } from "./language.ts";
import { compileError } from "./tool.ts";

const features = { mutable_globals: true, bulk_memory: true, simd: true, sign_extension: true, sat_float_to_int: true, multi_value: true };

/** @throws {MitsuError} `ERR_FILTER_COMPILE` with wabt's messages: file, line, column. */
export async function compileWat(source: Source, { debug }: CompileOptions): Promise<Compiled> {
  const { parseWat } = await wabt();
  let module: ReturnType<typeof parseWat> | undefined;
  try {
    module = parseWat(basename(source.path), readFileSync(source.path, "utf8"), features);
    module.resolveNames();
    module.validate();
    return { wasm: module.toBinary({ write_debug_names: debug }).buffer, sourceMap: null, warnings: "" };
  } catch (cause) {
    throw compileError((cause as Error).message.replace(/^\w+ failed:\s*/, ""));
  } finally {
    module?.destroy();
  }
}
