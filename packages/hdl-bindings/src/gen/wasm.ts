/** A design compiled to WebAssembly: Verilator, then clang with wasi's libc++. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Layout } from "../model/layout.ts";
import { missingTool, runTool } from "../verilator/tool.ts";
import { type Design, type Message, verilate } from "../verilator/verilator.ts";
import { glueSource } from "./glue.ts";
import { runtimeExports, runtimeHeader, wasiHeaders } from "./runtime.ts";

const compiler = "clang++-14";
const standardLibrary = "/usr/lib/wasm32-wasi/libc++.a";

/** How a model is compiled. */
export interface CompileOptions {
  /** Whether it can write a VCD. */
  readonly trace?: boolean;
  /** Where Verilator's run time, compiled once, is kept; nothing is kept unless given. */
  readonly cache?: string | undefined;
}

/** Folder of Verilator's own C++. */
async function verilatorRoot(): Promise<string> {
  const { stdout } = await runTool("verilator", ["--getenv", "VERILATOR_ROOT"]);
  return join(stdout.trim(), "include");
}

/** Runs the compiler; its failure is a fault of ours or of Verilator's, as the design was accepted. */
async function compile(tool: string, args: readonly string[], cwd: string): Promise<void> {
  const { status, stderr } = await runTool(tool, args, { cwd });
  if (status === 0) return;
  throw new MitsuError(`${tool} refuses the generated C++: ${stderr.split("\n").slice(0, 12).join("\n")}`, {
    code: "ERR_HDL_COMPILE",
    hint: "the design elaborates, so this is a fault of hdl-bindings: report it with the design",
    exit: exitStatus.failure,
  });
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
 * Compiles a design to WebAssembly and gives the module's bytes with Verilator's warnings.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN` when it does not elaborate, `ERR_HDL_TOOL` when a tool is missing.
 */
export async function compileWasm(
  design: Design,
  layout: Layout,
  options: CompileOptions = {},
): Promise<{ readonly wasm: Uint8Array; readonly warnings: readonly Message[] }> {
  if (!existsSync(standardLibrary)) throw missingTool(compiler, `no ${standardLibrary}: libc++ for wasm32-wasi is not installed`);
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    const trace = options.trace ? ["--trace"] : [];
    const warnings = await verilate(design, ["--cc", "-O3", ...trace, "--prefix", "Vmodel", "--Mdir", join(folder, "model")]);
    const include = await verilatorRoot();
    await mkdir(join(folder, "wasi"));
    for (const [name, text] of Object.entries(wasiHeaders)) await writeFile(join(folder, "wasi", name), text);
    await writeFile(join(folder, "hdl_runtime.h"), runtimeHeader);
    await writeFile(join(folder, "hdl_exports.h"), runtimeExports);
    await writeFile(join(folder, "glue.inc"), glueSource(layout));
    const parts = (await readdir(join(folder, "model"))).filter((name) => name.endsWith(".cpp")).sort();
    // One translation unit: the compiler sees through eval() and the whole build takes a second.
    await writeFile(join(folder, "all.cpp"), [...parts.map((name) => `#include "model/${name}"`), '#include "glue.inc"', ""].join("\n"));
    const flags = [
      ...["--target=wasm32-wasi", "-O3", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-w", "-DVL_IGNORE_UNKNOWN_ARCH"],
      ...["-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL", "-DVM_COVERAGE=0", "-DVM_SC=0", `-DVM_TRACE=${options.trace ? 1 : 0}`],
      ...["-isystem", "wasi", `-I${include}`, `-I${include}/vltstd`],
    ];
    const objects = await runtimeObjects(flags, include, options, folder);
    await compile(compiler, [...flags, "-Imodel", "-I.", "-c", "all.cpp", "-o", "all.o"], folder);
    await compile(
      compiler,
      [
        ...["--target=wasm32-wasi", "-mexec-model=reactor", "-nodefaultlibs", "-Wl,--strip-all", "-Wl,--gc-sections"],
        ...["-Wl,--allow-undefined", "all.o", ...objects, "-lc++", "-lc++abi", "-lc", "-o", "model.wasm"],
      ],
      folder,
    );
    return { wasm: await readFile(join(folder, "model.wasm")), warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
