/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map of sockhijack; all of them are pinned by name under the daemon's pin folder. */
#ifndef MITSU_MAPS_H
#define MITSU_MAPS_H

#define MAP(name_, type_, max_, key_, value_, flags_)                                                                                      \
	struct {                                                                                                                           \
		__uint(type, type_);                                                                                                       \
		__uint(max_entries, max_);                                                                                                 \
		__uint(map_flags, flags_);                                                                                                 \
		__type(key, key_);                                                                                                         \
		__type(value, value_);                                                                                                     \
	} name_ SEC(".maps")

MAP(control, BPF_MAP_TYPE_ARRAY, 1, __u32, struct control, BPF_F_MMAPABLE);
MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, COUNTERS, __u32, __u64, 0);
MAP(cgroups, BPF_MAP_TYPE_HASH, MAX_SERVICES, __u64, __u32, BPF_F_NO_PREALLOC); /* cgroup id → service */
MAP(adopted, BPF_MAP_TYPE_HASH, 65536, __u64, __u32,
    BPF_F_NO_PREALLOC); /* socket inode → service, for programs that were moved into their cgroup */
MAP(services, BPF_MAP_TYPE_ARRAY, MAX_SERVICES, __u32, struct service, 0);
MAP(addresses, BPF_MAP_TYPE_HASH, 65536, struct address_key, struct address_value, BPF_F_NO_PREALLOC);
MAP(frontends, BPF_MAP_TYPE_ARRAY, MAX_SERVICES, __u32, struct frontend, 0);
MAP(backends, BPF_MAP_TYPE_HASH, 65536, struct backend_key, __u32, BPF_F_NO_PREALLOC);
MAP(replicas, BPF_MAP_TYPE_ARRAY, MAX_REPLICAS, __u32, struct replica, 0);
MAP(scores, BPF_MAP_TYPE_ARRAY, MAX_REPLICAS, __u32, struct score, BPF_F_MMAPABLE);
MAP(choices, BPF_MAP_TYPE_ARRAY, MAX_SERVICES, __u32, struct choices, BPF_F_MMAPABLE); /* frontend → */
MAP(loads, BPF_MAP_TYPE_ARRAY, MAX_REPLICAS, __u32, struct load, BPF_F_MMAPABLE);
MAP(policies, BPF_MAP_TYPE_HASH, 65536, struct policy_key, struct policy_value, BPF_F_NO_PREALLOC);
MAP(matrix, BPF_MAP_TYPE_HASH, 65536, struct edge, struct traffic, BPF_F_NO_PREALLOC);
MAP(udp_peers, BPF_MAP_TYPE_LRU_HASH, 16384, struct address_key, struct address,
    0); /* netns holds the socket's cookie, ip and port the replica */
MAP(callers, BPF_MAP_TYPE_LRU_HASH, MAX_CALLERS, struct caller_key, struct caller, 0); /* nicd takes them out as it accepts */
MAP(names, BPF_MAP_TYPE_ARRAY, MAX_SERVICES, __u32, struct service_name, BPF_F_MMAPABLE);
MAP(dns_slots, BPF_MAP_TYPE_ARRAY, DNS_SLOTS, __u32, struct address, 0); /* name server behind 127.53.0.(slot+1) */
MAP(plans, BPF_MAP_TYPE_HASH, MAX_SOCKETS, __u64, struct plan, BPF_F_NO_PREALLOC); /* socket cookie → what the next scan does with it */
MAP(pairs, BPF_MAP_TYPE_ARRAY, MAX_PAIRS, __u32, struct pair, BPF_F_MMAPABLE);
MAP(sockets, BPF_MAP_TYPE_SOCKHASH, MAX_SOCKETS, __u64, __u64, 0); /* socket cookie → socket: coupled, or only given traceparents */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} taps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE); /* an accepted socket inherits its listener's */
	__type(key, int);
	__type(value, struct sock_state);
} states SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);
	if (n)
		*n += 1;
}

static __always_inline struct control *controls(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&control, &zero);
}

#endif
