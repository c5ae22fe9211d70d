/** Probes of program types and helpers, by loading programs of two instructions. @module */
import { closeSync } from "node:fs";
import { attachType } from "./attach-type.ts";
import { addressOf, libbpf } from "./native.ts";
import { programTypeNumber } from "./program-type.ts";

/** r0 = 1; struct bpf_insn is opcode, registers, offset (2 bytes), immediate (4 bytes). */
const returnsOne = [0xb7, 0, 0, 0, 1, 0, 0, 0];
const exit = [0x95, 0, 0, 0, 0, 0, 0, 0];

/** Types that are refused without an expected attach type. */
const attachTypes: Readonly<Record<string, number>> = {
  cgroup_sock_addr: attachType.cgroup_inet4_connect,
  cgroup_sockopt: attachType.cgroup_getsockopt,
  sk_lookup: attachType.sk_lookup,
};

/** Loads `first`; exit and gives the descriptor (negative if refused) and the verifier's log. */
function load(type: string, first: readonly number[]): { fd: number; log: string } {
  const log = new Uint8Array(4096);
  // struct bpf_prog_load_opts of libbpf 1.1: sz 0, expected_attach_type 12, log_level 88, log_size 92, log_buf 96.
  const opts = new Uint8Array(104);
  const view = new DataView(opts.buffer);
  view.setBigUint64(0, BigInt(opts.length), true);
  view.setUint32(12, attachTypes[type] ?? 0, true);
  view.setUint32(88, 1, true);
  view.setUint32(92, log.length, true);
  view.setBigUint64(96, addressOf(log), true);
  const fd = libbpf().bpf_prog_load(programTypeNumber(type), "probe", "GPL", Uint8Array.from([...first, ...exit]), 2, opts);
  return { fd, log: Buffer.from(log.buffer, 0, Math.max(0, log.indexOf(0))).toString("latin1") };
}

/** Loads `return 1` as the given program type and passes its descriptor on; false if it cannot be loaded. */
export function withTinyProgram(type: string, body: (fd: number) => boolean): boolean {
  const { fd } = load(type, returnsOne);
  if (fd < 0) return false;
  try {
    return body(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether the kernel loads programs of this type (`sk_msg`, `cgroup_sock_addr`, ...). */
export function probeProgramType(name: string): boolean {
  return libbpf().libbpf_probe_bpf_prog_type(programTypeNumber(name), null) === 1;
}

/**
 * Whether programs of this type may call helper number `helper` (`enum bpf_func_id`: 122 is bpf_get_netns_cookie).
 *
 * libbpf 1.1's own probe says yes to everything on kernels that word the refusal as "program of this type cannot use helper".
 */
export function probeHelper(programTypeName: string, helper: number): boolean {
  const call = new Uint8Array(8);
  call[0] = 0x85;
  new DataView(call.buffer).setUint32(4, helper, true);
  const { fd, log } = load(programTypeName, [...call]);
  if (fd >= 0) closeSync(fd);
  // A helper that exists is refused for its missing arguments instead.
  return fd >= 0 || (log !== "" && !/unknown func|invalid func|cannot use helper/.test(log));
}
