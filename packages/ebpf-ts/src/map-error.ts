/** Errors of map operations, which name the map. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { errnos, errnoText, kernelError } from "./kernel-error.ts";

/** What an error message tells of a map. */
export interface NamedMap {
  readonly name: string;
  readonly maxEntries: number;
}

/** The error for a failed operation; `verb` reads "cannot <verb> map <name>". */
export function mapError(map: NamedMap, verb: string, errno: number): MitsuError {
  const positive = Math.abs(errno);
  const message = `cannot ${verb} map ${map.name}`;
  if (positive === errnos.E2BIG || positive === errnos.ENOSPC) {
    return new MitsuError(`${message}: it is full (${map.maxEntries} entries)`, {
      code: "ERR_BPF_MAP_FULL",
      hint: `raise its size, or delete entries (maxEntries of ${map.name} is set when the object is opened)`,
      exit: exitStatus.temporary,
      cause: Object.assign(new Error(errnoText(positive)), { errno: positive }),
    });
  }
  if (positive === errnos.EEXIST)
    return kernelError(message, positive, "the key is already there; set it with flag 'any' or 'exist' to overwrite");
  if (positive === errnos.ENOENT)
    return kernelError(message, positive, "the key is not there; set it with flag 'any' or 'noexist' to create it");
  return kernelError(message, positive);
}
