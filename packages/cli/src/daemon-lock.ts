/** One daemon per control socket: an flock(2) that the kernel lets go of when the holder dies, whatever way it dies. @module */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { getSystemErrorMessage } from "node:util";
import type { Env } from "./env.ts";
import { exitStatus, MitsuError } from "./error.ts";
import { libc } from "./libc.ts";
import type { Log } from "./log.ts";
import { peerCredentials } from "./peer-credentials.ts";

const LOCK_EX_NB = 2 | 4;

function running(socket: string, pid: number | string): MitsuError {
  return new MitsuError(`a daemon with pid ${pid} already serves ${socket}`, {
    code: "ERR_DAEMON_RUNNING",
    hint: `stop it first (kill ${pid}), or pass another --socket`,
    exit: exitStatus.temporary,
  });
}

/** The pid that listens on a Unix socket; undefined when nobody does. */
async function listenerOf(path: string): Promise<number | undefined> {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return (await peerCredentials(socket)).pid;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNREFUSED" || code === "ENOENT") return undefined;
    throw error;
  } finally {
    socket.destroy();
  }
}

/**
 * Takes `<socket>.lock` and removes a socket file that a dead daemon left; the returned function lets go.
 * The lock file holds the pid in decimal and stays on disk: unlinking it would let two daemons hold two files of one name.
 *
 * @throws {MitsuError} `ERR_DAEMON_RUNNING` with the pid of the living one; `ERR_DAEMON_SOCKET` when the path is something else than a socket.
 */
export async function lockDaemon(env: Env, socket: string, log: Log): Promise<() => void> {
  const { flock, errno } = await libc();
  const path = `${socket}.lock`;
  mkdirSync(dirname(socket), { recursive: true });
  const fd = openSync(path, "a+", 0o644);
  try {
    if (flock(fd, LOCK_EX_NB) !== 0) {
      const reason = errno();
      if (reason === 11) throw running(socket, readFileSync(path, "utf8").trim() || "unknown");
      throw new Error(`cannot lock ${path}: ${getSystemErrorMessage(-reason)}`);
    }
    const file = statSync(socket, { throwIfNoEntry: false });
    if (file && !file.isSocket()) {
      throw new MitsuError(`${socket} exists and is not a socket`, {
        code: "ERR_DAEMON_SOCKET",
        hint: "move it away, or pass another --socket",
        exit: exitStatus.config,
      });
    }
    // Nobody holds the lock, yet somebody may listen: a daemon started by socket activation, or with its lock file deleted.
    const pid = file && (await listenerOf(socket));
    if (pid) throw running(socket, pid);
    if (file) {
      log.warn("removing the socket file of a daemon that is gone", { socket });
      rmSync(socket, { force: true });
    }
    ftruncateSync(fd);
    writeSync(fd, `${env.pid}\n`);
    return () => closeSync(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
