/** Two network namespaces of the self-test's own: nothing it does is seen outside, and closing their descriptors removes them. @module */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { NotSupportedError } from "@mitsu/cli/error";
import { inNetns } from "@mitsu/ebpf-ts";
import koffi from "koffi";
import { callError } from "./sockets.ts";
import { bringUp, makeVeth } from "./veth.ts";

/** One namespace with its loopback up. */
export interface Network {
  /** Descriptor. */
  readonly fd: number;
  /** Its address on the cable to the other one. */
  readonly address: string;
}

/** Both, joined by a veth cable. */
export interface Networks {
  readonly left: Network;
  readonly right: Network;
  /** Why there is no cable between them; undefined when there is one. */
  readonly apart: string | undefined;
  close(): void;
}

const CLONE_NEWNET = 0x40000000;
const thisThread = "/proc/thread-self/ns/net";
/** Sockets of these namespaces get hash tables of their own of this size, so that a scan walks 64 buckets instead of the machine's 100,000. */
const hashBuckets = "64";

/**
 * Makes them; addresses are of TEST-NET-1 (RFC 5737), which no machine uses.
 *
 * @throws {MitsuError} ERR_SELFTEST_CALL when the process may not make namespaces.
 */
export function makeNetworks(): Networks {
  const unshare = koffi.load("libc.so.6").func("int unshare(int)");
  const enterNew = (): void => {
    if (unshare(CLONE_NEWNET) < 0) throw callError("cannot make a network namespace");
  };
  // inNetns() comes back to where it was called, whatever namespace the thread is in by then.
  const fds = inNetns(thisThread, () => {
    enterNew();
    const made: number[] = [];
    try {
      smallHashTables();
      const parent = openSync(thisThread, "r");
      try {
        for (let i = 0; i < 2; i++) {
          inNetns(parent, () => {
            enterNew();
            made.push(openSync(thisThread, "r"));
          });
        }
      } finally {
        closeSync(parent);
      }
      return made;
    } catch (error) {
      for (const fd of made) closeSync(fd);
      throw error;
    }
  });
  const [left, right] = [
    { fd: fds[0]!, address: "192.0.2.1" },
    { fd: fds[1]!, address: "192.0.2.2" },
  ];
  const close = (): void => {
    for (const fd of fds) closeSync(fd);
  };
  try {
    for (const fd of fds) bringUp(fd, "lo");
    return { left, right, apart: cable(left, right), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** For namespaces made from inside this thread's present one; Linux before 6.1 and read-only /proc/sys go without, and scans take longer. */
function smallHashTables(): void {
  try {
    writeFileSync("/proc/sys/net/ipv4/tcp_child_ehash_entries", hashBuckets);
  } catch {
    // slower, not wrong
  }
}

function cable(left: Network, right: Network): string | undefined {
  try {
    makeVeth({ netns: left.fd, address: left.address }, { netns: right.fd, address: right.address });
    return undefined;
  } catch (error) {
    if (error instanceof NotSupportedError) return error.message;
    throw error;
  }
}
