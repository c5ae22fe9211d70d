/** Errors of writing files, with what to do about them. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Runs something that writes; the system's error becomes one that says what failed. @throws {MitsuError} `ERR_PLACER_WRITE` */
export function writing<T>(work: () => T, what: string): T {
  try {
    return work();
  } catch (error) {
    throw refused(error, what);
  }
}

/** The system's error as ours. */
export function refused(error: unknown, what: string, then = "everything is as it was"): unknown {
  if (error instanceof MitsuError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const rights = code === "EACCES" || code === "EPERM";
  return new MitsuError(`cannot write ${what}; ${then}`, {
    code: "ERR_PLACER_WRITE",
    hint: rights ? "run it as root, or pass --directory and --state" : "see the cause",
    exit: rights ? exitStatus.rights : exitStatus.system,
    cause: error,
  });
}
