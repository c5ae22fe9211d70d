/** The network namespaces that attached programs live in. @module */
import { closeSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { inNetns, netnsCookie, openNetns } from "@mitsu/ebpf-ts";

/** One namespace, held open. */
export interface Namespace {
  /** As BPF sees it. */
  readonly cookie: bigint;
  /** Descriptor of its file. */
  readonly fd: number;
  /** Its addresses that are not loopback, IPv4 first. */
  readonly addresses: readonly string[];
  /** Inode of its file, as `ls -l /proc/<pid>/ns/net` shows. */
  readonly inode: string;
}

/**
 * Keeps a descriptor of each namespace, so that it can be scanned and resolved in.
 *
 * @example
 * ```ts
 * const cookie = namespaces.ofPid(4711)?.cookie;
 * ```
 */
export class Namespaces {
  readonly #byInode = new Map<string, Namespace>();

  /** All that are held. */
  get all(): readonly Namespace[] {
    return [...this.#byInode.values()];
  }

  /** The namespace of a process; undefined when the process is gone. */
  ofPid(pid: number): Namespace | undefined {
    try {
      return this.#known(readlinkSync(`/proc/${pid}/ns/net`)) ?? this.#open(pid);
    } catch {
      return undefined;
    }
  }

  /** The namespace behind a file such as `/run/netns/a`; undefined when there is none. */
  ofPath(path: string): Namespace | undefined {
    try {
      return this.#open(path);
    } catch {
      return undefined;
    }
  }

  #known(link: string): Namespace | undefined {
    return this.#byInode.get(link);
  }

  #open(what: number | string): Namespace {
    const fd = openNetns(what);
    const link = readlinkSync(`/proc/self/fd/${fd}`);
    const known = this.#byInode.get(link);
    if (known) {
      closeSync(fd);
      return known;
    }
    const namespace = { cookie: netnsCookie(fd), fd, addresses: addressesIn(fd), inode: link };
    this.#byInode.set(link, namespace);
    return namespace;
  }

  /** Is there a namespace whose interfaces were not up when they were last looked at? One that has just been made takes a moment. */
  get incomplete(): boolean {
    return this.all.some(({ addresses }) => addresses.length === 0);
  }

  /** Reads the addresses again: interfaces come and go. @returns whether any did. */
  refresh(): boolean {
    let changed = false;
    for (const [link, namespace] of this.#byInode) {
      const addresses = addressesIn(namespace.fd);
      if (addresses.join() === namespace.addresses.join()) continue;
      this.#byInode.set(link, { ...namespace, addresses });
      changed = true;
    }
    return changed;
  }

  /** Lets go of all namespaces that `keep` does not name. */
  retain(keep: ReadonlySet<bigint>): void {
    for (const [link, { cookie, fd }] of this.#byInode) {
      if (keep.has(cookie)) continue;
      this.#byInode.delete(link);
      closeSync(fd);
    }
  }

  /** Lets go of all. */
  close(): void {
    this.retain(new Set());
  }
}

function addressesIn(fd: number): string[] {
  const all = inNetns(fd, () => Object.values(networkInterfaces()).flatMap((list) => list ?? []));
  const usable = all.filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith("fe80:"));
  return usable.toSorted((a, b) => a.family.localeCompare(b.family)).map(({ address }) => address);
}
