/** Link: the attachment of a program to a hook, alive while a descriptor or a pin holds it. @module */
import { closeSync } from "node:fs";
import { attachTypeName } from "./attach-type.ts";
import { checked } from "./kernel-error.ts";
import { libbpf } from "./native.ts";
import { objectInfo } from "./object-info.ts";
import { openPin, pin, unpin } from "./pin.ts";

const linkTypes =
  "unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops netfilter tcx uprobe_multi netkit sockmap".split(
    " ",
  );

/** What the kernel says of a link; which of the optional fields are there depends on `type`. */
export interface LinkInfo {
  readonly id: number;
  /** `cgroup`, `sockmap`, `tcx`, `iter`, ... */
  readonly type: string;
  readonly programId: number;
  /** Of cgroup links: the cgroup's inode number. 0n once the cgroup is gone. */
  readonly cgroupId?: bigint;
  /** Of sockmap links: the map's id. 0 once the map is gone. */
  readonly mapId?: number;
  /** Of tcx and xdp links. 0 once the device is gone. */
  readonly ifindex?: number;
  readonly attachType?: string;
}

/** An attachment; closing the last reference (descriptor or pin) detaches the program. */
export class Link {
  readonly kind = "link";
  readonly fd: number;
  #path: string | undefined;
  #open = true;

  /** Takes over `fd`. */
  constructor(fd: number, path?: string) {
    this.fd = fd;
    this.#path = path;
  }

  /**
   * Opens a pinned link.
   *
   * @throws MitsuError `ERR_BPF_MISSING` if nothing is pinned there.
   */
  static open(path: string): Link {
    return new Link(openPin(path), path);
  }

  /** Keeps the attachment alive beyond this process, under `path` in a bpffs. */
  pin(path: string): this {
    pin(this.fd, path);
    this.#path = path;
    return this;
  }

  /** Removes the pin this link was opened from or given; the attachment ends when the descriptor closes. */
  unpin(): this {
    if (this.#path !== undefined) unpin(this.#path);
    this.#path = undefined;
    return this;
  }

  /**
   * Replaces the attached program atomically, without a moment in which none is attached.
   *
   * Sockets that are already in a sockmap keep the old program until they are put in again.
   */
  update(program: { readonly fd: number; readonly name: string }): this {
    checked(libbpf().bpf_link_update(this.fd, program.fd, null), `cannot update the link to program ${program.name}`);
    return this;
  }

  /** Detaches now, even while pins or other descriptors hold the link. */
  detach(): void {
    checked(libbpf().bpf_link_detach(this.fd), "cannot detach the link");
  }

  /** The kernel's view of this link. */
  info(): LinkInfo {
    const info = objectInfo(this.fd, "a link");
    const u32 = (offset: number): number => info.getUint32(offset, true);
    const type = linkTypes[u32(0)] ?? `link_type_${u32(0)}`;
    const base = { id: u32(4), type, programId: u32(8) };
    if (type === "cgroup") return { ...base, cgroupId: info.getBigUint64(16, true), attachType: attachTypeName(u32(24)) };
    if (type === "sockmap") return { ...base, mapId: u32(16), attachType: attachTypeName(u32(20)) };
    if (type === "tcx") return { ...base, ifindex: u32(16), attachType: attachTypeName(u32(20)) };
    if (type === "xdp") return { ...base, ifindex: u32(16) };
    return base;
  }

  /** Closes the descriptor; detaches unless the link is pinned or open elsewhere. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
