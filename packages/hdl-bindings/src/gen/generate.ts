/** A design made into a TypeScript class and a model beside it. @module */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Interface, readPorts } from "../verilator/ports.ts";
import type { Design, Message } from "../verilator/verilator.ts";
import { type ClassOptions, classSource } from "./class-source.ts";
import { type LayoutOptions, layoutOf } from "./layout.ts";
import { compileNative } from "./native.ts";
import { type CompileOptions, compileWasm } from "./wasm.ts";

/** What is generated, and where. */
export interface GenerateOptions extends LayoutOptions, Omit<CompileOptions, "trace"> {
  /** Makes a second model that can write a VCD. */
  readonly trace?: boolean;
  /** Makes a further one that writes FST; only with `native`. */
  readonly fst?: boolean;
  /** Folder of the result. */
  readonly output: string;
  /** Import specifier of the run time in the class. */
  readonly runtime: string;
  /** Folder from which the class' header names its source; the working directory unless given. */
  readonly base?: string;
  /** A shared library instead of WebAssembly. */
  readonly native?: boolean;
}

/** What was made. */
export interface Generated extends Interface {
  readonly files: readonly string[];
  readonly warnings: readonly Message[];
}

/** The text of the class of a design whose ports are known. */
export function classText(design: Design, found: Interface, options: Omit<GenerateOptions, "output">): string {
  const source = relative(options.base ?? ".", design.files[0]!);
  const about: ClassOptions = { source, runtime: options.runtime, parameters: design.parameters ?? {} };
  return classSource(layoutOf(found, options), about);
}

/**
 * Writes `<module>.ts` and `<module>.wasm`, or `<module>.so`; with `trace` and `fst` also the models that can trace, `<module>.trace.wasm` and `<module>.fst.so`.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN`, `ERR_HDL_PORT` for a design that cannot be bound; `ERR_HDL_TOOL` for a missing tool.
 * @example
 * ```ts
 * await generate({ files: ["rtl/counter.sv"] }, { output: "models", runtime: "@mitsu/hdl-bindings/model" });
 * ```
 */
export async function generate(design: Design, options: GenerateOptions): Promise<Generated> {
  const found = await readPorts(design);
  const layout = layoutOf(found, options);
  const base = join(options.output, found.module);
  const files: Record<string, string | Uint8Array> = { [`${base}.ts`]: classText(design, found, options) };
  const suffix = options.native ? "so" : "wasm";
  const make = options.native ? compileNative : compileWasm;
  const { bytes, warnings } = await make(design, layout, { ...options, trace: false });
  files[`${base}.${suffix}`] = bytes;
  if (options.trace) files[`${base}.trace.${suffix}`] = (await make(design, layout, { ...options, trace: "vcd" })).bytes;
  if (options.fst) files[`${base}.fst.so`] = (await compileNative(design, layout, { ...options, trace: "fst" })).bytes;
  await mkdir(options.output, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await writeFile(`${path}.part`, content);
    await rename(`${path}.part`, path);
  }
  return { ...found, files: Object.keys(files), warnings };
}
