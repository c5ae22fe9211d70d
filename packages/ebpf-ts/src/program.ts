/** Program: BPF code the kernel has verified, and the hooks it can be attached to. @module */
import { closeSync, openSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type AttachType, attachType, attachTypeName, type SockmapAttachType } from "./attach-type.ts";
import { Attachment } from "./attachment.ts";
import { bpfCommand, bpfSyscall } from "./bpf-syscall.ts";
import { Iter } from "./iter.ts";
import { checked, errnos, kernelError } from "./kernel-error.ts";
import { Link } from "./link.ts";
import type { BpfMap } from "./map.ts";
import { addressOf, libbpf } from "./native.ts";
import { infoString, objectInfo } from "./object-info.ts";
import { openPin, pin } from "./pin.ts";
import { programTypeName } from "./program-type.ts";
import { type TestRunResult, testRun } from "./test-run.ts";

/** What an iterator walks, where its kind wants to be told. */
export interface IterTarget {
  /** Of `iter/bpf_map_elem` and `iter/sockmap`. */
  readonly map?: BpfMap;
  /** Of `iter/task*`: this process alone. */
  readonly pid?: number;
}

/** A loaded program. Those of a {@link BpfObject} live as long as it does; opened ones are closed by `close`. */
export class Program {
  /** As in the source; of an opened pin as the kernel keeps it, its first 15 characters. */
  readonly name: string;
  readonly fd: number;
  /** `sk_msg`, `cgroup_sock_addr`, ... */
  readonly type: string;
  readonly id: number;
  /** Hash of the instructions, 16 hexadecimal digits. */
  readonly tag: string;
  /** Attach type that the ELF section names; unknown (undefined) for an opened pin. */
  readonly expectedAttachType: number | undefined;
  #owned: boolean;

  constructor(fd: number, options: { name?: string; expectedAttachType?: number; owned: boolean }) {
    const info = objectInfo(fd, `program ${options.name ?? ""}`);
    this.fd = fd;
    this.name = options.name ?? infoString(info, 64, 16);
    this.type = programTypeName(info.getUint32(0, true));
    this.id = info.getUint32(4, true);
    this.tag = Buffer.from(info.buffer, 8, 8).toString("hex");
    this.expectedAttachType = options.expectedAttachType;
    this.#owned = options.owned;
  }

  /**
   * Opens a pinned program.
   *
   * @throws MitsuError `ERR_BPF_MISSING` if nothing is pinned there.
   */
  static open(path: string): Program {
    return new Program(openPin(path), { owned: true });
  }

  /**
   * Attaches to a cgroup (v2) and all below it, beside whatever else is attached there.
   *
   * @param cgroup path or descriptor of the cgroup's folder.
   * @param type where a program type has several; the ELF section's unless given.
   * @throws MitsuError `ERR_CGROUP_MISSING`, `ERR_BPF_RIGHTS`, or what the kernel refused.
   */
  attachCgroup(cgroup: string | number, type?: AttachType): Link {
    const attach = type === undefined ? this.expectedAttachType : attachType[type];
    if (attach === undefined) {
      throw new MitsuError(`cannot attach ${this.name} to ${cgroup}: a program opened from a pin does not tell its attach type`, {
        code: "ERR_BPF_ATTACH_TYPE",
        hint: "pass the attach type, for example attachCgroup(path, 'cgroup_inet4_connect')",
      });
    }
    const fd = typeof cgroup === "string" ? this.#openCgroup(cgroup) : cgroup;
    try {
      return new Link(
        checked(
          libbpf().bpf_link_create(this.fd, fd, attach, null),
          `cannot attach ${this.name} as ${attachTypeName(attach)} to ${cgroup}`,
          "the folder must be a cgroup v2 one, and the program's section must fit the attach type",
        ),
      );
    } finally {
      if (typeof cgroup === "string") closeSync(fd);
    }
  }

  #openCgroup(path: string): number {
    try {
      return openSync(path, "r");
    } catch (cause) {
      throw new MitsuError(`cannot attach ${this.name} to ${path}: ${(cause as Error).message}`, {
        code: "ERR_CGROUP_MISSING",
        hint: "create the cgroup first (mkdir in a cgroup v2 mount)",
        exit: exitStatus.data,
        cause,
      });
    }
  }

  /**
   * Attaches to a sockmap or sockhash: by a link from Linux 6.10 on, else by {@link Attachment}; the result's `kind` tells which.
   *
   * @throws MitsuError `ERR_BPF_BUSY` if the map already has a program of this kind.
   */
  attachSockmap(map: BpfMap, kind: SockmapAttachType): Link | Attachment {
    const link = libbpf().bpf_link_create(this.fd, map.fd, attachType[kind], null);
    if (link >= 0) return new Link(link);
    // EINVAL is what kernels without sockmap links say, but also a misfit; the old way says which.
    if (link === -errnos.EINVAL || link === -errnos.EOPNOTSUPP) return new Attachment(this, map, kind);
    throw kernelError(`cannot attach ${this.name} to map ${map.name} as ${kind}`, link);
  }

  /**
   * Attaches to a network device of the present namespace, after the programs already there. Linux ≥ 6.6.
   *
   * @throws MitsuError `ERR_BPF_INVALID` on kernels without tcx.
   */
  attachTcx(ifindex: number, direction: "ingress" | "egress"): Link {
    const attr = new Uint8Array(32);
    new Uint32Array(attr.buffer).set([this.fd, ifindex, attachType[`tcx_${direction}`]]);
    const fd = bpfSyscall(bpfCommand.linkCreate, attr);
    return new Link(
      checked(fd, `cannot attach ${this.name} to interface ${ifindex} (${direction})`, "needs Linux 6.6 or newer and an existing device"),
    );
  }

  /**
   * Attaches to the tracepoint that its section names (`raw_tp/…`, `tp_btf/…`), for every process on the machine.
   *
   * @throws MitsuError `ERR_BPF_RIGHTS` without CAP_PERFMON, or what the kernel refused.
   */
  attachTracepoint(): Link {
    return new Link(checked(libbpf().bpf_raw_tracepoint_open(null, this.fd), `cannot attach ${this.name} to its tracepoint`));
  }

  /** Attaches an iterator program. */
  attachIter(target: IterTarget = {}): Iter {
    // union bpf_iter_link_info: map.map_fd at 0, or task.tid at 0, task.pid at 4, task.pid_fd at 8.
    const info = target.map ? Uint32Array.of(target.map.fd) : target.pid === undefined ? undefined : Uint32Array.of(0, target.pid, 0);
    let opts: Uint8Array | null = null;
    const bytes = info && new Uint8Array(info.buffer);
    if (bytes) {
      // struct bpf_link_create_opts: sz at 0, iter_info at 16, iter_info_len at 24.
      opts = new Uint8Array(72);
      const view = new DataView(opts.buffer);
      view.setBigUint64(0, BigInt(opts.length), true);
      view.setBigUint64(16, addressOf(bytes), true);
      view.setUint32(24, bytes.length, true);
    }
    return new Iter(
      new Link(checked(libbpf().bpf_link_create(this.fd, 0, attachType.trace_iter, opts), `cannot attach the iterator ${this.name}`)),
    );
  }

  /** Keeps the program loaded beyond this process, under `path` in a bpffs. */
  pin(path: string): this {
    pin(this.fd, path);
    return this;
  }

  /** Runs the program once on a packet and, where its type takes one, a context, without attaching it. */
  testRun(data: Uint8Array, ctx?: Uint8Array): TestRunResult {
    return testRun(this.fd, this.name, data, ctx);
  }

  /** Closes the descriptor of an opened pin; a program of an object is closed with the object. */
  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
