/** Iter: a BPF iterator, a program the kernel calls once per socket, task or map element, whose output is read like a file. @module */
import { closeSync, readSync } from "node:fs";
import { checked } from "./kernel-error.ts";
import { Link } from "./link.ts";
import { inNetns } from "./namespace.ts";
import { libbpf } from "./native.ts";

/** The kernel gives at most 32 KiB a read; the buffer holds many of them and grows by doubling. */
const firstBufferBytes = 256 * 1024;

/** An attached iterator. */
export class Iter {
  readonly link: Link;
  #buffer = new Uint8Array(firstBufferBytes);

  /** Takes over an iterator link. */
  constructor(link: Link) {
    this.link = link;
  }

  /**
   * Opens a pinned iterator link.
   *
   * @throws MitsuError `ERR_BPF_MISSING` if nothing is pinned there.
   */
  static open(path: string): Iter {
    return new Iter(Link.open(path));
  }

  /**
   * Runs the iterator once and returns all its output; the bytes are valid until the next `read`.
   *
   * @param netns walks the sockets of that network namespace (descriptor or path); of this process' own unless given.
   * @example
   * ```ts
   * const bytes = iter.read("/proc/4711/ns/net");
   * for (let at = 0; at < bytes.length; at += socket.size) console.log(socket.decode(view, at));
   * ```
   */
  read(netns?: number | string): Uint8Array {
    return netns === undefined ? this.#run() : inNetns(netns, () => this.#run());
  }

  #run(): Uint8Array {
    const fd = checked(libbpf().bpf_iter_create(this.link.fd), "cannot start the iterator");
    try {
      let length = 0;
      for (;;) {
        if (length === this.#buffer.length) this.#grow();
        const got = readSome(fd, this.#buffer, length);
        if (got === 0) return this.#buffer.subarray(0, length);
        length += got;
      }
    } finally {
      closeSync(fd);
    }
  }

  #grow(): void {
    const bigger = new Uint8Array(this.#buffer.length * 2);
    bigger.set(this.#buffer);
    this.#buffer = bigger;
  }

  /** Pins the iterator; any process may then read it with `cat`. */
  pin(path: string): this {
    this.link.pin(path);
    return this;
  }

  /** Replaces the program. Iterations that are running end with the old one. */
  update(program: { readonly fd: number; readonly name: string }): this {
    this.link.update(program);
    return this;
  }

  close(): void {
    this.link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One read; EAGAIN means that the kernel paused after a million elements without output, and is asked again. */
function readSome(fd: number, buffer: Uint8Array, at: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, at, buffer.length - at, null);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") throw cause;
    }
  }
}
