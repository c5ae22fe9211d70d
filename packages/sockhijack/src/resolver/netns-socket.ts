/** Makes sockets inside another network namespace; Node has no door to that, so the descriptor is made here and adopted by `node:net` or `node:dgram`. @module */
import { closeSync, readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { isIPv4 } from "node:net";
import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { inNetns } from "@mitsu/ebpf-ts";
import type koffiTypes from "koffi";

/** A namespace by path or descriptor; undefined is this process' own. */
export type Netns = string | number | undefined;

/** What socket to make. */
export interface SocketRequest {
  readonly netns: Netns;
  readonly protocol: "udp" | "tcp";
  readonly family: 4 | 6;
  /** IPv4 address and port to bind; left to the kernel unless told. */
  readonly local?: { readonly address: string; readonly port: number };
}

// include/uapi: asm-generic/socket.h, linux/in.h, linux/net.h; x86 and arm64 agree.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0x80800;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IP = 0;
const IP_FREEBIND = 15;

interface Libc {
  socket(family: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, size: number): number;
  bind(fd: number, address: Uint8Array, size: number): number;
  errno(): number;
}

let bound: Libc | undefined;

/**
 * Makes a non-blocking, close-on-exec socket in a namespace and binds it; the caller owns the descriptor.
 *
 * TCP sockets get SO_REUSEADDR, so that a restart need not wait for TIME_WAIT; UDP ones do not, since there it would let two daemons share a port.
 * A bound socket gets IP_FREEBIND: it may be made before the namespace's loopback is up.
 *
 * @throws MitsuError `ERR_RESOLVER_SOCKET`, or what entering the namespace throws.
 */
export function netnsSocket({ netns, protocol, family, local }: SocketRequest): number {
  const type = (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK_CLOEXEC;
  const make = () => libc().socket(family === 4 ? AF_INET : AF_INET6, type, 0);
  const fd = netns === undefined ? make() : inNetns(netns, make);
  if (fd < 0) throw socketError(`cannot make a ${protocol} socket`, netns);
  if (local === undefined) return fd;
  try {
    const on = new Uint8Array(Uint32Array.of(1).buffer);
    if (protocol === "tcp") libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, on, on.length);
    libc().setsockopt(fd, IPPROTO_IP, IP_FREEBIND, on, on.length);
    const address = socketAddress(local);
    if (libc().bind(fd, address, address.length) < 0)
      throw socketError(`cannot listen on ${local.address}:${local.port}/${protocol}`, netns);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `struct sockaddr_in`: family in host order, port and address big-endian, eight zero bytes. */
function socketAddress({ address, port }: { address: string; port: number }): Uint8Array {
  if (!isIPv4(address)) throw new TypeError(`${address} is not an IPv4 address`);
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

function socketError(what: string, netns: Netns): MitsuError {
  const errno = libc().errno();
  const where =
    netns === undefined ? "" : ` in network namespace ${typeof netns === "number" ? readlinkSync(`/proc/self/fd/${netns}`) : netns}`;
  const inUse = getSystemErrorName(-errno) === "EADDRINUSE";
  return new MitsuError(`${what}${where}: ${getSystemErrorMessage(-errno)}`, {
    code: "ERR_RESOLVER_SOCKET",
    hint: inUse
      ? "stop the other daemon that answers there, or choose another port"
      : "run as root, or with CAP_NET_BIND_SERVICE for ports below 1024",
    exit: inUse ? exitStatus.temporary : exitStatus.system,
    cause: Object.assign(new Error(getSystemErrorName(-errno)), { errno }),
  });
}

function libc(): Libc {
  if (bound) return bound;
  // In a bundle `require` is the bundler's; run from the sources there is none, and Node's own is made.
  const koffi = (typeof require === "function" ? require("koffi") : createRequire(import.meta.url)("koffi")) as typeof koffiTypes;
  const library = koffi.load("libc.so.6");
  bound = {
    socket: library.func("int socket(int, int, int)") as Libc["socket"],
    setsockopt: library.func("int setsockopt(int, int, int, void *, uint32)") as Libc["setsockopt"],
    bind: library.func("int bind(int, void *, uint32)") as Libc["bind"],
    errno: () => koffi.errno(),
  };
  return bound;
}
