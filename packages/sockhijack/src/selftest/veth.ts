/** A pair of virtual Ethernet interfaces between two network namespaces, made by rtnetlink: no `ip` is needed. @module */
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { NotSupportedError } from "@mitsu/cli/error";
import { inNetns } from "@mitsu/ebpf-ts";
import koffi from "koffi";
import { callError, socketAddress } from "./sockets.ts";

// include/uapi/linux/rtnetlink.h, if_link.h, veth.h, sockios.h
const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x80003;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const RTM_NEWLINK = 16;
const requestCreateExclusiveAck = 0x605;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const IFF_UP_RUNNING = 0x41;
/** `struct ifreq`: name[16], then a union of 24 bytes. */
const ifreqBytes = 40;

/** `struct nlattr`: length, type, payload, padded to four bytes. */
function attribute(type: number, ...payload: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  const out = Buffer.alloc((4 + body.length + 3) & ~3);
  out.writeUInt16LE(4 + body.length, 0);
  out.writeUInt16LE(type, 2);
  body.copy(out, 4);
  return out;
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
/** `struct ifinfomsg`, all zero. */
const noInterface = new Uint8Array(16);

/**
 * The request that makes the pair.
 *
 * @param peerNetns Descriptor of the namespace that gets the second interface.
 * @returns one netlink message (`struct nlmsghdr` and what follows).
 */
function newLink(name: string, peerName: string, peerNetns: number): Buffer {
  const peer = attribute(VETH_INFO_PEER, noInterface, attribute(IFLA_IFNAME, cstring(peerName)), attribute(IFLA_NET_NS_FD, u32(peerNetns)));
  const info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, cstring("veth")), attribute(IFLA_INFO_DATA, peer));
  const body = Buffer.concat([noInterface, attribute(IFLA_IFNAME, cstring(name)), info]);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeUInt16LE(RTM_NEWLINK, 4);
  head.writeUInt16LE(requestCreateExclusiveAck, 6);
  return Buffer.concat([head, body]);
}

/**
 * Makes the pair, one interface in each namespace, and gives them addresses of one /30.
 *
 * @throws {NotSupportedError} when the kernel has no veth; MitsuError `ERR_SELFTEST_CALL`.
 */
export function makeVeth(left: Side, right: Side): void {
  inNetns(left.netns, () => {
    const libc = koffi.load("libc.so.6");
    const fd = libc.func("int socket(int, int, int)")(AF_NETLINK, SOCK_RAW_CLOEXEC, 0) as number;
    if (fd < 0) throw callError("cannot open a netlink socket");
    try {
      const request = newLink("selftest0", "selftest1", right.netns);
      const answer = new DataView(new ArrayBuffer(4096));
      if (libc.func("int64_t send(int, const void *, size_t, int)")(fd, request, request.length, 0) < 0)
        throw callError("cannot ask for veth interfaces");
      if (libc.func("int64_t recv(int, void *, size_t, int)")(fd, new Uint8Array(answer.buffer), answer.byteLength, 0) < 0)
        throw callError("cannot make veth interfaces");
      const errno = -answer.getInt32(16, true); // struct nlmsgerr follows the header
      if (errno === constants.errno.EOPNOTSUPP) throw new NotSupportedError("this kernel has no veth interfaces", "load the module veth");
      if (errno !== 0) throw callError("cannot make veth interfaces", errno);
    } finally {
      closeSync(fd);
    }
  });
  bringUp(left.netns, "selftest0", left.address);
  bringUp(right.netns, "selftest1", right.address);
}

/** One end of the cable. */
export interface Side {
  /** Descriptor of its namespace. */
  readonly netns: number;
  readonly address: string;
}

/** Turns an interface of a namespace on; an address makes it a part of a /30. */
export function bringUp(netns: number, name: string, address?: string): void {
  inNetns(netns, () => {
    const libc = koffi.load("libc.so.6");
    const fd = libc.func("int socket(int, int, int)")(AF_INET, SOCK_DGRAM_CLOEXEC, 0) as number;
    if (fd < 0) throw callError("cannot make a socket");
    const ioctl = libc.func("int ioctl(int, unsigned long, void *)");
    const set = (request: number, value: Uint8Array): void => {
      const ifreq = new Uint8Array(ifreqBytes);
      ifreq.set(Buffer.from(name));
      ifreq.set(value, 16);
      if (ioctl(fd, request, ifreq) < 0) throw callError(`cannot configure ${name}`);
    };
    try {
      if (address !== undefined) {
        set(SIOCSIFADDR, socketAddress({ address, port: 0 }));
        set(SIOCSIFNETMASK, socketAddress({ address: "255.255.255.252", port: 0 }));
      }
      set(SIOCSIFFLAGS, new Uint8Array(Uint16Array.of(IFF_UP_RUNNING).buffer));
    } finally {
      closeSync(fd);
    }
  });
}
