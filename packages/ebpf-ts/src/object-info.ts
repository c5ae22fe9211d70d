/** BPF_OBJ_GET_INFO_BY_FD: what the kernel says of a program, map or link. @module */
import { checked } from "./kernel-error.ts";
import { libbpf } from "./native.ts";

const infoBytes = 256;

/** The raw `struct bpf_{prog,map,link}_info` of `fd`, zero where this kernel knows no such field. */
export function objectInfo(fd: number, what: string): DataView {
  const info = new Uint8Array(infoBytes);
  checked(libbpf().bpf_obj_get_info_by_fd(fd, info, Uint32Array.of(infoBytes)), `cannot read the kernel's information on ${what}`);
  return new DataView(info.buffer);
}

/** The NUL-terminated string of at most `size` bytes at `offset`. */
export function infoString(info: DataView, offset: number, size: number): string {
  const bytes = Buffer.from(info.buffer, info.byteOffset + offset, size);
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? size : end);
}
