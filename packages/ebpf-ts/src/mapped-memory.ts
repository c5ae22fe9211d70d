/** MappedMemory: kernel memory in this process (mmap), read and written without system calls. @module */
import { kernelError } from "./kernel-error.ts";
import { errno, libc, viewOf } from "./native.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
/** mmap's way to say that it failed, as koffi gives it. */
const MAP_FAILED = 0xffffffffffffffffn;

/** Bytes of a page; mappings are whole pages. */
export function pageBytes(): number {
  return libc().getpagesize();
}

/** A shared mapping of a descriptor. Views over it go empty at `close`, so that late readers fail instead of crashing the process. */
export class MappedMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #address: bigint;
  readonly #length: number;

  /**
   * Maps `length` bytes of `fd` from `offset` on.
   *
   * @param length bytes that `bytes` and `view` show; whole pages are mapped.
   * @throws MitsuError `ERR_BPF_RIGHTS` for a read-only map asked for with `writable`, `ERR_BPF_INVALID` for one without BPF_F_MMAPABLE.
   */
  constructor(fd: number, offset: number, length: number, options: { writable: boolean; what: string }) {
    this.#length = Math.ceil(length / pageBytes()) * pageBytes();
    const address = libc().mmap(null, this.#length, options.writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
    if (address === MAP_FAILED || address === -1n) {
      throw kernelError(
        `cannot map ${options.what} into memory`,
        errno(),
        "the map needs BPF_F_MMAPABLE; frozen maps such as .rodata are read-only",
      );
    }
    this.#address = address;
    this.bytes = new Uint8Array(viewOf(address, this.#length), 0, length);
    this.view = new DataView(this.bytes.buffer, 0, length);
  }

  /** Unmaps; every view over this memory has length 0 from now on. */
  close(): void {
    if (this.bytes.buffer.detached) return;
    this.bytes.buffer.transfer();
    libc().munmap(this.#address, this.#length);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
