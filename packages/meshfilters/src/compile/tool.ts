/** Runs the outside compilers; a missing one is an error that names its Debian package. @module */
import { spawn } from "node:child_process";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Tool → Debian packages that have it and what it needs for WebAssembly. */
export const debianPackages: Readonly<Record<string, string>> = {
  "clang-14": "clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32",
  "clang++-14": "clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32",
  rustc: "rustc libstd-rust-dev-wasm32",
};

/** What a tool printed and how it ended. */
export interface ToolResult {
  /** Exit status; of a killed tool 1. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says that a compiler, or a part of one, is not installed. */
export function missingTool(tool: string, what: string = `${tool} is not installed`): MitsuError {
  const packages = debianPackages[tool];
  return new MitsuError(what, {
    code: "ERR_FILTER_TOOL",
    hint: packages === undefined ? `install ${tool}` : `install it: apt-get install ${packages}`,
    exit: exitStatus.unavailable,
  });
}

/** Says what a compiler said of the source, file and line included. */
export function compileError(messages: string): MitsuError {
  return new MitsuError(messages.trim() || "the compiler failed and did not say why", {
    code: "ERR_FILTER_COMPILE",
    exit: exitStatus.usage,
  });
}

/**
 * Runs a tool to its end and gives what it printed; a status other than 0 is no error here.
 *
 * @throws {MitsuError} `ERR_FILTER_TOOL` when it is not installed.
 * @example
 * ```ts
 * const { stdout } = await runTool("clang-14", ["--version"], { cwd: "/" });
 * ```
 */
export function runTool(
  tool: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> },
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const parts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        parts[name] += text;
      });
    child.once("error", (error: NodeJS.ErrnoException) => reject(error.code === "ENOENT" ? missingTool(tool) : error));
    child.once("close", (status) => resolve({ status: status ?? 1, ...parts }));
  });
}
