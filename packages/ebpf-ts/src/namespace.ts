/** Network namespaces: enter one for a moment, tell one from another. @module */
import { closeSync, openSync, writeSync } from "node:fs";
import { kernelError } from "./kernel-error.ts";
import { errno, libc } from "./native.ts";

const CLONE_NEWNET = 0x40000000;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/** A descriptor of `/proc/<pid>/ns/net`, or of the file at a path; the caller closes it. */
export function openNetns(pidOrPath: number | string): number {
  const path = typeof pidOrPath === "number" ? `/proc/${pidOrPath}/ns/net` : pidOrPath;
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw kernelError(
      `cannot open the network namespace ${path}`,
      (cause as NodeJS.ErrnoException).errno ?? 0,
      "check that the process runs",
    );
  }
}

/**
 * Runs `fn` on this thread inside another network namespace and always comes back; `fn` must be synchronous.
 *
 * Work that Node hands to its thread pool (DNS, asynchronous files) stays outside. If the way back fails the process aborts,
 * since everything after it would happen in the wrong namespace.
 *
 * @param netns a descriptor, or a path such as `/proc/42/ns/net` or `/run/netns/blue`.
 * @throws MitsuError `ERR_BPF_RIGHTS` without CAP_SYS_ADMIN.
 */
export function inNetns<T>(netns: number | string, fn: () => T): T {
  const target = typeof netns === "string" ? openNetns(netns) : netns;
  try {
    const home = openSync("/proc/thread-self/ns/net", "r");
    try {
      if (libc().setns(target, CLONE_NEWNET) < 0) throw kernelError(`cannot enter the network namespace ${netns}`, errno());
      try {
        const result = fn();
        if (result instanceof Promise)
          throw new TypeError("inNetns() needs a synchronous function: a promise would go on outside the namespace");
        return result;
      } finally {
        if (libc().setns(home, CLONE_NEWNET) < 0) {
          writeSync(2, `cannot return from network namespace ${netns} (errno ${errno()}); aborting\n`);
          process.abort();
        }
      }
    } finally {
      closeSync(home);
    }
  } finally {
    if (typeof netns === "string") closeSync(target);
  }
}

/**
 * The cookie that BPF programs see as `bpf_get_netns_cookie()`: unique among all namespaces since boot. Linux ≥ 5.14.
 *
 * @param netns a descriptor or a path; this process' own namespace unless given.
 */
export function netnsCookie(netns?: number | string): bigint {
  const makeSocket = (): number => libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  const fd = netns === undefined ? makeSocket() : inNetns(netns, makeSocket);
  if (fd < 0) throw kernelError(`cannot make a socket in the network namespace ${netns ?? "of this process"}`, errno());
  try {
    const cookie = new Uint8Array(8);
    if (libc().getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, Uint32Array.of(8)) < 0) {
      throw kernelError(
        `cannot read the cookie of the network namespace ${netns ?? "of this process"}`,
        errno(),
        "needs Linux 5.14 or newer",
      );
    }
    return new DataView(cookie.buffer).getBigUint64(0, true);
  } finally {
    closeSync(fd);
  }
}
