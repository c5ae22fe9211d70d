/** Turns an errno of the kernel or of libbpf into a MitsuError that says what failed, why, and what to do. @module */
import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** The errno values this package tells apart (asm-generic/errno.h). */
export const errnos = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EOPNOTSUPP: 95,
  ENOTSUPP: 524,
} as const;

/** The symbolic name and the sentence of an errno, `ENOENT (no such file or directory)`. */
export function errnoText(errno: number): string {
  if (errno === errnos.ENOTSUPP) return "ENOTSUPP (operation is not supported)";
  try {
    return `${getSystemErrorName(-errno)} (${getSystemErrorMessage(-errno)})`;
  } catch {
    return `errno ${errno}`;
  }
}

const hints: Record<number, readonly [code: string, hint: string, exit: number]> = {
  [errnos.EPERM]: ["ERR_BPF_RIGHTS", "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN", exitStatus.rights],
  [errnos.EACCES]: ["ERR_BPF_RIGHTS", "check the rights on the path, and run as root or with CAP_BPF", exitStatus.rights],
  [errnos.ENOENT]: ["ERR_BPF_MISSING", "check that the path or key exists", exitStatus.data],
  [errnos.EEXIST]: ["ERR_BPF_EXISTS", "remove what is there first, or choose another name", exitStatus.failure],
  [errnos.EBUSY]: ["ERR_BPF_BUSY", "another program is attached there; detach it first", exitStatus.temporary],
  [errnos.EINVAL]: [
    "ERR_BPF_INVALID",
    "the kernel knows no such combination; its log (dmesg) or a newer kernel may tell more",
    exitStatus.system,
  ],
};

for (const errno of [errnos.EOPNOTSUPP, errnos.ENOTSUPP]) {
  hints[errno] = ["ERR_BPF_UNSUPPORTED", "the kernel cannot do this with an object of this type; a newer one may", exitStatus.unsupported];
}

/**
 * The error for a failed call; `what` reads "cannot <verb> <object>".
 *
 * @param errno positive, or negative as libbpf returns it.
 */
export function kernelError(what: string, errno: number, hint?: string): MitsuError {
  const positive = Math.abs(errno);
  const [code, defaultHint, exit] = hints[positive] ?? ["ERR_BPF_SYSTEM", "see the kernel's log (dmesg)", exitStatus.system];
  const cause = Object.assign(new Error(errnoText(positive)), { errno: positive });
  return new MitsuError(`${what}: ${errnoText(positive)}`, { code, hint: hint ?? defaultHint, exit, cause });
}

/** Returns `result` if it is not negative, else throws {@link kernelError} for it. */
export function checked(result: number, what: string, hint?: string): number {
  if (result < 0) throw kernelError(what, result, hint);
  return result;
}
