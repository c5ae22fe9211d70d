/** Writes what a command makes: a whole file or none, or stdout. @module */
import { constants, type Stats } from "node:fs";
import { access, chmod, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Env } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";

/**
 * Writes `text` to `path`, or to stdout for `-`. A file is written beside its place, synced and renamed, so a reader sees the old file or the new
 * one, and a failure leaves the old one; devices and pipes are written as they are. A file that was there keeps its mode, a link its target's place.
 *
 * @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`: no such folder, no right, no space.
 */
export async function writeOutput(path: string, text: string | Uint8Array, env: Pick<Env, "stdout" | "cwd" | "pid">): Promise<void> {
  if (path === "-") {
    env.stdout.write(typeof text === "string" ? text : new TextDecoder().decode(text));
    return;
  }
  try {
    const { target, before } = await placeOf(path, env);
    // Renaming a file onto /dev/null would replace the device.
    if (before && !before.isFile()) await writeThrough(target, text, "w");
    else await replace(target, text, { mode: before ? before.mode & 0o7777 : 0o644, keep: before !== undefined }, env.pid);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/**
 * Says before long work that `writeOutput` will not be able to write there, as far as that can be known.
 *
 * @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`, as {@link writeOutput}.
 */
export async function checkOutput(path: string | undefined, env: Pick<Env, "cwd">): Promise<void> {
  if (path === undefined || path === "-") return;
  try {
    const { target, before } = await placeOf(path, env);
    // The dot tells a folder from a file of that name.
    await access(before && !before.isFile() ? target : `${dirname(target)}/.`, constants.W_OK);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

async function placeOf(path: string, env: Pick<Env, "cwd">): Promise<{ readonly target: string; readonly before: Stats | undefined }> {
  const asked = resolve(env.cwd(), path);
  const target = (await lstat(asked).catch(() => undefined))?.isSymbolicLink() ? await realpath(asked) : asked;
  const before = await stat(target).catch(() => undefined);
  if (before?.isDirectory()) throw new Error("it is a folder");
  return { target, before };
}

function unwritable(path: string, error: unknown): MitsuError {
  const known: Readonly<Record<string, string>> = {
    ENOENT: "no such folder",
    ENOTDIR: "a part of the path is no folder",
    EACCES: "no right to write there",
    EROFS: "the file system is read-only",
    ENOSPC: "no space left",
  };
  const why = known[(error as NodeJS.ErrnoException).code ?? ""];
  return new MitsuError(`cannot write ${path}: ${why ?? (error as Error).message}`, {
    code: "ERR_OUTPUT_UNWRITABLE",
    hint: "name another place with --output; - is stdout",
    ...(why === undefined ? { cause: error } : {}),
  });
}

async function replace(
  target: string,
  text: string | Uint8Array,
  { mode, keep }: { mode: number; keep: boolean },
  pid: number,
): Promise<void> {
  const aside = join(dirname(target), `.${basename(target)}.${pid}.tmp`);
  try {
    await writeThrough(aside, text, "w", mode);
    // The umask may have taken bits away that the old file had.
    if (keep) await chmod(aside, mode);
    await rename(aside, target);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

/** Writes and syncs, so that a rename after it never shows an empty file after a power cut. */
async function writeThrough(path: string, text: string | Uint8Array, flags: string, mode?: number): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(text);
    // A pipe or a device cannot be synced, and need not be.
    if ((await file.stat()).isFile()) await file.sync();
  } finally {
    await file.close();
  }
}
