/** The differences between a plain run and one under sockhijack that cannot be helped: at most five, and the README lists the same. @module */

/** One difference, always the same, and where it shows. */
export interface KnownDifference {
  /** Case → what is seen under sockhijack instead; only the keys that differ. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The cause, in the kernel's terms. */
  readonly because: string;
}

/** All of them. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    cases: {
      "close with unread data resets the peer": { end: "eof", write: "ok" },
      "SIGKILL of a process with unread data": { end: "eof" },
    },
    because: "close() looks for unread bytes in TCP's receive queue only, not in the socket map's, so TCP sends FIN instead of RST",
  },
  {
    cases: { "MSG_OOB on a coupled connection": { urgent: false, read: ["before!after"] } },
    because:
      "sk_msg programs do not see MSG_OOB; the urgent byte arrives in line. One that is sent before coupling keeps the connection on TCP",
  },
  {
    cases: {
      "splice out of a coupled connection": { spliced: 0 },
      "MSG_ZEROCOPY, asked for on a coupled connection, completes on the error queue": { refused: "ENOTSUP", completed: 0 },
    },
    because:
      "bytes without a copy: splice() reads TCP's receive queue only, so programs known to splice are never coupled and others need `redirect: off`; a zero-copy send would never complete, so SO_ZEROCOPY is refused once coupled, and asked for before it keeps the connection on TCP",
  },
  {
    cases: { "a signal during a read on a socket that was coupled and turned blocking": { read: "EAGAIN" } },
    because: "tcp_bpf_recvmsg() does not restart; the socket leaves the map at the next scan, and until then a signal ends a blocking read",
  },
  {
    cases: { "send from a bad address sends nothing": { send: 0 } },
    because: "tcp_bpf_sendmsg() returns the 0 bytes that it copied instead of EFAULT",
  },
];
