/** bpf(2) itself, for what libbpf 1.1 has no function for. @module */
import { errno, libc } from "./native.ts";

/** Commands of bpf(2) used raw (uapi/linux/bpf.h). */
export const bpfCommand = { linkCreate: 28 } as const;

/** The system call's number on this processor; 321 on x86-64, 280 where the generic table is used. */
const number = process.arch === "x64" ? 321 : 280;

/** Calls bpf(2) with the bytes of `union bpf_attr`; gives the descriptor or 0, or `-errno`. */
export function bpfSyscall(command: number, attr: Uint8Array): number {
  const result = Number(libc().syscall(number, command, attr, attr.length));
  return result < 0 ? -errno() : result;
}
