/** Models of test/rtl, compiled once a test file. @module */
import { join } from "node:path";
import { type LayoutOptions, layoutOf } from "../src/gen/layout.ts";
import { compileWasm } from "../src/gen/wasm.ts";
import { DynamicModel } from "../src/model/dynamic-model.ts";
import { wasmEngine } from "../src/model/wasm-engine.ts";
import { webAssembly } from "../src/model/web-assembly.ts";
import { readPorts } from "../src/verilator/ports.ts";
import { cache, needs, required } from "./needs.ts";

/** Whether Verilator is installed, or has to be. */
export const hasVerilator: boolean = required || needs.verilator.there();

/** Whether models can be compiled to WebAssembly, or must be. */
export const hasWasm: boolean = required || (hasVerilator && needs.wasm.there());

export { all, cache } from "./needs.ts";

/** Path of a file of test/rtl. */
export function rtl(name: string): string {
  return join(import.meta.dirname, "rtl", `${name}.sv`);
}

/** Compiles a module of test/rtl and gives a function that opens a fresh model of it. */
export async function compiled(
  name: string,
  options: LayoutOptions & { parameters?: Record<string, string> } = {},
): Promise<() => DynamicModel> {
  const design = { files: [rtl(name)], parameters: options.parameters ?? {} };
  const layout = layoutOf(await readPorts(design), options);
  const { bytes } = await compileWasm(design, layout, { cache });
  const module = new webAssembly.Module(new Uint8Array(bytes));
  return () => new DynamicModel(layout, wasmEngine(layout.module, module, {}));
}
