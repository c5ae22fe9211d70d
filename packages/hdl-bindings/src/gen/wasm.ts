/** A design compiled to WebAssembly: Verilator, then clang with wasi's libc++. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Layout } from "../model/layout.ts";
import { missingTool } from "../verilator/tool.ts";
import type { Design, Message } from "../verilator/verilator.ts";
import { commonFlags, compile, type Tracing, verilatorInclude, writeSources } from "./cxx.ts";
import { wasiHeaders } from "./runtime.ts";

const compiler = "clang++-14";
const standardLibrary = "/usr/lib/wasm32-wasi/libc++.a";

/** How a model is compiled. */
export interface CompileOptions {
  /** What it can write of its signals; a VCD costs a fifth of the speed. FST only as a shared library: its writer wants zlib, threads and files. */
  readonly trace?: Tracing;
  /** Where Verilator's run time, compiled once, is kept; nothing is kept unless given. */
  readonly cache?: string | undefined;
}

/** What a compilation gives. */
export interface Compiled {
  readonly bytes: Uint8Array;
  /** Verilator's. */
  readonly warnings: readonly Message[];
}

/** Verilator's run time as object files, from the cache when it has them. */
async function runtimeObjects(flags: readonly string[], include: string, options: CompileOptions, folder: string): Promise<string[]> {
  const sources = ["verilated.cpp", ...(options.trace ? ["verilated_vcd_c.cpp"] : [])];
  return await Promise.all(
    sources.map(async (source) => {
      const text = await readFile(join(include, source));
      const key = createHash("sha256").update(text).update(flags.join(" ")).update(Object.values(wasiHeaders).join()).digest("hex");
      const kept = join(options.cache ?? folder, `${source}-${key.slice(0, 16)}.o`);
      if (existsSync(kept)) return kept;
      await mkdir(dirname(kept), { recursive: true });
      const fresh = `${kept}.${process.pid}`;
      await compile(compiler, [...flags, "-c", join(include, source), "-o", fresh], folder);
      await rename(fresh, kept); // two builds at once may both make it: the last one stands, and they are the same
      return kept;
    }),
  );
}

/**
 * Compiles a design to WebAssembly.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN` when it does not elaborate, `ERR_HDL_TOOL` when a tool is missing.
 */
export async function compileWasm(design: Design, layout: Layout, options: CompileOptions = {}): Promise<Compiled> {
  if (!existsSync(standardLibrary)) throw missingTool(compiler, `no ${standardLibrary}: libc++ for wasm32-wasi is not installed`);
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    const trace = options.trace ?? false;
    if (trace === "fst") throw new TypeError("a model in WebAssembly cannot write FST");
    const warnings = await writeSources(design, layout, folder, trace);
    const include = await verilatorInclude();
    await mkdir(join(folder, "wasi"));
    for (const [name, text] of Object.entries(wasiHeaders)) await writeFile(join(folder, "wasi", name), text);
    const flags = [
      ...["--target=wasm32-wasi", "-fno-exceptions", "-fno-rtti", "-DVL_IGNORE_UNKNOWN_ARCH", "-isystem", "wasi"],
      ...commonFlags(include, trace),
    ];
    const objects = await runtimeObjects(flags, include, options, folder);
    await compile(compiler, [...flags, "-Imodel", "-I.", "-c", "all.cpp", "-o", "all.o"], folder);
    const link = ["--target=wasm32-wasi", "-mexec-model=reactor", "-nodefaultlibs", "-Wl,--strip-all", "-Wl,--gc-sections"];
    await compile(
      compiler,
      [...link, "-Wl,--allow-undefined", "all.o", ...objects, "-lc++", "-lc++abi", "-lc", "-o", "model.wasm"],
      folder,
    );
    return { bytes: await readFile(join(folder, "model.wasm")), warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
