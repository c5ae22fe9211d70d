/** What a file is: its contents, mode and owner. @module */
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, statSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { FileState } from "./journal.ts";
import { writing } from "./write-error.ts";

const newMode = 0o644;

/** What is at a path. @throws {MitsuError} `ERR_PLACER_NOT_A_FILE` for a link, a device or a directory: they are not ours to replace. */
export function contentsAt(path: string): Uint8Array | null {
  const at = writing(() => lstatSync(path, { throwIfNoEntry: false }), path);
  if (at === undefined) return null;
  if (!at.isFile()) {
    throw new MitsuError(`${path} is not a regular file`, {
      code: "ERR_PLACER_NOT_A_FILE",
      hint: "a link may be a masked unit: move it away first",
      exit: exitStatus.system,
    });
  }
  return readFileSync(path);
}

/** What a file is; null for none. */
export function stateOf(path: string, contents: Uint8Array | null): FileState | null {
  if (contents === null) return null;
  const { mode, uid, gid } = statSync(path);
  return { sha256: sha256(contents), mode: mode & 0o7777, uid, gid };
}

/** What a file will be once it is written: its mode and owner stay. */
export function stateAfter(path: string, contents: Uint8Array | null): FileState | null {
  if (contents === null) return null;
  const { mode, uid, gid } = statSync(path, { throwIfNoEntry: false }) ?? {
    mode: newMode,
    uid: process.geteuid!(),
    gid: process.getegid!(),
  };
  return { sha256: sha256(contents), mode: mode & 0o7777, uid, gid };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Whether nothing differs. */
export function sameState(a: FileState | null, b: FileState | null): boolean {
  if (a === null || b === null) return a === b;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}
