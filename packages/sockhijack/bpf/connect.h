/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup/sock_addr and sockopt hooks: who connects to whom, may it, which replica answers, and what the program is shown. */
#ifndef MITSU_CONNECT_H
#define MITSU_CONNECT_H

#define SOL_IP_ 0
#define SOL_SOCKET_ 1
#define SOL_TCP_ 6
#define SOL_IPV6_ 41
#define SO_OOBINLINE_ 10
#define SO_RCVLOWAT_ 18
#define SO_TIMESTAMP_OLD_ 29
#define SO_TIMESTAMPNS_OLD_ 35
#define SO_TIMESTAMPING_OLD_ 37
#define SO_ZEROCOPY_ 60
#define SO_TIMESTAMP_NEW_ 63
#define SO_TIMESTAMPNS_NEW_ 64
#define SO_TIMESTAMPING_NEW_ 65
#define TCP_ULP_ 31
#define TCP_INQ_ 36
#define ORIGINAL_DST_ 80 /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST */
#define AF_INET_ 2
#define AF_INET6_ 10
#define ECONNREFUSED_ 111
#define EOPNOTSUPP_ 95
#define DNS_PORT bpf_htons(53)

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

static __always_inline void tell_denied(__u64 netns, __u32 from, __u32 to, __u32 rule, __be16 port, __u8 protocol)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(COUNT_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = EVENT_DENIED;
	e->netns = netns;
	e->from = from;
	e->to = to;
	e->rule = rule;
	e->port = port;
	e->protocol = protocol;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

static __always_inline struct traffic *cell(__u32 from, __u32 to)
{
	struct edge edge = { from, to };
	struct traffic *t = bpf_map_lookup_elem(&matrix, &edge);
	if (t)
		return t;
	struct traffic none = {};
	bpf_map_update_elem(&matrix, &edge, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&matrix, &edge);
}

/* 0 allowed, else the errno the program gets. */
static __always_inline int check_policy(__u64 netns, __u32 from, __u32 to, __be16 port, __u8 protocol)
{
	struct policy_key key = { .from = from, .to = to, .port = port };
	struct policy_value *rule = bpf_map_lookup_elem(&policies, &key);
	if (!rule) {
		key.port = 0;
		rule = bpf_map_lookup_elem(&policies, &key);
	}
	struct control *c = controls();
	__u32 action = rule ? rule->action : c ? c->default_action : ACTION_ALLOW;
	if (action == ACTION_ALLOW)
		return 0;
	count(COUNT_DENIED);
	struct traffic *t = cell(from, to);
	if (t)
		__sync_fetch_and_add(&t->denied, 1);
	tell_denied(netns, from, to, rule ? rule->rule : 0, port, protocol);
	struct service *s = bpf_map_lookup_elem(&services, &to);
	return s && s->deny_errno ? s->deny_errno : ECONNREFUSED_;
}

static __always_inline __u32 weight_of(__u32 replica)
{
	struct score *s = bpf_map_lookup_elem(&scores, &replica);
	return s && s->weight ? s->weight : 100;
}

/* Connections open now per unit of weight, in 1/1024, plus the score from outside. */
static __always_inline __u64 cost(__u32 replica)
{
	struct load *l = bpf_map_lookup_elem(&loads, &replica);
	struct score *s = bpf_map_lookup_elem(&scores, &replica);
	if (!l || !s)
		return ~0ULL;
	__u64 active = l->active < 0 ? 0 : l->active;
	return active * 1024 * 100 / weight_of(replica) + s->score;
}

static __always_inline int is_zero(const __u8 *ip)
{
	const __u64 *words = (const __u64 *)ip;
	return !words[0] && !words[1];
}

/* Fills `to` with where the replica is reached from namespace `netns`, by an IPv6 address if it must be one. */
static __always_inline int locate(__u32 id, __u64 netns, int only6, struct address *to)
{
	struct replica *r = bpf_map_lookup_elem(&replicas, &id);
	if (!r)
		return 0;
	int near = r->netns == netns;
	const __u8 *ip = only6 ? (near ? r->local6 : r->ip6) : (near ? r->local : r->ip);
	if (is_zero(ip))
		return 0;
	if (!near && is_loopback(ip))
		return 0; /* listens for its own namespace only */
	__builtin_memcpy(to->ip, ip, 16);
	to->port = r->port;
	to->family = is_mapped(to->ip) ? AF_INET_ : AF_INET6_;
	return 1;
}

/* The replica at place `index` of a frontend, 0 when it cannot be reached from there. */
static __always_inline __u32 candidate(__u32 frontend, __u32 index, __u64 netns, int only6)
{
	struct backend_key key = { frontend, index };
	struct address to;
	__u32 *id = bpf_map_lookup_elem(&backends, &key);
	return id && locate(*id, netns, only6, &to) ? *id : 0;
}

#define SEARCH 32 /* places looked at when neither of two is within reach */

/* Power of two choices (Mitzenmacher, 2001) on the kernel's own counts. */
static __always_inline __u32 choose(__u32 id, __u64 netns, int only6)
{
	struct frontend *f = bpf_map_lookup_elem(&frontends, &id);
	if (!f || !f->backends)
		return 0;
	__u32 n = f->backends, random = bpf_get_prandom_u32();
	__u32 index = (random & 0xffff) % n;
	__u32 first = candidate(id, index, netns, only6);
	if (n == 1)
		return first;
	__u32 other = (random >> 16) % (n - 1);
	other += other >= index;
	__u32 second = candidate(id, other, netns, only6);
	if (first && second) {
		__u64 a = cost(first), b = cost(second);
		if (a != b)
			return b < a ? second : first;
		__u32 share = weight_of(first); /* equally busy, as when both are idle: by weight */
		return bpf_get_prandom_u32() % (share + weight_of(second)) < share ? first : second;
	}
	if (first || second)
		return first ? first : second;
	for (__u32 i = 1; i < SEARCH && i < n; i++) {
		__u32 found = candidate(id, (index + i) % n, netns, only6);
		if (found)
			return found;
	}
	return 0;
}

struct verdict {
	struct address to;
	__u32 service; /* at the other end, 0 when the destination is no service */
	__u32 replica;
	int error; /* errno for the program, 0 to go on */
	int rewrite;
	int only6; /* the destination can only become an IPv6 address */
};

static __always_inline void judge(struct verdict *v, const struct address *asked, __u64 netns, __u32 from, __u8 protocol, int connecting)
{
	struct address_key key = { .port = asked->port, .protocol = protocol };
	__builtin_memcpy(key.ip, asked->ip, 16);
	if (is_loopback(asked->ip))
		key.netns = netns;
	struct address_value *found = bpf_map_lookup_elem(&addresses, &key);
	if (!found) {
		key.port = 0;
		found = bpf_map_lookup_elem(&addresses, &key);
		if (!found)
			return; /* no service of ours: untouched */
		/* Resolvers connect a UDP socket to each address to learn its source (RFC 6724), which sends nothing. */
		if (protocol == IPPROTO_UDP && connecting)
			return;
		count(COUNT_NO_PORT);
		v->service = found->service;
		v->error = ECONNREFUSED_;
		return;
	}
	v->service = found->service;
	v->replica = found->replica;
	v->error = check_policy(netns, from, found->service, asked->port, protocol);
	if (v->error || !found->frontend)
		return;
	v->replica = choose(found->frontend, netns, v->only6);
	if (!v->replica || !locate(v->replica, netns, v->only6, &v->to)) {
		if (found->replica) { /* a real address stays usable when nobody listens as far as we know */
			v->replica = found->replica;
			return;
		}
		count(COUNT_NO_REPLICA);
		v->error = ECONNREFUSED_;
		return;
	}
	v->rewrite = 1;
}

static __always_inline void remember_load(struct sock_state *st, __u32 replica)
{
	struct load *l = bpf_map_lookup_elem(&loads, &replica);
	if (!l)
		return;
	if (st->flags & STATE_COUNTED) { /* a second connect on the same socket */
		struct load *old = bpf_map_lookup_elem(&loads, &st->replica);
		if (old)
			__sync_fetch_and_add(&old->active, -1);
	}
	__sync_fetch_and_add(&l->active, 1);
	__sync_fetch_and_add(&l->total, 1);
	st->replica = replica;
	st->flags |= STATE_COUNTED;
}

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

/* Writes `to` into the call's destination; 0 when the socket's family cannot reach it. */
static __always_inline int write_destination(struct bpf_sock_addr *ctx, const struct address *to, int v6)
{
	const __u32 *words = (const __u32 *)to->ip;
	if (!v6) {
		if (to->family != AF_INET_)
			return 0;
		ctx->user_ip4 = words[3];
	} else {
		ctx->user_ip6[0] = words[0];
		ctx->user_ip6[1] = words[1];
		ctx->user_ip6[2] = words[2];
		ctx->user_ip6[3] = words[3];
	}
	ctx->user_port = to->port;
	return 1;
}

static __always_inline void read_destination(struct bpf_sock_addr *ctx, struct address *asked, int v6)
{
	if (!v6) {
		set_ip4(asked->ip, ctx->user_ip4);
		asked->family = AF_INET_;
	} else {
		__u32 *words = (__u32 *)asked->ip;
		words[0] = ctx->user_ip6[0];
		words[1] = ctx->user_ip6[1];
		words[2] = ctx->user_ip6[2];
		words[3] = ctx->user_ip6[3];
		asked->family = AF_INET6_;
	}
	asked->port = (__be16)ctx->user_port;
}

static __always_inline int refuse(int error)
{
	bpf_set_retval(-error);
	return 0;
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx, int v6)
{
	struct address asked = {};
	struct verdict v = {};
	__u8 protocol = (__u8)ctx->protocol;
	__u64 netns = bpf_get_netns_cookie(ctx);
	__u32 from = service_of_current();

	read_destination(ctx, &asked, v6);
	count(COUNT_CONNECT);
	if (to_resolver(ctx, &asked, &v.to)) {
		v.rewrite = 1;
	} else {
		judge(&v, &asked, netns, from, protocol, 1);
		if (v.error)
			return refuse(v.error);
	}
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;
	if (v.rewrite) {
		if (!write_destination(ctx, &v.to, v6)) {
			count(COUNT_FAMILY);
			return v.service ? refuse(ECONNREFUSED_) : 1;
		}
		count(COUNT_REWRITTEN);
	}
	if (st) {
		if (st->flags & STATE_ENROLLED) { /* connected anew without a close: what the map knows of it is of the old connection */
			st->mode = MODE_OFF;
			st->flags |= STATE_OPTED_OUT;
		}
		st->service = from;
		st->peer_service = v.service;
		st->flags |= STATE_CLIENT;
		st->asked.family = 0;
		if (v.rewrite)
			st->asked = asked;
		if (v.replica)
			remember_load(st, v.replica);
	}
	if (v.service) {
		struct traffic *t = cell(from, v.service);
		if (t)
			__sync_fetch_and_add(&t->connections, 1);
	}
	if (protocol == IPPROTO_TCP)
		kick(netns, EVENT_CONNECT);
	return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx, 0);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return on_connect(ctx, 1);
}

/* Unconnected datagrams: each one may name another service, so the way back is kept per socket and replica. */
static __always_inline int on_sendmsg(struct bpf_sock_addr *ctx, int v6)
{
	struct address asked = {};
	struct verdict v = {};
	__u64 netns = bpf_get_netns_cookie(ctx);

	read_destination(ctx, &asked, v6);
	/* The kernel cannot turn an IPv6 datagram into an IPv4 one here (net/ipv6/udp.c), unlike at connect. */
	v.only6 = v6 && !is_mapped(asked.ip);
	if (!v.only6 && to_resolver(ctx, &asked, &v.to)) {
		v.rewrite = 1;
	} else {
		__u32 from = service_of_current();
		judge(&v, &asked, netns, from, IPPROTO_UDP, 0);
		if (v.error)
			return refuse(v.error);
	}
	if (!v.rewrite)
		return 1;
	if (!write_destination(ctx, &v.to, v6)) {
		count(COUNT_FAMILY);
		return refuse(ECONNREFUSED_);
	}
	count(COUNT_REWRITTEN);
	struct address_key key = { .netns = bpf_get_socket_cookie(ctx), .port = v.to.port, .protocol = IPPROTO_UDP };
	__builtin_memcpy(key.ip, v.to.ip, 16);
	bpf_map_update_elem(&udp_peers, &key, &asked, BPF_ANY);
	return 1;
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return on_sendmsg(ctx, 0);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return on_sendmsg(ctx, 1);
}

/* What the program asked for when this address came from us, else 0. */
static __always_inline struct address *asked_for(struct bpf_sock_addr *ctx, const struct address *seen)
{
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (st && st->asked.family)
		return &st->asked;
	struct address_key key = { .netns = bpf_get_socket_cookie(ctx), .port = seen->port, .protocol = IPPROTO_UDP };
	__builtin_memcpy(key.ip, seen->ip, 16);
	return bpf_map_lookup_elem(&udp_peers, &key);
}

static __always_inline int show(struct bpf_sock_addr *ctx, int v6)
{
	struct address seen = {};
	read_destination(ctx, &seen, v6);
	struct address *asked = asked_for(ctx, &seen);
	if (asked) {
		struct address to = *asked;
		to.family = is_mapped(to.ip) ? AF_INET_ : AF_INET6_;
		write_destination(ctx, &to, v6);
	}
	return 1;
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return show(ctx, 0);
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return show(ctx, 1);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return show(ctx, 0);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return show(ctx, 1);
}

/* SO_ORIGINAL_DST as a NAT would answer it (linux/netfilter_ipv4.h). */
SEC("cgroup/getsockopt")
int getsockopt(struct bpf_sockopt *ctx)
{
	if (ctx->optname != ORIGINAL_DST_ || (ctx->level != SOL_IP_ && ctx->level != SOL_IPV6_))
		return 1;
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || !st->asked.family)
		return 1;
	__u8 *value = ctx->optval, *end = ctx->optval_end;
	const __u32 *ip = (const __u32 *)st->asked.ip;
	if (ctx->level == SOL_IP_) {
		if (value + 16 > end || !is_mapped(st->asked.ip))
			return 1;
		__builtin_memset(value, 0, 16);
		*(__u16 *)value = AF_INET_;
		*(__be16 *)(value + 2) = st->asked.port;
		*(__u32 *)(value + 4) = ip[3];
		ctx->optlen = 16;
	} else {
		if (value + 28 > end)
			return 1;
		__builtin_memset(value, 0, 28);
		*(__u16 *)value = AF_INET6_;
		*(__be16 *)(value + 2) = st->asked.port;
		__builtin_memcpy(value + 8, st->asked.ip, 16);
		ctx->optlen = 28;
	}
	ctx->retval = 0;
	return 1;
}

/* Options whose effect the socket map loses; the scan reads the same from the socket (facts_of in scan.h). */
static __always_inline int loses(int level, int name)
{
	if (level == SOL_TCP_)
		return name == TCP_INQ_;
	if (level != SOL_SOCKET_)
		return 0;
	switch (name) {
	case SO_OOBINLINE_:
	case SO_RCVLOWAT_:
	case SO_TIMESTAMP_OLD_:
	case SO_TIMESTAMPNS_OLD_:
	case SO_TIMESTAMPING_OLD_:
	case SO_TIMESTAMP_NEW_:
	case SO_TIMESTAMPNS_NEW_:
	case SO_TIMESTAMPING_NEW_:
		return 1;
	}
	return 0;
}

/* A coupled connection leaves the map when its program sets such an option; before that the scan keeps it out. */
SEC("cgroup/setsockopt")
int setsockopt(struct bpf_sockopt *ctx)
{
	int level = ctx->level, name = ctx->optname;
	int never = (level == SOL_TCP_ && name == TCP_ULP_) || (level == SOL_SOCKET_ && name == SO_ZEROCOPY_);
	if (!never && !loses(level, name))
		goto untouched;
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || !(st->flags & STATE_ENROLLED))
		goto untouched;
	st->flags |= STATE_OPTED_OUT;
	kick(bpf_get_netns_cookie(ctx), EVENT_CONNECT);
	if (never) {
		/* Kernel TLS on a socket in the map corrupts records, a zero-copy send never completes: programs do without, as on older
		 * kernels. */
		count(COUNT_OPTION_REFUSED);
		bpf_set_retval(-EOPNOTSUPP_);
		return 0;
	}
	count(COUNT_OPTED_OUT);
untouched:
	if (ctx->optlen > 4096)
		ctx->optlen = 0; /* larger than the kernel hands to us: let it use the caller's own buffer */
	return 1;
}

/* A socket that binds may come to listen: from here on it and all it accepts carry our state, so that `watch` finds them. */
static __always_inline int on_bind(struct bpf_sock *ctx)
{
	if (ctx->protocol != IPPROTO_TCP)
		return 1;
	struct sock_state *st = bpf_sk_storage_get(&states, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (st)
		st->service = service_of_current();
	kick(bpf_get_netns_cookie(ctx), EVENT_BIND);
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	return on_bind(ctx);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	return on_bind(ctx);
}

/* The last reference to a socket is closed: its connection is over as far as the program is concerned. */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx)
{
	if (ctx->state == BPF_TCP_LISTEN) /* a replica less: the daemon must look before the next connect is sent there */
		kick(bpf_get_netns_cookie(ctx), EVENT_BIND);
	struct sock_state *st = bpf_sk_storage_get(&states, ctx, 0, 0);
	if (!st)
		return 1;
	if (st->flags & STATE_COUNTED) {
		struct load *l = bpf_map_lookup_elem(&loads, &st->replica);
		if (l)
			__sync_fetch_and_add(&l->active, -1);
		st->flags &= ~STATE_COUNTED;
	}
	if (!(st->flags & STATE_CLIENT) || !st->peer_service)
		return 1;
	struct traffic *t = cell(st->service, st->peer_service);
	if (!t || ctx->protocol != IPPROTO_TCP)
		return 1;
	struct tcp_sock *tp = bpf_rdonly_cast(ctx, bpf_core_type_id_kernel(struct tcp_sock));
	struct pair *p = st->slot ? bpf_map_lookup_elem(&pairs, &st->slot) : 0;
	__sync_fetch_and_add(&t->bytes_out, tp->bytes_sent - tp->bytes_retrans + st->redirected_bytes);
	__sync_fetch_and_add(&t->bytes_in, tp->bytes_received + (p ? p->server_bytes : 0));
	__sync_fetch_and_add(&t->messages, st->redirected_messages + (p ? p->server_messages : 0));
	__sync_fetch_and_add(&t->redirected, st->redirected_bytes + (p ? p->server_bytes : 0));
	return 1;
}

#endif
