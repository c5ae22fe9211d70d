/** A design compiled to a shared library for this machine: Verilator, then g++. @module */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Layout } from "../model/layout.ts";
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
    const trace = options.trace === true;
    const warnings = await writeSources(design, layout, folder, trace);
    const include = await verilatorInclude();
    const runtime = ["verilated.cpp", "verilated_threads.cpp", ...(trace ? ["verilated_vcd_c.cpp"] : [])].map((name) =>
      join(include, name),
    );
    const flags = [...commonFlags(include, trace), "-shared", "-fPIC", "-fvisibility=hidden", "-pthread", "-Imodel", "-I."];
    await compile("g++", [...flags, "all.cpp", ...runtime, "-s", "-o", "model.so"], folder);
    return { bytes: await readFile(join(folder, "model.so")), warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
