/** A design compiled to a shared library for this machine: Verilator, then g++. @module */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Layout } from "../model/layout.ts";
import { missingTool } from "../verilator/tool.ts";
import type { Design } from "../verilator/verilator.ts";
import { commonFlags, compile, verilatorInclude, writeSources } from "./cxx.ts";
import type { Compiled, CompileOptions } from "./wasm.ts";

/**
 * Compiles a design to a shared library with the same functions as the WebAssembly model has.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN` when it does not elaborate, `ERR_HDL_TOOL` when a tool is missing.
 */
export async function compileNative(design: Design, layout: Layout, options: CompileOptions = {}): Promise<Compiled> {
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    const trace = options.trace ?? false;
    const warnings = await writeSources(design, layout, folder, trace);
    const include = await verilatorInclude();
    if (trace === "fst" && !existsSync("/usr/include/zlib.h"))
      throw missingTool("zlib1g-dev", "no /usr/include/zlib.h: FST is compressed by zlib");
    const runtime = ["verilated.cpp", "verilated_threads.cpp", ...(trace ? [`verilated_${trace}_c.cpp`] : [])].map((name) =>
      join(include, name),
    );
    const flags = [...commonFlags(include, trace), "-shared", "-fPIC", "-fvisibility=hidden", "-pthread", "-Imodel", "-I."];
    await compile("g++", [...flags, "all.cpp", ...runtime, "-s", "-o", "model.so", ...(trace === "fst" ? ["-lz"] : [])], folder);
    return { bytes: await readFile(join(folder, "model.so")), warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
