/** Rust by Debian's rustc, without cargo; sdk/rust/proxy_wasm.rs is there as the crate `proxy_wasm`. @module */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Compiled, CompileOptions } from "./compiled.ts";
import type { Source } from "./language.ts";
import { sdkFile } from "./sdk.ts";
import { compileError, missingTool, runTool, type ToolResult } from "./tool.ts";

/** Debian's goes before one of rustup, which has no target wasm32-wasi unless asked. */
const debianRustc = "/usr/bin/rustc";

async function rustc(args: readonly string[], folder: string): Promise<ToolResult> {
  const result = await runTool(existsSync(debianRustc) ? debianRustc : "rustc", args, { cwd: folder });
  if (result.status === 0) return result;
  if (/can't find crate for `(core|std)`|target may not be installed|linker `[^`]*` not found/.test(result.stderr))
    throw missingTool("rustc", "rustc is not complete: it has no target wasm32-wasi");
  throw compileError(result.stderr);
}

/**
 * Compiles one file; modules may lie beside it.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE` with rustc's messages, `ERR_FILTER_TOOL`.
 */
export async function compileRust(source: Source, { debug, optimise, scratch }: CompileOptions): Promise<Compiled> {
  const level = optimise === "0" || optimise === "1" ? optimise : optimise === "s" || optimise === "z" ? optimise : "3";
  const folder = dirname(source.path);
  const common = ["--edition=2021", "--target=wasm32-wasi", `-Copt-level=${level}`, "-Cpanic=abort", "--color=never"];
  const library = join(scratch, "libproxy_wasm.rlib");
  const sdk = sdkFile("proxy_wasm.rs", scratch);
  await rustc(
    [...common, "--crate-type=rlib", "--crate-name=proxy_wasm", `--remap-path-prefix=${dirname(sdk)}=sdk`, "-o", library, sdk],
    folder,
  );
  const out = join(scratch, "rust.wasm");
  const { stderr } = await rustc(
    [
      ...common,
      "--crate-type=cdylib",
      `--crate-name=${source.name.replaceAll(/\W/g, "_").replace(/^(?=\d)/, "_")}`,
      "-Clto=fat",
      ...(debug ? [] : ["-Cstrip=symbols"]),
      `--remap-path-prefix=${folder}=.`,
      `--extern=proxy_wasm=${library}`,
      "-o",
      out,
      basename(source.path),
    ],
    folder,
  );
  return { wasm: readFileSync(out), sourceMap: null, warnings: stderr.trim() };
}
