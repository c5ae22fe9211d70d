/** The few libc calls Node has no door to, bound by koffi when first needed (14 ms). @module */

/** A bound C function: integers, buffers, and arrays of one for in-out parameters. */
export type NativeCall = (...args: (number | Uint8Array | number[])[]) => number;

/** Bound C functions; all return -1 on failure, and `errno` then gives the reason. */
export interface Libc {
  readonly socket: NativeCall;
  readonly sendto: NativeCall;
  readonly close: NativeCall;
  readonly flock: NativeCall;
  readonly getsockopt: NativeCall;
  /** The number of the last failed call. */
  readonly errno: () => number;
}

let bound: Promise<Libc> | undefined;

async function bind(): Promise<Libc> {
  const { default: koffi } = await import("koffi");
  const library = koffi.load("libc.so.6");
  return {
    socket: library.func("int socket(int domain, int type, int protocol)"),
    sendto: library.func("long sendto(int fd, const void *data, size_t size, int flags, const void *address, uint32_t addressSize)"),
    close: library.func("int close(int fd)"),
    flock: library.func("int flock(int fd, int operation)"),
    getsockopt: library.func("int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *size)"),
    errno: () => koffi.errno(),
  };
}

/** Loads koffi and binds, once per process. */
export function libc(): Promise<Libc> {
  bound ??= bind();
  return bound;
}
