/** Tells systemd how the daemon fares, and takes the sockets it passes; does nothing where there is no systemd. Source: sd_notify(3), sd_listen_fds(3). @module */
import { getSystemErrorMessage } from "node:util";
import type { Env } from "./env.ts";
import { exitStatus, MitsuError } from "./error.ts";
import { libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** `sockaddr_un`: family (2 bytes, little-endian), then the path and its NUL, or NUL and an abstract name without one. */
function socketAddress(name: string): Uint8Array {
  const path = Buffer.from(name.startsWith("@") ? `\0${name.slice(1)}` : `${name}\0`);
  if (path.length > 108 || !/^[/@]/.test(name)) {
    throw new MitsuError(`cannot notify '${name}': not a Unix socket address of at most 108 bytes`, {
      code: "ERR_NOTIFY_ADDRESS",
      hint: "correct NOTIFY_SOCKET, or unset it",
      exit: exitStatus.config,
    });
  }
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), path]);
}

/**
 * Sends one notification; false where `NOTIFY_SOCKET` is not set.
 *
 * @throws {MitsuError} `ERR_NOTIFY_ADDRESS`, `ERR_NOTIFY_SEND`.
 * @example
 * ```ts
 * await sdNotify(env, "READY=1\nSTATUS=3 services attached");
 * ```
 */
export async function sdNotify(env: Env, state: string): Promise<boolean> {
  const name = env.vars.NOTIFY_SOCKET;
  if (!name) return false;
  const address = socketAddress(name);
  const { socket, sendto, close, errno } = await libc();
  const fd: number = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  const data = Buffer.from(state);
  const sent = fd < 0 ? -1 : sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length);
  const reason = errno();
  if (fd >= 0) close(fd);
  if (sent !== data.length) {
    throw new MitsuError(`cannot notify ${name}: ${getSystemErrorMessage(-reason)}`, {
      code: "ERR_NOTIFY_SEND",
      hint: "is the service manager alive?",
      exit: exitStatus.system,
    });
  }
  return true;
}

/** The notifications of a daemon's life. Failures go to `onError`: a deaf service manager must not stop the daemon. */
export interface Notifier {
  readonly ready: (status?: string) => Promise<void>;
  readonly status: (text: string) => Promise<void>;
  /** RELOADING=1 with the monotonic time; send `ready` when done. */
  readonly reloading: () => Promise<void>;
  readonly stopping: () => Promise<void>;
  /** Starts WATCHDOG=1 at half of `WATCHDOG_USEC`; the returned function stops it. */
  readonly watchdog: () => () => void;
}

/** Makes a {@link Notifier} from `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. */
export function notifier(env: Env, onError: (error: Error) => void): Notifier {
  const tell = async (...lines: string[]): Promise<void> => {
    await sdNotify(env, lines.join("\n")).catch(onError);
  };
  // A newline would start another assignment.
  const statusLine = (text: string) => `STATUS=${text.replaceAll("\n", " ")}`;
  return {
    ready: (status) => tell("READY=1", ...(status ? [statusLine(status)] : [])),
    status: (text) => tell(statusLine(text)),
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${env.nowNs() / 1000n}`),
    stopping: () => tell("STOPPING=1"),
    watchdog() {
      const periodUs = Number(env.vars.WATCHDOG_USEC);
      const owner = env.vars.WATCHDOG_PID;
      if (!(periodUs > 0) || (owner && Number(owner) !== env.pid)) return () => {};
      const timer = setInterval(() => void tell("WATCHDOG=1"), periodUs / 2000).unref();
      return () => clearInterval(timer);
    },
  };
}

/** A socket that systemd opened for us. */
export interface ListenFd {
  readonly fd: number;
  /** `FileDescriptorName=` of the socket unit, `unknown` where it has none. */
  readonly name: string;
}

/**
 * The sockets passed by socket activation; empty unless `LISTEN_PID` names this process.
 *
 * @example
 * ```ts
 * const [control] = listenFds(env);
 * await serve({ ...options, listen: control ? { fd: control.fd } : { path: context.socket } });
 * ```
 */
export function listenFds(env: Env): readonly ListenFd[] {
  if (Number(env.vars.LISTEN_PID) !== env.pid) return [];
  const names = (env.vars.LISTEN_FDNAMES ?? "").split(":");
  const count = Number(env.vars.LISTEN_FDS) || 0;
  return Array.from({ length: count }, (_, index) => ({ fd: 3 + index, name: names[index] || "unknown" }));
}
