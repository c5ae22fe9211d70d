/** C and C++ by Debian's clang 14, wasi-libc and libc++. @module */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Compiled, CompileOptions } from "./compiled.ts";
import type { Source } from "./language.ts";
import { sdkFile } from "./sdk.ts";
import { compileError, missingTool, runTool } from "./tool.ts";

const common = ["--target=wasm32-wasi", "-mexec-model=reactor", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-ident", "-mbulk-memory"];
/** Neither exceptions nor threads: libc++ for wasm32 has none. */
const cpp = ["-std=c++17", "-stdlib=libc++", "-fno-exceptions", "-fno-rtti"];
/** What clang and wasm-ld say when a part of the tool chain is not installed. */
const incomplete =
  /crt1-reactor\.o|libclang_rt|unable to find library|'(?:std\w+|string|string\.h|cstdint|memory)(?:\.h)?' file not found|unable to execute command.*wasm-ld|wasm-ld.*not found/;

/**
 * Compiles one file; its includes may lie beside it.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE` with clang's messages, `ERR_FILTER_TOOL`.
 */
export async function compileClang(source: Source, { debug, optimise, scratch }: CompileOptions): Promise<Compiled> {
  const plus = source.language === "cpp";
  const tool = plus ? "clang++-14" : "clang-14";
  const out = join(scratch, "clang.wasm");
  const folder = dirname(source.path);
  // Names relative to the folder: the same source gives the same bytes wherever it lies.
  const args = [
    ...common,
    ...(plus ? cpp : ["-std=c17"]),
    optimise === "0" ? "-O0" : optimise === "s" || optimise === "z" ? `-O${optimise}` : "-O2",
    ...(optimise === "0" ? [] : ["-flto"]),
    ...(debug ? ["-g", `-ffile-prefix-map=${folder}=.`] : ["-Wl,--strip-all"]),
    "-Wl,--gc-sections",
    `-I${dirname(sdkFile("proxy_wasm.h", scratch))}`,
    "-o",
    out,
    basename(source.path),
  ];
  const { status, stderr } = await runTool(tool, args, { cwd: folder });
  if (status !== 0) {
    const lacks = incomplete.exec(stderr);
    throw lacks === null ? compileError(stderr) : missingTool(tool, `${tool} is not complete: ${lacks[0]}`);
  }
  return { wasm: readFileSync(out), sourceMap: null, warnings: stderr.trim() };
}
