/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses, who is calling, and waking the daemon. */
#ifndef MITSU_IDENTITY_H
#define MITSU_IDENTITY_H

/* First 12 bytes of an IPv4 address in IPv6 form, as words. */
#define MAPPED_PREFIX bpf_htonl(0xffff)

static __always_inline void set_ip4(__u8 *to, __u32 ip4)
{
	__u32 *words = (__u32 *)to;
	words[0] = 0;
	words[1] = 0;
	words[2] = MAPPED_PREFIX;
	words[3] = ip4;
}

static __always_inline void copy_ip(__u8 *to, struct sock *sk, int remote)
{
	if (sk->__sk_common.skc_family == AF_INET_)
		set_ip4(to, remote ? sk->__sk_common.skc_daddr : sk->__sk_common.skc_rcv_saddr);
	else
		bpf_probe_read_kernel(to, 16, remote ? &sk->__sk_common.skc_v6_daddr : &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline int is_mapped(const __u8 *ip)
{
	const __u32 *words = (const __u32 *)ip;
	return !words[0] && !words[1] && words[2] == MAPPED_PREFIX;
}

static __always_inline int is_loopback(const __u8 *ip)
{
	const __u32 *words = (const __u32 *)ip;
	return (is_mapped(ip) && ip[12] == 127) || (!words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1));
}

/* The service of the calling program: its own cgroup or the nearest ancestor that was attached. */
static __always_inline __u32 service_of_current(void)
{
	for (int level = MAX_CGROUP_DEPTH; level > 0; level--) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		if (!id)
			continue;
		__u32 *service = bpf_map_lookup_elem(&cgroups, &id);
		if (service)
			return *service;
	}
	return 0;
}

/* Tells the daemon once that there is something new to look at; it clears the flag when it begins to. */
static __always_inline void kick(__u64 netns, __u32 kind)
{
	struct control *c = controls();
	if (!c || (c->kicked & kind) || (__sync_fetch_and_or(&c->kicked, kind) & kind))
		return;
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_and(&c->kicked, ~kind); /* nobody was told: the next connect tries again */
		count(COUNT_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->netns = netns;
	bpf_ringbuf_submit(e, 0);
}

#endif
