/**
 * The socket calls of Linux that the data plane lives on, through koffi: some 0.2 µs each on top of the kernel's time. They never block, as
 * every socket here is non-blocking, and give -1 where {@link errno} tells why.
 * @module
 */
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

type Call<A extends readonly unknown[]> = (...args: A) => number;
const declare = <A extends readonly unknown[]>(signature: string): Call<A> => libc.func(signature) as unknown as Call<A>;

/** A new socket. @returns its file descriptor. */
export const socket: Call<[family: number, type: number, protocol: number]> = declare("int socket(int, int, int)");
/** Gives a socket its own address, a `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un`. */
export const bind: Call<[fd: number, address: Uint8Array, length: number]> = declare("int bind(int, void *, int)");
/** Lets connections come in; `backlog` wait to be accepted. */
export const listen: Call<[fd: number, backlog: number]> = declare("int listen(int, int)");
/** Takes a connection that came in, and its client's address; `length` is in and out: a little-endian 32-bit number. @returns its file descriptor. */
export const accept4: Call<[fd: number, address: Uint8Array, length: Uint8Array, flags: number]> = declare(
  "int accept4(int, void *, void *, int)",
);
/** Begins to connect; EINPROGRESS is the usual answer. */
export const connect: Call<[fd: number, address: Uint8Array, length: number]> = declare("int connect(int, void *, int)");
/** Reads into a buffer. @returns how many bytes; 0 is the end of the stream. */
export const recv: Call<[fd: number, buffer: Uint8Array, bytes: number, flags: number]> = declare("long recv(int, void *, size_t, int)");
/** Writes. @returns how many bytes the kernel took. */
export const send: Call<[fd: number, buffer: Uint8Array, bytes: number, flags: number]> = declare("long send(int, void *, size_t, int)");
/** Ends a direction; see `constant.SHUT_WR`. */
export const shutdown: Call<[fd: number, how: number]> = declare("int shutdown(int, int)");
/** Gives a file descriptor back. */
export const close: Call<[fd: number]> = declare("int close(int)");
/** A socket's own address; `length` as in {@link accept4}. */
export const getsockname: Call<[fd: number, address: Uint8Array, length: Uint8Array]> = declare("int getsockname(int, void *, void *)");
/** Reads an option; `length` as in {@link accept4}. */
export const getsockopt: Call<[fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array]> = declare(
  "int getsockopt(int, int, int, void *, void *)",
);
/** Sets an option. */
export const setsockopt: Call<[fd: number, level: number, name: number, value: Uint8Array, length: number]> = declare(
  "int setsockopt(int, int, int, void *, int)",
);
/** `ends` is `int[2]`: what is written to the second is read from the first. */
export const pipe2: Call<[ends: Uint8Array, flags: number]> = declare("int pipe2(void *, int)");
/** A new epoll. @returns its file descriptor. */
export const epollCreate1: Call<[flags: number]> = declare("int epoll_create1(int)");
/** Adds, changes or removes what an epoll watches; `event` is a `struct epoll_event`, packed. */
export const epollCtl: Call<[epoll: number, operation: number, fd: number, event: Uint8Array]> = declare(
  "int epoll_ctl(int, int, int, void *)",
);
/** `events` holds `struct epoll_event[most]`, packed: 12 bytes each. Waits `timeoutMs`, -1 for ever. */
export const epollWait: Call<[epoll: number, events: Uint8Array, most: number, timeoutMs: number]> = declare(
  "int epoll_wait(int, void *, int, int)",
);

/** Why the last call of this thread gave -1. */
export function errno(): number {
  return koffi.errno();
}

/** Numbers of asm-generic/errno.h. */
export const error = {
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  ENFILE: 23,
  EMFILE: 24,
  EPIPE: 32,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
} as const;

/** The name of an errno, such as `ECONNREFUSED`. */
export function errnoName(number: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}

/** Constants of the calls above (sys/socket.h, netinet/tcp.h, sys/epoll.h). */
export const constant = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_ERROR: 4,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  SHUT_WR: 1,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 16,
  EPOLLONESHOT: 0x40000000,
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
} as const;
