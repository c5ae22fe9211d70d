/** Binds a server where a listener says, and says clearly why it cannot. @module */
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { ListenerConfig } from "../config/broker-config.ts";

/** File mode and group of a Unix socket. */
export interface SocketFileOptions {
  /** 0o660 unless told. */
  readonly socketMode?: number;
  /** `mitsu` unless told; left as it is when there is no such group. */
  readonly socketGroup?: string;
}

/** Where a server listens. */
export interface BoundAddress {
  /** The path for a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly unix: boolean;
}

/** Connections that the kernel keeps until they are accepted, bounded by `net.core.somaxconn`. */
const backlog = 4096;

/**
 * Binds and listens. A Unix socket whose daemon is gone is replaced; anything else in its way is left alone.
 *
 * @throws {MitsuError} `ERR_LISTEN`.
 */
export async function bind(server: Server, config: ListenerConfig, options: SocketFileOptions = {}): Promise<BoundAddress> {
  const { path, fd } = config;
  if (fd !== undefined) await listening(server, config, () => server.listen({ fd }));
  else if (path !== undefined) {
    await clearWay(config, path);
    await listening(server, config, () => {
      // bind(2) happens within listen(): the umask closes the moment between bind and chmod.
      const before = process.umask(0o177);
      try {
        server.listen({ path, backlog });
      } finally {
        process.umask(before);
      }
    });
    const gid = groupId(options.socketGroup ?? "mitsu");
    if (gid !== undefined && process.getuid?.() === 0) chownSync(path, 0, gid);
    chmodSync(path, options.socketMode ?? 0o660);
  } else await listening(server, config, () => server.listen({ host: config.address, port: config.port, backlog }));
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { address: bound ?? "", port: 0, unix: true };
  return { address: bound.address, port: bound.port, unix: false };
}

function listening(server: Server, config: ListenerConfig, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenError(config, cause));
    server.once("error", failed);
    server.once("listening", () => {
      server.off("error", failed);
      resolve();
    });
    try {
      listen();
    } catch (cause) {
      failed(cause as NodeJS.ErrnoException);
    }
  });
}

/** Removes the socket file of a daemon that is gone. */
async function clearWay(config: ListenerConfig, path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket())
    throw new MitsuError(`cannot listen on ${path} (listener ${config.name}): a ${kindOf(there)} is in the way`, {
      code: "ERR_LISTEN",
      hint: "choose another path, or move it away; it was left as it is",
      exit: exitStatus.config,
    });
  if (await answers(path)) throw listenError(config, Object.assign(new Error("a program listens there"), { code: "EADDRINUSE" }));
  // Only what was looked at: another daemon may have put its own there meanwhile.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === there.ino) unlinkSync(path);
}

function kindOf(there: { isDirectory(): boolean; isSymbolicLink(): boolean }): string {
  return there.isDirectory() ? "folder" : there.isSymbolicLink() ? "symbolic link" : "file that is no socket";
}

/** Whether somebody listens at a Unix socket; any failure but "nobody" counts as somebody, so that nothing is removed by mistake. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
}

function groupId(name: string): number | undefined {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const gid = line?.split(":")[2];
  return gid === undefined || gid === "" ? undefined : Number(gid);
}

function listenError(config: ListenerConfig, cause: NodeJS.ErrnoException): MitsuError {
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
