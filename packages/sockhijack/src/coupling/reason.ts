/** Why a flow is or is not redirected: one word each, and a sentence for people. @module */

/** Every reason, with what `explain` says. */
export const reasons = {
  redirected: "both ends are in the socket map; messages go from socket to socket, without the TCP stack",
  draining: "enrolled, and waiting for bytes sent by TCP to be read before messages are redirected",
  young: "seen for the first time a moment ago; a connection is coupled once two scans found it fit",
  enrolling: "being put into the socket map",
  leaving: "being taken out of the socket map, once all that was redirected has been read",
  "other-end": "the other end is not a program attached on this node",
  "not-established": "the connection is not established, or one side has closed it",
  off: "redirect is off for the service",
  "client-blocking": "the client's socket is blocking; the kernel's socket map wakes blocking readers wrongly",
  "server-blocking": "the server's socket is blocking; the kernel's socket map wakes blocking readers wrongly",
  "not-accepted": "the server has not accepted the connection yet",
  urgent: "urgent data (MSG_OOB, SO_OOBINLINE) cannot be carried",
  lowat: "SO_RCVLOWAT cannot be carried",
  zerocopy: "SO_ZEROCOPY cannot be carried",
  control: "control messages (TCP_INQ, SO_TIMESTAMP*) cannot be carried",
  ulp: "an upper layer protocol, such as kernel TLS, sits on the socket",
  mptcp: "Multipath TCP cannot be carried",
  foreign: "another program's BPF holds the socket in a socket map of its own",
  "opted-out": "the program set a socket option that the socket map cannot carry",
  splice: "the program moves bytes with splice(2), which finds nothing in a redirected socket",
  bulk: "large messages are faster by TCP",
  unread: "at every try to couple it a program had read only a part of a message; tried again in some seconds",
  full: "the socket map is full",
  refused: "the kernel refused the socket",
  "self-test": "the self-test found redirect broken on this kernel",
  detaching: "the service is being detached",
} as const;

/** A reason's name. */
export type Reason = keyof typeof reasons;
