/** Replaces a password file as a whole: whoever reads it sees the old one or the new one. @module */
import { randomBytes } from "node:crypto";
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** A password file as it was read. */
export interface PasswordFileBefore {
  /** Where it lies, symbolic links followed. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Who owns it; undefined for a new one. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const failed = (path: string, cause: NodeJS.ErrnoException, hint: string): MitsuError =>
  new MitsuError(`cannot change the password file ${path}: ${cause.code === "ENOENT" ? "no such file" : cause.message}`, {
    code: "ERR_PASSWORD_FILE",
    exit: cause.code === "EACCES" || cause.code === "EPERM" ? exitStatus.rights : exitStatus.data,
    hint,
    cause,
  });

/** Reads it, or stands for an empty one with `create`. @throws {MitsuError} `ERR_PASSWORD_FILE`. */
export async function readPasswordFileForChange(path: string, create: boolean): Promise<PasswordFileBefore> {
  try {
    const real = await realpath(path);
    const { uid, gid } = await stat(real);
    return { path: real, bytes: await readFile(real), owner: { uid, gid } };
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    if (cause.code === "ENOENT" && create) return { path, bytes: Buffer.alloc(0), owner: undefined };
    throw failed(path, cause, cause.code === "ENOENT" ? "add --create to make it" : "check its rights");
  }
}

/** Writes it anew with mode 0600 and the owner it had. @throws {MitsuError} `ERR_PASSWORD_FILE`; the old one is then as it was. */
export async function replacePasswordFile({ path, owner }: PasswordFileBefore, bytes: Buffer): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(aside, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      if (owner) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw failed(path, error as NodeJS.ErrnoException, "check that the folder exists and may be written to");
  }
}
