/** Writes a picture: a whole file or none. @module */
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Env } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";

/**
 * Writes to stdout for `-`, else beside the place and renames, so that a failure leaves what was there. What is no file, such as /dev/null, is written as it is.
 *
 * @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`.
 */
export async function writePicture(path: string, text: string, env: Pick<Env, "stdout" | "cwd" | "pid">): Promise<void> {
  if (path === "-") return env.stdout.write(text);
  const place = resolve(env.cwd(), path);
  const before = await stat(place).catch(() => undefined);
  const aside = before && !before.isFile() ? place : join(dirname(place), `.${basename(place)}.${env.pid}.tmp`);
  try {
    await writeFile(aside, text);
    if (aside !== place) await rename(aside, place);
  } catch (cause) {
    if (aside !== place) await rm(aside, { force: true });
    throw unwritable(path, cause);
  }
}

/** Says before long work that {@link writePicture} will not be able to write there. @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`. */
export async function checkPicture(path: string | undefined, env: Pick<Env, "cwd">): Promise<void> {
  if (path === undefined || path === "-") return;
  const place = resolve(env.cwd(), path);
  if ((await stat(place).catch(() => undefined))?.isDirectory()) throw unwritable(path, new Error("it is a folder"));
  const folder = await stat(dirname(place)).catch(() => undefined);
  if (!folder?.isDirectory()) throw unwritable(path, new Error("no such folder"));
}

function unwritable(path: string, error: unknown): MitsuError {
  return new MitsuError(`cannot write ${path}: ${(error as Error).message}`, {
    code: "ERR_OUTPUT_UNWRITABLE",
    hint: "name another place with --draw; - is stdout",
  });
}
