/** The design that a command is about. @module */
import { resolve } from "node:path";
import { type Env, exitStatus, MitsuError } from "@mitsu/cli";
import type { Design } from "../verilator/verilator.ts";

/** What the options on the design give. */
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
