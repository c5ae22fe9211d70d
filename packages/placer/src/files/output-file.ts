/** Writes what a command makes: a whole file or none, or stdout. @module */
import { chmod, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
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
  const asked = resolve(env.cwd(), path);
  try {
    const target = (await lstat(asked).catch(() => undefined))?.isSymbolicLink() ? await realpath(asked) : asked;
    const before = await stat(target).catch(() => undefined);
    if (before?.isDirectory()) throw new Error("it is a folder");
    // Renaming a file onto /dev/null would replace the device.
    if (before && !before.isFile()) await writeThrough(target, text, "w");
    else await replace(target, text, { mode: before ? before.mode & 0o7777 : 0o644, keep: before !== undefined }, env.pid);
  } catch (cause) {
    const why =
      { ENOENT: "no such folder", EACCES: "no right to write there", EROFS: "the file system is read-only", ENOSPC: "no space left" }[
        (cause as NodeJS.ErrnoException).code ?? ""
      ] ?? (cause as Error).message;
    throw new MitsuError(`cannot write ${path}: ${why}`, {
      code: "ERR_OUTPUT_UNWRITABLE",
      hint: "name another place with --output; - is stdout",
      cause,
    });
  }
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
