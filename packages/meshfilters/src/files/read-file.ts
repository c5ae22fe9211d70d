/** Reads what a command is given. @module */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Env } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

const largestBytes = 64 * 2 ** 20;

function refuse(path: string, why: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(`cannot read ${path}: ${why}`, { code: "ERR_INPUT_UNREADABLE", hint, exit: exitStatus.usage, cause });
}

/**
 * A whole file, at most 64 MiB.
 *
 * @throws {MitsuError} `ERR_INPUT_UNREADABLE`, exit status 2.
 */
export function readInput(path: string, env: Pick<Env, "cwd" | "readFile">): Uint8Array {
  const whole = resolve(env.cwd(), path);
  const found = statSync(whole, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw refuse(path, "it is a folder", "name a file");
  if (found && found.size > largestBytes) throw refuse(path, `it has ${found.size} bytes, more than ${largestBytes}`, "check the path");
  try {
    return env.readFile(whole);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" || code === "ENOTDIR" ? "no such file" : code === "EACCES" ? "no right to read it" : message;
    throw refuse(path, why, "check the path", cause);
  }
}

/** The same as text. */
export function readText(path: string, env: Pick<Env, "cwd" | "readFile">): string {
  return Buffer.from(readInput(path, env)).toString("utf8");
}

/** A configuration as an option has it: the text itself, or `@file`. */
export function readConfiguration(option: string | undefined, env: Pick<Env, "cwd" | "readFile">): Uint8Array | undefined {
  if (option === undefined) return undefined;
  return option.startsWith("@") ? readInput(option.slice(1), env) : Buffer.from(option);
}
