/** A TCP connection of the data plane. @module */
import type { ByteStream, ByteStreamEvents } from "./byte-stream.ts";
import type { Pollable, Reactor } from "./reactor.ts";
import { close, connect, constant, errno, errnoName, error, getsockopt, recv, send, setsockopt, shutdown, socket } from "./syscalls.ts";

const { EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, MSG_DONTWAIT, MSG_NOSIGNAL } = constant;
const one = Uint8Array.of(1, 0, 0, 0);
const lingerNone = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
/** A socket that always has more to read lets others have their turn after so many reads. */
const readsInARow = 8;

/**
 * A connected, or connecting, socket. Events are never told from within its methods.
 *
 * @example
 * ```ts
 * const socket = TcpSocket.connect(reactor, encodeSocketAddress({ address: "127.0.0.1", port: 80 }), events);
 * socket.write(request, 0, request.length);
 * ```
 */
export class TcpSocket implements ByteStream, Pollable {
  /** -1 when there was none left for it: then `onClose` follows. */
  readonly fd: number;
  /** Who is told; may change hands. */
  events: ByteStreamEvents;
  readonly #reactor: Reactor;
  #interest: number;
  #connecting: boolean;
  #paused = false;
  /** The other end has said its last. */
  #readEnded = false;
  #ending = false;
  #closed = false;
  /** Nothing can be sent any more; what the other end had said before is still to be read. */
  #sendError: Error | null = null;
  /** What did not go out yet, first to last; copies of ours. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #waitsForDrain = false;

  constructor(reactor: Reactor, fd: number, events: ByteStreamEvents, connecting = false) {
    this.fd = fd;
    this.events = events;
    this.#reactor = reactor;
    this.#connecting = connecting;
    this.#interest = connecting ? EPOLLOUT : EPOLLIN;
    if (fd < 0) return;
    setsockopt(fd, constant.IPPROTO_TCP, constant.TCP_NODELAY, one, 4);
    if (!reactor.add(this, this.#interest)) this.#fail("epoll_ctl", errno());
  }

  /**
   * Begins to connect; what is written meanwhile waits. That it failed, for want of a file descriptor too, is told by `onClose`.
   *
   * @param address `struct sockaddr_in` or `sockaddr_in6`.
   */
  static connect(reactor: Reactor, address: Buffer, events: ByteStreamEvents): TcpSocket {
    const fd = socket(address.readUInt16LE(0), constant.SOCK_STREAM | constant.SOCK_NONBLOCK | constant.SOCK_CLOEXEC, 0);
    const result = fd < 0 ? fd : connect(fd, address, address.length);
    if (result === 0) return new TcpSocket(reactor, fd, events);
    const why = errno();
    const made = new TcpSocket(reactor, fd, events, true);
    if (why !== error.EINPROGRESS) made.#fail("connect", why);
    return made;
  }

  /** Bytes written and not taken by the kernel yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The connection stands. */
  get isOpen(): boolean {
    return !this.#connecting && !this.#closed;
  }

  onReady(events: number): void {
    if (this.#connecting) {
      const why = this.#socketError();
      if (why !== 0) {
        this.#fail("connect", why);
        return;
      }
      this.#connecting = false;
      this.#watch();
    }
    if (events & EPOLLOUT) this.#flush();
    if (events & ~EPOLLOUT && !this.#closed) {
      if (this.#paused || this.#readEnded) this.#hangUp(events);
      else this.#read();
    }
  }

  write(buffer: Uint8Array, start: number, end: number): boolean {
    if (this.#closed || this.#ending || this.#sendError !== null || start === end) return true;
    let sent = 0;
    if (this.#waitingBytes === 0 && !this.#connecting) {
      sent = send(this.fd, start === 0 ? buffer : buffer.subarray(start, end), end - start, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent === end - start) return true;
      if (sent < 0) {
        const why = errno();
        if (why !== error.EAGAIN) {
          this.#cannotSend(why);
          return true;
        }
        sent = 0;
      }
    }
    const rest = Buffer.from(buffer.subarray(start + sent, end)); // a copy: the caller's buffer is used again at once
    this.#waiting.push(rest);
    this.#waitingBytes += rest.length;
    this.#waitsForDrain = true;
    this.#watch();
    return false;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#watch();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#watch();
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (this.#waitingBytes === 0 && !this.#connecting) this.#shutDown();
  }

  destroy(reset = false): void {
    if (reset && !this.#closed) setsockopt(this.fd, constant.SOL_SOCKET, constant.SO_LINGER, lingerNone, 8);
    this.#close(null);
  }

  #read(): void {
    const { scratch } = this.#reactor;
    for (let reads = 0; reads < readsInARow && !this.#closed && !this.#paused; reads++) {
      const got = recv(this.fd, scratch, scratch.length, MSG_DONTWAIT);
      if (got > 0) {
        this.events.onData(scratch, 0, got);
        if (got < scratch.length) return;
      } else if (got === 0) {
        this.#end();
        return;
      } else {
        const why = errno();
        if (why !== error.EAGAIN && why !== error.EINTR) this.#fail("read", why);
        return;
      }
    }
  }

  /**
   * Told although nobody reads now. A reset ends it; else both directions have ended, and the bytes still there are read when it goes on:
   * `EPOLLONESHOT` has made sure that this is not told again till then.
   */
  #hangUp(events: number): void {
    const why = this.#socketError();
    if (why !== 0) this.#fail("read", why);
    else if (this.#readEnded && events & EPOLLHUP) this.#close(this.#sendError);
  }

  #end(): void {
    if (this.#readEnded || this.#sendError !== null) {
      this.#close(this.#sendError); // both directions have ended
      return;
    }
    this.#readEnded = true;
    this.#watch();
    this.events.onEnd();
  }

  #flush(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const sent = send(this.fd, first, first.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) {
        const why = errno();
        if (why !== error.EAGAIN) this.#cannotSend(why);
        return;
      }
      this.#waitingBytes -= sent;
      if (sent < first.length) {
        this.#waiting[0] = first.subarray(sent);
        return;
      }
      this.#waiting.shift();
    }
    this.#watch();
    if (this.#ending) this.#shutDown();
    if (!this.#waitsForDrain || this.#closed) return;
    this.#waitsForDrain = false;
    this.events.onDrain();
  }

  /** The other end takes no more. It may have said why before it went: that is read first, and `onClose` comes when it has been. */
  #cannotSend(why: number): void {
    const gone = why === error.EPIPE || why === error.ECONNRESET;
    if (!gone || this.#readEnded || this.#paused) {
      this.#fail("send", why);
      return;
    }
    this.#sendError = failure("send", why);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#watch();
  }

  #shutDown(): void {
    shutdown(this.fd, constant.SHUT_WR);
    if (this.#readEnded) this.#close(null);
  }

  /** Watches for what concerns the socket now. */
  #watch(): void {
    if (this.#closed) return;
    let wanted = 0;
    if (this.#connecting || this.#waitingBytes > 0) wanted |= EPOLLOUT;
    if (!this.#connecting && !this.#readEnded) {
      // A hang-up is told in any case, and for ever: once is enough while nobody reads.
      if (this.#paused) wanted ||= EPOLLONESHOT;
      else wanted |= EPOLLIN;
    }
    if (wanted === this.#interest) return;
    this.#interest = wanted;
    this.#reactor.change(this.fd, wanted);
  }

  #socketError(): number {
    const value = Buffer.alloc(4);
    getsockopt(this.fd, constant.SOL_SOCKET, constant.SO_ERROR, value, Uint8Array.of(4, 0, 0, 0));
    return value.readInt32LE(0);
  }

  #fail(what: string, why: number): void {
    this.#close(failure(what, why));
  }

  #close(why: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.fd >= 0) {
      this.#reactor.remove(this.fd);
      close(this.fd);
    }
    this.#reactor.defer(() => this.events.onClose(why));
  }
}

function failure(what: string, why: number): Error {
  return Object.assign(new Error(`${what}: ${errnoName(why)}`), { code: errnoName(why), syscall: what });
}
