/** Models of test/rtl, compiled once a test file, and whether that can be. @module */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type LayoutOptions, layoutOf } from "../src/gen/layout.ts";
import { compileWasm } from "../src/gen/wasm.ts";
import { DynamicModel } from "../src/model/dynamic-model.ts";
import { wasmEngine } from "../src/model/wasm-engine.ts";
import { webAssembly } from "../src/model/web-assembly.ts";
import { readPorts } from "../src/verilator/ports.ts";

/** Whether Verilator is installed. */
export const hasVerilator: boolean = spawnSync("verilator", ["--version"]).status === 0;

/** Whether models can be compiled to WebAssembly. */
export const hasWasm: boolean =
  hasVerilator && spawnSync("clang++-14", ["--version"]).status === 0 && existsSync("/usr/lib/wasm32-wasi/libc++.a");

/** `./test --all`: compilations take seconds each. */
export const all: boolean = process.env.MITSU_TEST_ALL === "1";

/** Where Verilator's run time is kept compiled; the same as for scripts/build-rtl. */
export const cache: string = join(import.meta.dirname, "../../../.cache/hdl-bindings");

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
