/** A listening socket of the data plane. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { Pollable, Reactor } from "./reactor.ts";
import { decodeSocketAddress, encodeSocketAddress, encodeSocketPath, type SocketAddress, socketAddressBytes } from "./socket-address.ts";
import { accept4, bind, close, constant, errno, errnoName, error, getsockname, listen, setsockopt, socket } from "./syscalls.ts";
import { Timer } from "./timers.ts";

const one = Uint8Array.of(1, 0, 0, 0);
const acceptsInARow = 64;
/** Without file descriptors left, accepting is tried again after so long. */
const fullPauseMs = 100;

/** Where to listen: an address and port, or the path of a Unix socket, where there must be nothing yet. */
export type ListenAt = SocketAddress | { readonly path: string };

/** Accepts connections and hands them on. */
export class Listener implements Pollable {
  readonly fd: number;
  /** Where it listens, the port that the kernel chose for 0. Of a Unix socket: its path, and port 0. */
  readonly at: SocketAddress;
  /** Times that there was no file descriptor for a connection. */
  full = 0;
  readonly #reactor: Reactor;
  readonly #accepted: (fd: number, client: SocketAddress) => void;
  readonly #again: Timer;
  readonly #address: Buffer = Buffer.alloc(socketAddressBytes);
  readonly #length: Buffer = Buffer.alloc(4);

  /**
   * @param shared Other processes may listen there too; the kernel shares the connections out. Not for a Unix socket.
   * @param accepted Takes a connection's file descriptor, which is its own from then on. The client of a Unix socket is `""`, port 0.
   * @throws {MitsuError} `ERR_LISTEN` when the address is taken or not allowed; its cause has the errno's name as `code`.
   * @throws {TypeError} when the address is no IP address, or the path longer than the 107 bytes that the kernel takes.
   * @example
   * ```ts
   * const listener = new Listener(reactor, { address: "127.0.0.1", port: 8080 }, false, (fd) => new Connection(fd));
   * ```
   */
  constructor(reactor: Reactor, at: ListenAt, shared: boolean, accepted: (fd: number, client: SocketAddress) => void) {
    const unix = "path" in at;
    const address = unix ? encodeSocketPath(at.path) : encodeSocketAddress(at);
    this.fd = socket(address.readUInt16LE(0), constant.SOCK_STREAM | constant.SOCK_NONBLOCK | constant.SOCK_CLOEXEC, 0);
    const attempt = (result: number): void => {
      if (result >= 0) return;
      const why = errnoName(errno());
      if (this.fd >= 0) close(this.fd);
      const hint =
        why === "EADDRINUSE"
          ? `choose another ${unix ? "path" : "port"}, or stop what listens there (ss -${unix ? "x" : "t"}lnp)`
          : `check the ${unix ? "path" : "address"} and the rights of this user`;
      const cause = Object.assign(new Error(why), { code: why });
      throw new MitsuError(`cannot listen at ${unix ? at.path : `${at.address}:${at.port}`}: ${why}`, { code: "ERR_LISTEN", hint, cause });
    };
    attempt(this.fd);
    setsockopt(this.fd, constant.SOL_SOCKET, constant.SO_REUSEADDR, one, 4);
    if (shared && !unix) setsockopt(this.fd, constant.SOL_SOCKET, constant.SO_REUSEPORT, one, 4);
    attempt(bind(this.fd, address, address.length));
    attempt(listen(this.fd, 4096));
    this.at = unix ? { address: at.path, port: 0 } : this.localAddress(this.fd);
    this.#reactor = reactor;
    this.#accepted = accepted;
    this.#again = new Timer(() => reactor.change(this.fd, constant.EPOLLIN));
    if (!reactor.add(this, constant.EPOLLIN)) attempt(-1);
  }

  /** Where a connection was accepted, which for a listener at any address is where its client wanted to go. */
  localAddress(fd: number): SocketAddress {
    this.#length.writeUInt32LE(socketAddressBytes, 0);
    return getsockname(fd, this.#address, this.#length) < 0 ? { address: "", port: 0 } : decodeSocketAddress(this.#address);
  }

  onReady(): void {
    for (let accepts = 0; accepts < acceptsInARow; accepts++) {
      this.#length.writeUInt32LE(socketAddressBytes, 0);
      const fd = accept4(this.fd, this.#address, this.#length, constant.SOCK_NONBLOCK | constant.SOCK_CLOEXEC);
      if (fd >= 0) {
        this.#accepted(fd, decodeSocketAddress(this.#address));
        continue;
      }
      const why = errno();
      if (why === error.EAGAIN) return;
      if (why !== error.EMFILE && why !== error.ENFILE && why !== error.ENOMEM && why !== error.ENOBUFS) continue; // that client is gone already
      // Connections wait in the kernel's queue until some of ours have ended.
      this.full++;
      this.#reactor.change(this.fd, 0);
      this.#reactor.timers.arm(this.#again, fullPauseMs);
      return;
    }
  }

  /** Accepts no more; what was accepted goes on. The file of a Unix socket stays. */
  close(): void {
    this.#reactor.timers.disarm(this.#again);
    this.#reactor.remove(this.fd);
    close(this.fd);
  }
}
