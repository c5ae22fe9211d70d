/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traced connections: born with a client's SYN, or with the first bytes from another node; met by the server's end; buried a while after
 * all ends that are on this node have closed.
 */
#ifndef MITSU_BIRTH_H
#define MITSU_BIRTH_H

/* A connection that has ended is kept so long, since the other end's processor may still be in it. */
#define GRAVE_NS 1000000000ULL

/* sock_state.connection: looked at, and not to be traced; or just now being looked at. */
#define UNTRACED (~0ULL)
#define CLAIMED (~1ULL)

static __always_inline struct connection *connection_of(struct sock_state *st)
{
	__u64 id = st->connection;
	if (id == 0 || id >= CLAIMED)
		return 0;
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	if (!c)
		st->connection = UNTRACED;
	/* One that is left alone keeps its name: end_traced() must find it, or it is never buried. */
	return c && !c->opaque ? c : 0;
}

struct segment {
	__u8 from[16];
	__u8 to[16];
	__be16 from_port;
	__be16 to_port;
	__u32 seq;
	__u32 payload; /* bytes */
	__u32 base; /* where the payload begins in the packet, and TCP's options */
	__u32 options;
	__u8 syn, ack;
};

/* Headers at a constant place, mostly in the packet's first piece: looking there costs less than having them copied. */
static __always_inline int read_header(struct __sk_buff *skb, __u32 at, void *to, __u32 bytes)
{
	void *from = (void *)(long)skb->data + at, *end = (void *)(long)skb->data_end;
	if (from + bytes > end)
		return bpf_skb_load_bytes(skb, at, to, bytes);
	__builtin_memcpy(to, from, bytes);
	return 0;
}

/* An acknowledgement and nothing else, as every second packet is: it concerns no part of tracing. */
static __always_inline int is_bare(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 base = skb->protocol == bpf_htons(0x0800) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	const struct tcphdr *tcp = data + base;
	if ((void *)(tcp + 1) > end)
		return 0;
	__u8 protocol = base == sizeof(struct iphdr) ? ((struct iphdr *)data)->protocol : ((struct ipv6hdr *)data)->nexthdr;
	return protocol == IPPROTO_TCP && !tcp->syn && skb->len == base + tcp->doff * 4;
}

static __always_inline int read_segment(struct __sk_buff *skb, struct segment *g)
{
	struct tcphdr tcp;
	__u32 base;
	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr ip;
		if (read_header(skb, 0, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP)
			return 0;
		set_ip4(g->from, ip.saddr);
		set_ip4(g->to, ip.daddr);
		base = ip.ihl * 4;
		if (base != sizeof(ip) ? bpf_skb_load_bytes(skb, base, &tcp, sizeof(tcp)) : read_header(skb, sizeof(ip), &tcp, sizeof(tcp)))
			return 0;
	} else {
		struct ipv6hdr ip;
		base = sizeof(ip);
		if (read_header(skb, 0, &ip, sizeof(ip)) || ip.nexthdr != IPPROTO_TCP || read_header(skb, sizeof(ip), &tcp, sizeof(tcp)))
			return 0;
		__builtin_memcpy(g->from, &ip.saddr, 16);
		__builtin_memcpy(g->to, &ip.daddr, 16);
	}
	g->from_port = tcp.source;
	g->to_port = tcp.dest;
	g->seq = bpf_ntohl(tcp.seq);
	g->syn = tcp.syn;
	g->ack = tcp.ack;
	g->base = base + tcp.doff * 4;
	g->options = base + sizeof(tcp);
	if (skb->len < g->base)
		return 0;
	g->payload = skb->len - g->base;
	return 1;
}

static __always_inline __u32 trace_mode(__u32 service, __u32 *sampling)
{
	struct service *s = service ? bpf_map_lookup_elem(&services, &service) : 0;
	if (!s)
		return TRACE_OFF;
	*sampling = s->sampling;
	return s->trace;
}

/* The oldest graves, once nobody can be in them any more. */
static __always_inline void bury(__u64 now)
{
	for (int i = 0; i < 2; i++) {
		struct grave g;
		if (bpf_map_peek_elem(&graves, &g) || now - g.since < GRAVE_NS || bpf_map_pop_elem(&graves, &g))
			return;
		struct connection *c = bpf_map_lookup_elem(&connections, &g.id);
		if (!c)
			continue;
		if (c->flags & MULTIPLEXED)
			abandon_streams(c);
		else
			abandon(c, now);
		__u64 requests = g.id * 2, answers = g.id * 2 + 1;
		bpf_map_delete_elem(&partials, &requests); /* a head begun and never ended */
		bpf_map_delete_elem(&partials, &answers);
		bpf_map_delete_elem(&connections, &g.id);
	}
}

static __always_inline struct connection *bear(__u64 id)
{
	__u32 zero = 0;
	struct connection *blank = bpf_map_lookup_elem(&blanks, &zero);
	bury(bpf_ktime_get_ns());
	if (!blank || bpf_map_update_elem(&connections, &id, blank, BPF_NOEXIST)) {
		count(COUNT_CONNECTIONS_FULL);
		return 0;
	}
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	if (c)
		c->id = id;
	return c;
}

static __noinline void bear_client(struct bpf_sock *sk, struct sock_state *st, const struct segment *g, __u64 id)
{
	__u32 sampling = 0, others = 0;
	/* nicd passes a traceparent on, so what counts is the service that was asked for. */
	__u32 to = st->asked_service ? st->asked_service : st->peer_service;
	__u32 mode = trace_mode(st->service, &sampling), peer = trace_mode(to, &others);
	struct connection *c = mode == TRACE_OFF && peer == TRACE_OFF ? 0 : bear(id);
	st->connection = c ? id : UNTRACED;
	if (!c)
		return;
	c->flags = mode == TRACE_OFF ? 0 : HERE_CLIENT;
	c->flags |= SENDS_HERE;
	if (mode == TRACE_HEADER && (!to || peer == TRACE_HEADER))
		c->flags |= PROPAGATE_HEADER;
	c->sampling = mode == TRACE_OFF ? others : sampling;
	c->from = st->service;
	c->to = st->peer_service;
	c->replica = st->replica;
	c->next[0] = g->seq + 1;
	__builtin_memcpy(c->key.client, g->from, 16);
	__builtin_memcpy(c->key.server, g->to, 16);
	c->key.client_port = g->from_port;
	c->key.server_port = g->to_port;
	c->key.isn = g->seq;
	seed_ids(c);
	bpf_map_update_elem(&births, &c->key, &id, BPF_ANY);
}

/* A client's connection, found by the socket it was accepted as: the four numbers, and the client's first sequence number. */
static __always_inline void name_connection(struct birth_key *key, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	copy_ip(key->client, sk, 1);
	copy_ip(key->server, sk, 0);
	key->client_port = sk->__sk_common.skc_dport;
	key->server_port = bpf_htons(sk->__sk_common.skc_num);
	key->isn = tp->rcv_nxt - (__u32)tp->bytes_received - 1;
}

/* An accepted socket joins the connection that its client has begun on this node. */
static __noinline struct connection *meet_client(struct sock_state *st, struct tcp_sock *tp)
{
	struct birth_key key = {};
	__u32 sampling = 0;
	name_connection(&key, tp);
	__u64 *known = bpf_map_lookup_elem(&births, &key);
	if (!known)
		return 0;
	__u64 id = *known;
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	bpf_map_delete_elem(&births, &key);
	if (!c)
		return 0;
	c->to = st->service;
	c->next[1] = tp->snd_una - (__u32)tp->bytes_acked; /* the first that it sends, whatever it has sent by now */
	if (!(c->flags & ANSWERS_HERE))
		seed_by_chance(c);
	__sync_fetch_and_or(&c->flags, ANSWERS_HERE | (trace_mode(st->service, &sampling) == TRACE_OFF ? 0 : HERE_SERVER));
	st->connection = id;
	return c;
}

/* The same where the client must be known by now: its SYN came first. A socket without one is not looked at again. */
static __always_inline struct connection *join_client(struct sock_state *st, struct tcp_sock *tp)
{
	struct connection *c = meet_client(st, tp);
	if (!c)
		st->connection = UNTRACED;
	return c;
}

/* An accepted socket whose client is elsewhere begins a connection. What of its own went by before shows as a gap. */
static __noinline struct connection *bear_server(struct sock_state *st, struct tcp_sock *tp, __u64 id)
{
	__u32 sampling = 0;
	if (trace_mode(st->service, &sampling) == TRACE_OFF || tp->bytes_received)
		return 0;
	struct connection *c = bear(id);
	if (!c)
		return 0;
	c->flags = HERE_SERVER | ANSWERS_HERE;
	c->sampling = sampling;
	c->to = st->service;
	name_connection(&c->key, tp);
	seed_ids(c);
	c->next[0] = tp->rcv_nxt;
	c->next[1] = tp->snd_una - (__u32)tp->bytes_acked;
	barrier();
	st->connection = id;
	return c;
}

/* Longer than another processor takes to begin a connection. */
#define CLAIM_LOOKS 2048

/* What either end of an accepted socket sends first begins its connection, or joins the one that its client has begun. Both may speak at
 * once, on two processors: one of them waits for the other, or its bytes would go by unseen. */
static __always_inline struct connection *accept_traced(struct __sk_buff *skb, struct bpf_sock *sk, struct sock_state *st)
{
	__u64 before = __sync_val_compare_and_swap(&st->connection, 0, CLAIMED);
	if (before) {
		for (int i = 0; i < CLAIM_LOOKS && *(volatile __u64 *)&st->connection == CLAIMED; i++)
			;
		return connection_of(st);
	}
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct connection *c = tp ? meet_client(st, tp) : 0;
	if (!c && tp)
		c = bear_server(st, tp, bpf_get_socket_cookie(skb));
	if (!c)
		st->connection = UNTRACED;
	return c;
}

/* An end is closed by its program. */
static __always_inline void end_traced(struct sock_state *st)
{
	__u64 id = st->connection;
	struct connection *c = id && id < CLAIMED ? bpf_map_lookup_elem(&connections, &id) : 0;
	if (!c)
		return;
	__u64 now = bpf_ktime_get_ns();
	int client = st->flags & STATE_CLIENT;
	if (!c->opaque && c->streams[1].phase == PHASE_UNTIL_CLOSE && c->asked != c->answered)
		finish(c, now, 0);
	__u32 before = __sync_fetch_and_or(&c->flags, client ? CLOSED_CLIENT : CLOSED_SERVER);
	__u32 after = before | (client ? CLOSED_CLIENT : CLOSED_SERVER);
	int over = (!(after & SENDS_HERE) || (after & CLOSED_CLIENT)) && (!(after & ANSWERS_HERE) || (after & CLOSED_SERVER));
	if (over && before != after) {
		struct grave g = { .id = id, .since = now };
		bpf_map_push_elem(&graves, &g, BPF_EXIST);
	}
}

#endif
