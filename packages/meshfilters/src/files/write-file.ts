/** Writes what a command makes: whole or not at all. @module */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Env } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/**
 * Writes a file beside its place and moves it there, so that a nicd that reads it sees the old one or the new one.
 *
 * @param mode Of the file.
 * @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`.
 */
export function writeOutput(path: string, content: string | Uint8Array, env: Pick<Env, "cwd" | "pid">, mode: number = 0o644): void {
  const target = resolve(env.cwd(), path);
  const aside = join(dirname(target), `.${basename(target)}.${env.pid}.tmp`);
  try {
    writeFileSync(aside, content, { mode });
    renameSync(aside, target);
  } catch (cause) {
    rmSync(aside, { force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    const known: Readonly<Record<string, string>> = {
      ENOENT: "no such folder",
      ENOTDIR: "a part of the path is no folder",
      EACCES: "no right to write there",
      EROFS: "the file system is read-only",
      EISDIR: "it is a folder",
      ENOSPC: "no space left",
    };
    throw new MitsuError(`cannot write ${path}: ${known[code ?? ""] ?? message}`, {
      code: "ERR_OUTPUT_UNWRITABLE",
      hint: "name another place",
      cause,
    });
  }
}

/** @throws {MitsuError} `ERR_OUTPUT_EXISTS` when one of the files is there. */
export function refuseOverwriting(paths: readonly string[], env: Pick<Env, "cwd">): void {
  const there = paths.filter((path) => existsSync(resolve(env.cwd(), path)));
  if (there.length > 0)
    throw new MitsuError(`${there.join(", ")}: ${there.length === 1 ? "it is" : "they are"} there already`, {
      code: "ERR_OUTPUT_EXISTS",
      hint: "give another name, or --force to write over",
      exit: exitStatus.usage,
    });
}
