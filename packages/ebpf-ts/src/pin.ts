/** Pins: names in a bpffs that keep a program, map or link alive without a process. @module */
import { unlinkSync } from "node:fs";
import { checked, kernelError } from "./kernel-error.ts";
import { libbpf } from "./native.ts";

/**
 * Gives the object behind `fd` the name `path`; its folder must exist in a bpffs (see {@link makePinFolder}).
 *
 * @throws MitsuError `ERR_BPF_EXISTS` if the path is taken, `ERR_BPF_MISSING` without the folder, `ERR_BPF_RIGHTS`.
 */
export function pin(fd: number, path: string): void {
  checked(
    libbpf().bpf_obj_pin(fd, path),
    `cannot pin to ${path}`,
    "the folder must exist inside a mounted bpffs, and the name must be free",
  );
}

/**
 * Opens a pinned object; the caller closes the descriptor.
 *
 * @throws MitsuError `ERR_BPF_MISSING` if nothing is pinned there.
 */
export function openPin(path: string): number {
  return checked(libbpf().bpf_obj_get(path), `cannot open the pin ${path}`, "see what is pinned: ls /sys/fs/bpf");
}

/** Removes the pin; true if there was one. The object lives on while anything else holds it. */
export function unpin(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (cause) {
    const { code, errno } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    throw kernelError(`cannot remove the pin ${path}`, errno ?? 0);
  }
}
