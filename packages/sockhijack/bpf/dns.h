/* SPDX-License-Identifier: GPL-2.0-only */
/* Brings DNS queries to the resolver without seeing them: one address of its for each name server. */
#ifndef MITSU_DNS_H
#define MITSU_DNS_H

#define DNS_PORT bpf_htons(53)

/* Is the resolver listening in this namespace? When the daemon is gone its sockets are too, and queries go where they always went. */
static __always_inline int resolver_alive(struct bpf_sock_addr *ctx, __be16 port)
{
	struct bpf_sock_tuple tuple = {
		.ipv4 = { .saddr = bpf_htonl(0x7f000001), .daddr = bpf_htonl(0x7f350001), .sport = DNS_PORT, .dport = port }
	};
	struct bpf_sock *sk = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* The slot of a name server, handing out a free one at first sight; DNS_SLOTS when none is left. */
static __always_inline __u32 dns_slot(const struct address *server)
{
	struct control *c = controls();
	if (!c)
		return DNS_SLOTS;
	for (__u32 i = 0; i < DNS_SLOTS; i++) {
		__u32 index = i;
		struct address *slot = bpf_map_lookup_elem(&dns_slots, &index);
		if (!slot)
			return DNS_SLOTS;
		if (i >= c->dns_used) {
			if (__sync_val_compare_and_swap(&c->dns_used, i, i + 1) != i)
				return DNS_SLOTS; /* lost a race: this one query goes untouched */
			*slot = *server;
			return i;
		}
		__u64 *a = (__u64 *)slot->ip, *b = (__u64 *)server->ip;
		if (a[0] == b[0] && a[1] == b[1] && slot->port == server->port)
			return i;
	}
	return DNS_SLOTS;
}

static __always_inline int to_resolver(struct bpf_sock_addr *ctx, const struct address *asked, struct address *to)
{
	struct control *c = controls();
	if (asked->port != DNS_PORT || !c || !c->dns_port)
		return 0;
	if (is_mapped(asked->ip) && asked->ip[12] == 127 && asked->ip[13] == 53 && asked->ip[14] == 0 && asked->ip[15] <= DNS_SLOTS &&
	    asked->ip[15])
		return 0; /* already addressed to the resolver */
	__u32 slot = DNS_SLOTS;
	if (resolver_alive(ctx, c->dns_port))
		slot = dns_slot(asked);
	else
		kick(bpf_get_netns_cookie(ctx), EVENT_BIND); /* a namespace the daemon has not seen yet, or nobody listens to this */
	if (slot >= DNS_SLOTS) {
		count(COUNT_DNS_PASSED);
		return 0;
	}
	count(COUNT_DNS);
	set_ip4(to->ip, bpf_htonl(0x7f350001 + slot));
	to->port = c->dns_port;
	to->family = AF_INET_;
	return 1;
}

#endif
