/** Compiles the kit's modules with clang: freestanding, so that the same clang gives the same bytes everywhere. @module */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getAsset, isSea } from "node:sea";
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli";
import { type KitModule, kitModules, refusedModules } from "./kit-modules.ts";

const compilers = ["clang-14", "clang"];
const flags = ["--target=wasm32", "-O2", "-ffreestanding", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all"];

/** What clang said and whether it went well; null when there is no such program. */
function run(program: string, args: readonly string[]): Promise<{ readonly ok: boolean; readonly said: string } | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(null) : reject(error)));
    child.on("close", (code) => resolve({ ok: code === 0, said }));
  });
}

/** Puts the sources into a folder: of the standalone binary, which carries them, `scratch`; otherwise they lie beside this file. */
function sourcesIn(scratch: string): string {
  if (!isSea()) return join(import.meta.dirname, "filters");
  for (const name of ["kit.h", ...new Set([...kitModules, ...refusedModules].map(({ source }) => `${source}.c`))])
    writeFileSync(join(scratch, name), getAsset(name, "utf8"));
  return scratch;
}

async function compile({ name, source, defines }: KitModule, sources: string, folder: string): Promise<void> {
  const file = join(sources, `${source}.c`);
  const macros = Object.entries(defines).map(([macro, value]) => `-D${macro}=${value}`);
  // An unknown import is what that module is about.
  const args = [...flags, ...macros, "-o", join(folder, `${name}.wasm`), file];
  for (const compiler of compilers) {
    const result = await run(compiler, args);
    if (result === null) continue;
    if (result.ok) return;
    throw new MitsuError(`cannot compile ${source}.c for ${name}: ${result.said.trim().slice(0, 500)}`, {
      code: "ERR_CONFORMANCE_COMPILE",
      hint: "clang with the target wasm32 and wasm-ld are wanted: apt-get install clang-14 lld-14",
      exit: exitStatus.unavailable,
    });
  }
  throw new NotSupportedError("cannot compile the conformance kit: there is no clang", "apt-get install clang-14 lld-14");
}

/**
 * Writes every module of the kit: `<folder>/<name>.wasm`, and those that a host must refuse to `<folder>/refused/<name>.wasm`.
 *
 * @throws {NotSupportedError} There is no clang.
 * @throws {MitsuError} `ERR_CONFORMANCE_COMPILE` with what clang says.
 * @example
 * ```ts
 * await compileKit("kit"); // kit/headers-0-2-1.wasm …
 * ```
 */
export async function compileKit(folder: string): Promise<void> {
  mkdirSync(join(folder, "refused"), { recursive: true });
  const waiting = [
    ...kitModules.map((module) => ({ module, to: folder })),
    ...refusedModules.map((module) => ({ module, to: join(folder, "refused") })),
  ];
  const scratch = mkdtempSync(join(tmpdir(), "meshfilters-kit-"));
  try {
    const sources = sourcesIn(scratch);
    // Two at a time: clang takes a tenth of a second of one processor for each.
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await compile(next.module, sources, next.to);
    };
    await Promise.all([worker(), worker()]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
