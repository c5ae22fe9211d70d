/** Features: what the running kernel and this process' rights allow, each found out by trying. @module */
import { closeSync, existsSync } from "node:fs";
import { release } from "node:os";
import { NotSupportedError } from "@mitsu/cli/error";
import { attachType } from "./attach-type.ts";
import { bpfCommand, bpfSyscall } from "./bpf-syscall.ts";
import { defaultBpffs, isBpffs } from "./bpffs.ts";
import { vmlinuxBtfPath } from "./btf.ts";
import { hasCapability } from "./capabilities.ts";
import { cgroup2Path } from "./cgroup-mount.ts";
import { errnos } from "./kernel-error.ts";
import { mapTypeNumber } from "./map-type.ts";
import { libbpf } from "./native.ts";
import { probeProgramType, withTinyProgram } from "./probe-program.ts";

interface Feature {
  readonly what: string;
  readonly hint: string;
  readonly probe: () => boolean;
}

function programType(name: string, since: string): Feature {
  return { what: `BPF programs of type ${name}`, hint: `needs Linux ${since} or newer`, probe: () => probeProgramType(name) };
}

function capability(name: "CAP_BPF" | "CAP_NET_ADMIN" | "CAP_SYS_ADMIN"): Feature {
  return { what: name, hint: `run as root, or give the process ${name}`, probe: () => hasCapability(name) };
}

/** Name of a feature that can be asked for. */
export type FeatureName =
  | "btf"
  | "bpffs"
  | "cgroup2"
  | "capBpf"
  | "capNetAdmin"
  | "capSysAdmin"
  | "cgroupSockAddr"
  | "cgroupSockopt"
  | "sockOps"
  | "skMsg"
  | "skSkb"
  | "schedCls"
  | "ringbuf"
  | "sockhash"
  | "iterTcp"
  | "sockmapLink"
  | "tcx";

const features: Readonly<Record<FeatureName, Feature>> = {
  btf: {
    what: "kernel type information (BTF)",
    hint: "boot a kernel with CONFIG_DEBUG_INFO_BTF=y",
    probe: () => existsSync(vmlinuxBtfPath),
  },
  bpffs: { what: `a bpffs at ${defaultBpffs}`, hint: `mount it: mount -t bpf bpf ${defaultBpffs}`, probe: () => isBpffs(defaultBpffs) },
  cgroup2: {
    what: "a cgroup v2 mount",
    hint: "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified",
    probe: () => cgroup2Path() !== undefined,
  },
  capBpf: capability("CAP_BPF"),
  capNetAdmin: capability("CAP_NET_ADMIN"),
  capSysAdmin: capability("CAP_SYS_ADMIN"),
  cgroupSockAddr: programType("cgroup_sock_addr", "4.17"),
  cgroupSockopt: programType("cgroup_sockopt", "5.3"),
  sockOps: programType("sock_ops", "4.13"),
  skMsg: programType("sk_msg", "4.17"),
  skSkb: programType("sk_skb", "4.14"),
  schedCls: programType("sched_cls", "4.1"),
  ringbuf: {
    what: "BPF ring buffers",
    hint: "needs Linux 5.8 or newer",
    probe: () => libbpf().libbpf_probe_bpf_map_type(mapTypeNumber("ringbuf"), null) === 1,
  },
  sockhash: {
    what: "socket hash maps",
    hint: "needs Linux 4.18 or newer with CONFIG_BPF_STREAM_PARSER=y",
    probe: () => libbpf().libbpf_probe_bpf_map_type(mapTypeNumber("sockhash"), null) === 1,
  },
  iterTcp: {
    what: "BPF iterators over TCP sockets",
    hint: "needs Linux 5.9 or newer with BTF",
    probe: () => libbpf().libbpf_find_vmlinux_btf_id("tcp", attachType.trace_iter) > 0,
  },
  sockmapLink: { what: "BPF links on sockmaps", hint: "needs Linux 6.10 or newer", probe: probeSockmapLink },
  tcx: { what: "tcx attachment of BPF programs", hint: "needs Linux 6.6 or newer with CONFIG_NET_XGRESS=y", probe: probeTcx },
};

/** All names, in the order of the report. */
export const featureNames: readonly FeatureName[] = Object.keys(features) as FeatureName[];

function probeSockmapLink(): boolean {
  return withTinyProgram("sk_msg", (program) => {
    const map = libbpf().bpf_map_create(mapTypeNumber("sockhash"), "probe", 4, 4, 1, null);
    if (map < 0) return false;
    const link = libbpf().bpf_link_create(program, map, attachType.sk_msg_verdict, null);
    if (link >= 0) closeSync(link);
    closeSync(map);
    return link >= 0;
  });
}

/** Attaches to a device that does not exist: a kernel with tcx misses the device, one without finds the request invalid. */
function probeTcx(): boolean {
  return withTinyProgram("sched_cls", (program) => {
    const attr = new Uint8Array(32);
    new Uint32Array(attr.buffer).set([program, 0x7fffffff, attachType.tcx_ingress]);
    return bpfSyscall(bpfCommand.linkCreate, attr) === -errnos.ENODEV;
  });
}

/** What one probe found. */
export interface FeatureReport {
  readonly name: FeatureName;
  readonly supported: boolean;
  readonly what: string;
  readonly hint: string;
}

/** Probes the named features, all unless told; takes some milliseconds. */
export function probeFeatures(names: readonly FeatureName[] = featureNames): FeatureReport[] {
  return names.map((name) => {
    const { what, hint, probe } = features[name];
    return { name, supported: probe(), what, hint };
  });
}

/**
 * Makes sure that everything named is there.
 *
 * @throws NotSupportedError that names all that is missing and what to do for each.
 * @example
 * ```ts
 * requireFeatures(["btf", "cgroup2", "skMsg"]);
 * ```
 */
export function requireFeatures(names: readonly FeatureName[]): void {
  const missing = probeFeatures(names).filter((feature) => !feature.supported);
  if (missing.length === 0) return;
  const list = missing.map((feature) => feature.what).join(", ");
  const hint = missing.map((feature) => `${feature.what}: ${feature.hint}`).join("; ");
  throw new NotSupportedError(`this machine (Linux ${release()}) lacks ${list}`, hint);
}
