/** bpffs: the file system that pins live in. @module */
import { existsSync, mkdirSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { kernelError } from "./kernel-error.ts";
import { errno, libc } from "./native.ts";

/** `BPF_FS_MAGIC` of uapi/linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11;

/** Where distributions mount it. */
export const defaultBpffs = "/sys/fs/bpf";

/** Whether `path` lies in a bpffs. */
export function isBpffs(path: string): boolean {
  return existsSync(path) && statfsSync(path).type >>> 0 === BPF_FS_MAGIC;
}

/**
 * Makes sure that a bpffs is mounted at `path`.
 *
 * @param options.mount mounts one (and creates the folder) if there is none; false unless told.
 * @throws MitsuError `ERR_BPFFS_MISSING` if there is none, `ERR_BPF_RIGHTS` if it may not be mounted.
 */
export function ensureBpffs(path: string = defaultBpffs, options: { mount?: boolean } = {}): void {
  if (isBpffs(path)) return;
  if (!options.mount) {
    throw new MitsuError(`no bpffs is mounted at ${path}`, {
      code: "ERR_BPFFS_MISSING",
      hint: `mount it: mount -t bpf bpf ${path}`,
      exit: exitStatus.unsupported,
    });
  }
  mkdirSync(path, { recursive: true });
  if (libc().mount("bpf", path, "bpf", 0, null) < 0) throw kernelError(`cannot mount a bpffs at ${path}`, errno());
}

/**
 * Creates a folder for pins and its parents, with mode 0700.
 *
 * @throws MitsuError `ERR_BPFFS_MISSING` if it would not lie in a bpffs.
 */
export function makePinFolder(path: string): void {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  ensureBpffs(existing);
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
