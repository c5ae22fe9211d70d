/** A design as C++ in a folder, ready for a compiler. @module */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Layout } from "../model/layout.ts";
import { runTool } from "../verilator/tool.ts";
import { type Design, type Message, verilate } from "../verilator/verilator.ts";
import { evaluationOf, glueSource } from "./glue.ts";
import { runtimeExports, runtimeHeader } from "./runtime.ts";

/** What a model writes of its signals: VCD through a callback, or FST, which needs zlib and files, so only as a shared library. */
export type Tracing = false | "vcd" | "fst";

/** Flags of every compilation, whatever the target; `all.cpp` wants the folder itself as the working directory. */
export function commonFlags(include: string, trace: Tracing): readonly string[] {
  return [
    ...["-O3", "-std=c++17", "-w", "-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL", "-DVM_COVERAGE=0", "-DVM_SC=0"],
    ...[`-DVM_TRACE=${trace ? 1 : 0}`, `-DVM_TRACE_FST=${trace === "fst" ? 1 : 0}`, `-I${include}`, `-I${include}/vltstd`],
  ];
}

/** Folder of Verilator's own C++. */
export async function verilatorInclude(): Promise<string> {
  const { stdout } = await runTool("verilator", ["--getenv", "VERILATOR_ROOT"]);
  return join(stdout.trim(), "include");
}

/**
 * Runs a compiler.
 *
 * @throws {MitsuError} `ERR_HDL_COMPILE`: a fault of ours or of Verilator's, as the design was accepted before.
 */
export async function compile(tool: string, args: readonly string[], cwd: string): Promise<void> {
  const { status, stderr } = await runTool(tool, args, { cwd });
  if (status === 0) return;
  throw new MitsuError(`${tool} refuses the generated C++: ${stderr.split("\n").slice(0, 12).join("\n")}`, {
    code: "ERR_HDL_COMPILE",
    hint: "the design elaborates, so this is a fault of hdl-bindings: report it with the design",
    exit: exitStatus.failure,
  });
}

/**
 * Writes `all.cpp` and what it includes: one translation unit, so that the compiler sees through `eval()`.
 *
 * @throws {MitsuError} `ERR_HDL_DESIGN` when the design does not elaborate.
 */
export async function writeSources(design: Design, layout: Layout, folder: string, trace: Tracing): Promise<readonly Message[]> {
  const model = join(folder, "model");
  await mkdir(model, { recursive: true });
  const warnings = await verilate(design, [
    "--cc",
    "-O3",
    ...(trace ? [trace === "fst" ? "--trace-fst" : "--trace"] : []),
    "--prefix",
    "Vmodel",
    "--Mdir",
    model,
  ]);
  const parts = (await readdir(model)).filter((name) => name.endsWith(".cpp")).sort();
  const texts = await Promise.all(parts.map((name) => readFile(join(model, name), "utf8")));
  // A trace shows the clock low too.
  const cycles = trace || layout.clock === undefined ? "both-edges" : evaluationOf(texts, layout.clock);
  await writeFile(join(folder, "hdl_runtime.h"), runtimeHeader);
  await writeFile(join(folder, "hdl_exports.h"), runtimeExports);
  await writeFile(join(folder, "glue.inc"), glueSource(layout, cycles));
  await writeFile(join(folder, "all.cpp"), [...parts.map((name) => `#include "model/${name}"`), '#include "glue.inc"', ""].join("\n"));
  return warnings;
}
