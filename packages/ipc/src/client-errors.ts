/** What can go wrong between a command and its daemon, in words that lead on. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { protocolVersion } from "./protocol.ts";

/** The system's refusal to connect to `path`, told apart by what the reader has to do. */
export function connectError(path: string, cause: NodeJS.ErrnoException, startHint: string): MitsuError {
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    return new MitsuError(`cannot connect to ${path}: no rights`, {
      code: "ERR_IPC_DENIED",
      hint: "run as root, or join group mitsu",
      exit: exitStatus.rights,
    });
  }
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: "its socket file is there, but nobody listens (the daemon died)",
    ENOENT: "there is no such socket",
    EAGAIN: "too many clients wait for it",
  };
  return new MitsuError(`no daemon answers on ${path}: ${reasons[cause.code ?? ""] ?? cause.message}`, {
    code: "ERR_DAEMON_DOWN",
    hint: startHint,
    exit: exitStatus.unavailable,
  });
}

/** The connection ended while somebody waited on it, or before. */
export function closedError(): MitsuError {
  return new MitsuError("the daemon closed the connection", {
    code: "ERR_IPC_CLOSED",
    hint: "see its log; it may have been stopped",
    exit: exitStatus.unavailable,
  });
}

/** No answer came in time. */
export function timeoutError(what: string, timeoutMs: number): MitsuError {
  return new MitsuError(`${what}: no answer within ${timeoutMs} ms`, {
    code: "ERR_IPC_TIMEOUT",
    hint: "the daemon is busy or stuck; see its log",
    exit: exitStatus.temporary,
  });
}

/** The daemon speaks another protocol than we do. */
export function versionError(daemon: string, theirs: number): MitsuError {
  return new MitsuError(`${daemon} speaks protocol ${theirs}, this command ${protocolVersion}`, {
    code: "ERR_IPC_VERSION",
    hint: "restart the daemon with the version of this command",
    exit: exitStatus.unavailable,
  });
}
