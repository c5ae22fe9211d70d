/** The differences between a plain run and one under sockhijack that cannot be helped: at most five, and the README lists the same. @module */

/** One case whose observation differs, always in the same way. */
export interface KnownDifference {
  readonly case: string;
  /** What is seen under sockhijack instead; only the keys that differ. */
  readonly observed: Readonly<Record<string, unknown>>;
  /** The cause, in the kernel's terms. */
  readonly because: string;
}

/** All of them. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    case: "close with unread data resets the peer",
    observed: { end: "eof", write: "ok" },
    because: "close() looks for unread bytes in TCP's receive queue only, not in the socket map's, so TCP sends FIN instead of RST",
  },
  {
    case: "MSG_OOB on a coupled connection",
    observed: { urgent: false, read: ["before!after"] },
    because:
      "sk_msg programs do not see MSG_OOB; the urgent byte arrives in line. One that is sent before coupling keeps the connection on TCP",
  },
  {
    case: "splice out of a coupled connection",
    observed: { spliced: 0 },
    because: "splice() reads TCP's receive queue only; programs known to splice are never coupled, others need `redirect: off`",
  },
  {
    case: "a signal during a read on a socket that was coupled and turned blocking",
    observed: { read: "EAGAIN" },
    because: "tcp_bpf_recvmsg() does not restart; the socket leaves the map at the next scan, and until then a signal ends a blocking read",
  },
  {
    case: "send from a bad address sends nothing",
    observed: { send: 0 },
    because: "tcp_bpf_sendmsg() returns the 0 bytes that it copied instead of EFAULT",
  },
];
