/** The C library's socket calls, which Node hides: raw descriptors of this process, always non-blocking, errors as numbers. @module */
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { getSystemErrorMessage } from "node:util";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import koffi from "koffi";

/** An IPv4 address and port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * What the self-test asks of sockets; a test gives it a double that lies. `send`, `receive`, `accept` and `splice` return a negative errno
 * where the C function returns -1; all others throw.
 */
export interface Sockets {
  /** A TCP socket in the namespace of the calling thread. */
  open(): number;
  bind(fd: number, to: Endpoint): void;
  listen(fd: number): void;
  accept(fd: number): number;
  /** Begins to connect. */
  connect(fd: number, to: Endpoint): void;
  send(fd: number, bytes: Uint8Array): number;
  /** @param flags 0, or {@link peek}. */
  receive(fd: number, into: Uint8Array, flags: number): number;
  /** FIONREAD. */
  unread(fd: number): number;
  splice(from: number, to: number, bytes: number): number;
  /** shutdown(SHUT_WR). */
  endWriting(fd: number): void;
  setOption(fd: number, level: number, name: number, value: Uint8Array): void;
  /** poll(2) on one descriptor. @returns the events that hold, 0 when time ran out. */
  poll(fd: number, events: number, timeoutMs: number): number;
  /** An edge-triggered epoll instance that watches one descriptor for input. */
  edgeTriggered(fd: number): number;
  /** @returns the events since the last call, 0 when none came in time. */
  edge(epoll: number, timeoutMs: number): number;
  /** Both ends of a non-blocking pipe, the one to read from first. */
  pipe(): readonly [number, number];
  close(fd: number): void;
}

/** MSG_PEEK. */
export const peek = 2;
/** EAGAIN and its like, as `send` and `receive` return them. */
export const wouldBlock: number = -constants.errno.EAGAIN;
/** poll(2) and epoll(7) use the same bits. */
export const ready = { input: 1, output: 4 } as const;

// include/uapi/asm-generic and include/uapi/linux; x86 and arm64 agree.
const AF_INET = 2;
const streamType = 0x80801; // SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC
const nonBlocking = 0x80800;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const FIONREAD = 0x541b;
const SHUT_WR = 1;
const SPLICE_F_MOVE_NONBLOCK = 3;
const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLLET = 2 ** 31;
/** `struct epoll_event` is packed on x86 only. */
const epollEventBytes = process.arch === "x64" ? 12 : 16;

/** `struct sockaddr_in`. */
export function socketAddress({ address, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/**
 * An error of a C function.
 *
 * @param what The effort that failed, `cannot …`.
 */
export function callError(what: string, errno: number = koffi.errno()): MitsuError {
  return new MitsuError(`${what}: ${getSystemErrorMessage(-errno)}`, {
    code: "ERR_SELFTEST_CALL",
    exit: exitStatus.system,
    hint: "run as root; start without the self-test by `sockhijack daemon --selftest off`",
    cause: errno,
  });
}

/** The kernel's sockets. */
export function systemSockets(): Sockets {
  const libc = koffi.load("libc.so.6");
  const call = (signature: string): ((...args: unknown[]) => number) => libc.func(signature) as (...args: unknown[]) => number;
  const f = {
    socket: call("int socket(int, int, int)"),
    bind: call("int bind(int, const void *, uint32_t)"),
    listen: call("int listen(int, int)"),
    accept4: call("int accept4(int, void *, void *, int)"),
    connect: call("int connect(int, const void *, uint32_t)"),
    send: call("int64_t send(int, const void *, size_t, int)"),
    recv: call("int64_t recv(int, void *, size_t, int)"),
    ioctl: call("int ioctl(int, unsigned long, void *)"),
    splice: call("int64_t splice(int, void *, int, void *, size_t, unsigned int)"),
    shutdown: call("int shutdown(int, int)"),
    setsockopt: call("int setsockopt(int, int, int, const void *, uint32_t)"),
    poll: call("int poll(void *, unsigned long, int)"),
    epollCreate: call("int epoll_create1(int)"),
    epollCtl: call("int epoll_ctl(int, int, int, void *)"),
    epollWait: call("int epoll_wait(int, void *, int, int)"),
    pipe2: call("int pipe2(void *, int)"),
  };
  const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);
  const must = (result: number, what: string): number => {
    if (result < 0) throw callError(what);
    return result;
  };
  return {
    open: () => must(f.socket(AF_INET, streamType, 0), "cannot make a socket"),
    bind: (fd, to) => void must(f.bind(fd, socketAddress(to), 16), `cannot bind to ${to.address}:${to.port}`),
    listen: (fd) => void must(f.listen(fd, 8), "cannot listen"),
    accept: (fd) => orErrno(f.accept4(fd, null, null, nonBlocking)),
    connect(fd, to) {
      const result = orErrno(f.connect(fd, socketAddress(to), 16));
      if (result < 0 && result !== -constants.errno.EINPROGRESS) throw callError(`cannot connect to ${to.address}:${to.port}`, -result);
    },
    send: (fd, bytes) => orErrno(f.send(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL)),
    receive: (fd, into, flags) => orErrno(f.recv(fd, into, into.length, MSG_DONTWAIT_NOSIGNAL | flags)),
    unread(fd) {
      const bytes = new Int32Array(1);
      must(f.ioctl(fd, FIONREAD, bytes), "cannot ask FIONREAD");
      return bytes[0]!;
    },
    splice: (from, to, bytes) => orErrno(f.splice(from, null, to, null, bytes, SPLICE_F_MOVE_NONBLOCK)),
    endWriting: (fd) => void must(f.shutdown(fd, SHUT_WR), "cannot shut down"),
    setOption: (fd, level, name, value) => void must(f.setsockopt(fd, level, name, value, value.length), `cannot set option ${name}`),
    poll(fd, events, timeoutMs) {
      const entry = new Uint8Array(8);
      const view = new DataView(entry.buffer);
      view.setInt32(0, fd, true);
      view.setInt16(4, events, true);
      must(f.poll(entry, 1, timeoutMs), "cannot poll");
      return view.getInt16(6, true);
    },
    edgeTriggered(fd) {
      const epoll = must(f.epollCreate(EPOLL_CLOEXEC), "cannot make an epoll instance");
      const event = new Uint8Array(epollEventBytes);
      new DataView(event.buffer).setUint32(0, ready.input + EPOLLET, true);
      must(f.epollCtl(epoll, EPOLL_CTL_ADD, fd, event), "cannot watch a socket");
      return epoll;
    },
    edge(epoll, timeoutMs) {
      const event = new Uint8Array(epollEventBytes);
      return must(f.epollWait(epoll, event, 1, timeoutMs), "cannot wait for events") === 0
        ? 0
        : new DataView(event.buffer).getUint32(0, true);
    },
    pipe() {
      const fds = new Int32Array(2);
      must(f.pipe2(fds, nonBlocking), "cannot make a pipe");
      return [fds[0]!, fds[1]!];
    },
    close: closeSync,
  };
}
