/** Runs the outside tools (Verilator, clang, yosys); a missing one is an error that names its Debian package. @module */
import { spawn } from "node:child_process";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Tool → Debian packages that have it. */
export const debianPackages: Readonly<Record<string, string>> = {
  verilator: "verilator",
  "clang++-14": "clang-14 lld-14 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 wasi-libc",
  "g++": "g++",
  yosys: "yosys",
  "nextpnr-ice40": "nextpnr-ice40",
};

/** What a tool printed and how it ended. */
export interface ToolResult {
  /** Exit status; 128 + signal number is not used: a killed tool has 1. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says that a tool, or a part of one, is not installed. */
export function missingTool(tool: string, what: string = `${tool} is not installed`): MitsuError {
  return new MitsuError(what, {
    code: "ERR_HDL_TOOL",
    hint: `install it: apt-get install ${debianPackages[tool] ?? tool}`,
    exit: exitStatus.unavailable,
  });
}

/**
 * Runs a tool to its end and gives what it printed; a status other than 0 is no error here.
 *
 * @throws {MitsuError} `ERR_HDL_TOOL` when it is not installed; the hint names the Debian package.
 * @example
 * ```ts
 * const { stdout } = await runTool("verilator", ["--version"]);
 * ```
 */
export function runTool(tool: string, args: readonly string[], options: { readonly cwd?: string } = {}): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { cwd: options.cwd, stdio: ["ignore", "pipe", "pipe"] });
    const parts = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      parts.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      parts.stderr += text;
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? missingTool(tool) : error);
    });
    child.once("close", (status) => resolve({ status: status ?? 1, ...parts }));
  });
}
