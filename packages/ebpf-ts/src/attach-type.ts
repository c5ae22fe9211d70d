/** Where a program can be attached: `enum bpf_attach_type` of the kernel's uapi/linux/bpf.h. @module */

/** Attach types by the names of this package; numbers are the kernel's and never change. */
export const attachType = {
  cgroup_inet_ingress: 0,
  cgroup_inet_egress: 1,
  cgroup_inet_sock_create: 2,
  cgroup_sock_ops: 3,
  sk_skb_stream_parser: 4,
  sk_skb_stream_verdict: 5,
  cgroup_device: 6,
  sk_msg_verdict: 7,
  cgroup_inet4_bind: 8,
  cgroup_inet6_bind: 9,
  cgroup_inet4_connect: 10,
  cgroup_inet6_connect: 11,
  cgroup_inet4_post_bind: 12,
  cgroup_inet6_post_bind: 13,
  cgroup_udp4_sendmsg: 14,
  cgroup_udp6_sendmsg: 15,
  cgroup_sysctl: 18,
  cgroup_udp4_recvmsg: 19,
  cgroup_udp6_recvmsg: 20,
  cgroup_getsockopt: 21,
  cgroup_setsockopt: 22,
  trace_iter: 28,
  cgroup_inet4_getpeername: 29,
  cgroup_inet6_getpeername: 30,
  cgroup_inet4_getsockname: 31,
  cgroup_inet6_getsockname: 32,
  cgroup_inet_sock_release: 34,
  sk_lookup: 36,
  sk_skb_verdict: 38,
  tcx_ingress: 46,
  tcx_egress: 47,
} as const;

/** Name of an attach type. */
export type AttachType = keyof typeof attachType;

/** The attach types a sockmap or sockhash takes. */
export type SockmapAttachType = "sk_msg_verdict" | "sk_skb_verdict" | "sk_skb_stream_parser" | "sk_skb_stream_verdict";

/** The name of attach type `value`, or `attach_type_<n>` for one this package does not know. */
export function attachTypeName(value: number): string {
  return Object.entries(attachType).find(([, number]) => number === value)?.[0] ?? `attach_type_${value}`;
}
