/** What a program is: `enum bpf_prog_type` of the kernel's uapi/linux/bpf.h. @module */

const names = [
  "unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock lwt_in lwt_out lwt_xmit sock_ops sk_skb",
  "cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2 sk_reuseport flow_dissector cgroup_sysctl",
  "raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm sk_lookup syscall netfilter",
]
  .join(" ")
  .split(" ");

/** The name of program type `value`, or `prog_type_<n>` for one this package does not know. */
export function programTypeName(value: number): string {
  return names[value] ?? `prog_type_${value}`;
}

/** The number of the program type called `name`; -1 if there is none. */
export function programTypeNumber(name: string): number {
  return names.indexOf(name);
}
