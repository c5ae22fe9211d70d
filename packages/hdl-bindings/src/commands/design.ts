/** The options that every command on a design takes. @module */
import { resolve } from "node:path";
import { type Env, exitStatus, MitsuError, type Options } from "@mitsu/cli";
import type { Design } from "../verilator/verilator.ts";

/** Which design. */
export const designOptions = {
  top: { type: "string", alias: "t", description: "the top module; the one that nothing instantiates unless given" },
  parameter: { type: "array", alias: "G", description: "a parameter of the top module", unit: "NAME=value" },
  include: { type: "array", alias: "I", description: "folder of included files and of modules by name", unit: "path" },
} as const satisfies Options;

/** Which inputs of one bit `step` and `reset` drive. */
export const clockOptions = {
  clock: { type: "string", description: "the clock; clk, clock, clk_i, aclk … are found by themselves", unit: "port" },
  reset: { type: "string", description: "the reset; rst, reset, rst_n, aresetn … are found by themselves", unit: "port" },
} as const satisfies Options;

/** The files of a design. */
export const filesArgument = {
  name: "files",
  description: "SystemVerilog or Verilog, the top module's first",
  required: true,
  variadic: true,
} as const;

/** What those options give. */
export interface DesignArguments {
  readonly files: readonly string[];
  readonly top: string | undefined;
  readonly parameter: readonly string[];
  readonly include: readonly string[];
}

/** `NAME=value` pairs. */
export function pairs(option: string, texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new MitsuError(`--${option} ${text}: no '='`, {
        code: "ERR_USAGE",
        hint: `write it as --${option} NAME=value`,
        exit: exitStatus.usage,
      });
    }),
  );
}

/** The design that a command's arguments name. */
export function designOf({ files, top, parameter, include }: DesignArguments, env: Env): Design {
  const at = (path: string) => resolve(env.cwd(), path);
  return { files: files.map(at), top, parameters: pairs("parameter", parameter), include: include.map(at) };
}
