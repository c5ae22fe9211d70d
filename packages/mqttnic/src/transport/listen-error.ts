/** Why a listener cannot listen, and what to do about it. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { ListenerConfig } from "../config/broker-config.ts";

/** Makes an `ERR_LISTEN` of the system's error. */
export function listenError(config: ListenerConfig, cause: NodeJS.ErrnoException): MitsuError {
  const { path, fd, port } = config;
  const where = fd !== undefined ? `file descriptor ${fd}` : (path ?? `${config.address ?? "*"}:${port}`);
  const code = cause.code ?? "";
  const hint =
    fd !== undefined
      ? "it must be a listening stream socket: look at the systemd unit's ListenStream"
      : ({
          EADDRINUSE:
            path === undefined
              ? `another program has it, which 'ss -ltnp sport = :${port}' names; stop that one or choose another port`
              : "another daemon serves it; stop that one or choose another path",
          EACCES:
            path === undefined ? "ports below 1024 want root or CAP_NET_BIND_SERVICE" : "run as root, or choose a path that you may create",
          EADDRNOTAVAIL: "no interface of this machine has that address: 'ip address' lists them",
          ENOENT: "create its directory first",
          ENOTFOUND: "that name does not resolve; give an address",
          EINVAL: path === undefined ? "" : "a socket's path has at most 107 bytes",
        }[code] ?? "choose another address");
  return new MitsuError(`cannot listen on ${where} (listener ${config.name}): ${cause.message}`, {
    code: "ERR_LISTEN",
    ...(hint === "" ? {} : { hint }),
    exit: code === "EACCES" ? exitStatus.rights : exitStatus.system,
    cause,
  });
}
