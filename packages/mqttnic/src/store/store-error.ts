/** What SQLite and the file system say, as errors that say what to do. @module */
import { dirname } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Primary result codes of SQLite that mean something to an operator. [https://sqlite.org/rescode.html] */
const code = { busy: 5, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/**
 * An `ERR_STORE` for what went wrong.
 *
 * @param path The store's file.
 * @param what What was being done: `open`, `read`, `write`.
 */
export function storeError(path: string, what: string, cause: unknown): MitsuError {
  if (cause instanceof MitsuError) return cause;
  const { why, hint, exit } = explain(path, cause);
  return new MitsuError(`cannot ${what} the store ${path}: ${why}`, { code: "ERR_STORE", hint, exit, cause });
}

/** An `ERR_STORE` for a file that is whole, but not what this mqttnic can use. */
export function refusedStore(path: string, why: string, hint: string): MitsuError {
  return new MitsuError(`cannot open the store ${path}: ${why}`, { code: "ERR_STORE", hint, exit: exitStatus.data });
}

interface Explanation {
  readonly why: string;
  readonly hint: string;
  readonly exit: number;
}

const damaged = (path: string, why: string): Explanation => ({
  why: `${why}; it is damaged`,
  hint: `nothing was changed: put a backup in its place, or move ${path} and ${path}-wal away to start with an empty store`,
  exit: exitStatus.data,
});

/** What the file system says before SQLite gets to see the file. */
function explainSystem(path: string, system: string): Explanation | undefined {
  const rights = `let the user of mqttnic write ${path} and its folder ${dirname(path)}, or give another path`;
  switch (system) {
    case "ENOENT":
    case "ENOTDIR":
      return {
        why: `there is no folder ${dirname(path)}`,
        hint: `create it and let the user of mqttnic write there`,
        exit: exitStatus.config,
      };
    case "EISDIR":
      return { why: "it is a folder", hint: "give the path of a file in it", exit: exitStatus.config };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return {
        why: system === "EROFS" ? "its file system is read-only" : "this user must not write it",
        hint: rights,
        exit: exitStatus.rights,
      };
    default:
      return undefined;
  }
}

function explain(path: string, cause: unknown): Explanation {
  const known = explainSystem(path, String((cause as NodeJS.ErrnoException).code));
  if (known !== undefined) return known;
  if (cause instanceof RangeError) return damaged(path, `it holds ${cause.message}`);
  const text = cause instanceof Error ? cause.message : String(cause);
  const result = (cause as { errcode?: unknown }).errcode;
  switch (typeof result === "number" ? result & 0xff : undefined) {
    case code.busy:
      return {
        why: "another process has it open",
        hint: `stop the other mqttnic (\`fuser ${path}\` names it), or give this one a path of its own`,
        exit: exitStatus.temporary,
      };
    case code.readOnly:
      return {
        why: "it is read-only for this user",
        hint: `give the user of mqttnic the right to write ${path} and its folder, or pass --persistence off`,
        exit: exitStatus.rights,
      };
    case code.ioError:
      return {
        why: `the system refused (${text})`,
        hint: "look for a full or failing disk, a quota or a limit on file sizes (`df`, `dmesg`, `ulimit -f`); what was gathered is kept and tried again",
        exit: exitStatus.system,
      };
    case code.full:
      return {
        why: "the disk is full",
        hint: `make room on the file system of ${path}; what was gathered is kept and tried again`,
        exit: exitStatus.system,
      };
    case code.cannotOpen:
      return {
        why: "SQLite cannot open it",
        hint: `let the user of mqttnic write ${path} and its folder ${dirname(path)}`,
        exit: exitStatus.rights,
      };
    case code.corrupt:
      return damaged(path, text);
    case code.notADatabase:
      return {
        why: "it is no store of mqttnic, or its head is damaged",
        hint: `nothing was changed: give another path, or move ${path} away`,
        exit: exitStatus.data,
      };
    default:
      return { why: text, hint: `look at the rights and the state of ${path} and its folder`, exit: exitStatus.system };
  }
}
