/** A design made into a TypeScript class and a WebAssembly model beside it. @module */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { readPorts } from "../verilator/ports.ts";
import type { Design, Message } from "../verilator/verilator.ts";
import { classSource } from "./class-source.ts";
import { type LayoutOptions, layoutOf } from "./layout.ts";
import { type CompileOptions, compileWasm } from "./wasm.ts";

/** What is generated, and where. */
export interface GenerateOptions extends LayoutOptions, CompileOptions {
  /** Folder of the result. */
  readonly output: string;
  /** Import specifier of the run time in the class. */
  readonly runtime: string;
  /** What the header says that the class is from; the first file, seen from `base`, unless given. */
  readonly base?: string;
}

/** What was made. */
export interface Generated {
  readonly module: string;
  readonly files: readonly string[];
  readonly warnings: readonly Message[];
}

/** The text of the class of a design. */
export async function generateClass(design: Design, options: Omit<GenerateOptions, "output">): Promise<{ module: string; text: string }> {
  const found = await readPorts(design);
  const source = relative(options.base ?? ".", design.files[0]!);
  const text = classSource(layoutOf(found, options), { source, runtime: options.runtime, parameters: design.parameters ?? {} });
  return { module: found.module, text };
}

/**
 * Writes `<module>.ts` and `<module>.wasm`.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN`, `ERR_HDL_PORT` for a design that cannot be bound; `ERR_HDL_TOOL` for a missing tool.
 */
export async function generate(design: Design, options: GenerateOptions): Promise<Generated> {
  const found = await readPorts(design);
  const { module, text } = await generateClass(design, options);
  const { wasm, warnings } = await compileWasm(design, layoutOf(found, options), options);
  await mkdir(options.output, { recursive: true });
  const files = { [join(options.output, `${module}.ts`)]: text, [join(options.output, `${module}.wasm`)]: wasm };
  for (const [path, content] of Object.entries(files)) {
    await writeFile(`${path}.part`, content);
    await rename(`${path}.part`, path);
  }
  return { module, files: Object.keys(files), warnings };
}
