/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Distributed tracing: who asked whom, when, and what came of it, without the programs' help (W3C Trace Context 1).
 *
 * One `connection` serves both of its ends when both are on this node. Each direction is parsed once, by whoever sees its bytes first:
 * `redirect` for what passes the socket map, packet_out for what TCP sends, packet_in for what another node sends. The sequence number of
 * the next byte tells which were seen already, so a segment that is sent twice counts once.
 */
#ifndef MITSU_TRACE_H
#define MITSU_TRACE_H

#include "exchange.h"
#include "inject.h"
#include "feed.h"
#include "birth.h"
#include "side_band.h"

/* While nothing is traced `redirect` is loaded without the parser: the verifier need not look at what is never reached. */
const volatile __u32 config_trace = 1;

/* In feed_message()'s `room`: the message goes past TCP. */
#define ROOM_REDIRECTED (1U << 31)

static __always_inline void feed_segment(struct connection *c, struct __sk_buff *skb, const struct segment *g, __u32 stream, __u32 thread)
{
	__u32 seen = c->next[stream & 1] - g->seq;
	if ((__s32)seen < 0) { /* one before it was lost, or is late: of a body that does not matter */
		if (pass_body(c, stream, g->payload - seen))
			c->next[stream & 1] = g->seq + g->payload;
		else
			make_opaque(c, OPAQUE_GAP);
		return;
	}
	if (seen >= g->payload)
		return;
	struct feed f = { .skb = skb, .c = c };
	struct run run = {
		.now = bpf_ktime_get_ns(), .at = seen, .size = g->payload, .base = g->base, .stream = stream & 1, .thread = thread
	};
	feed(&f, &run, 0);
	c->next[stream & 1] = g->seq + g->payload;
}

/*
 * What of a message was not seen yet, to its parser. Global, so that the verifier looks at the parser once and not for each caller.
 * Returns SK_DROP when an injection had to be given up half-way, else SK_PASS.
 */
__noinline int feed_message(struct sk_msg_md *msg, struct connection *c, __u32 stream, __u32 write_seq, __u32 room)
{
	if (!c)
		return SK_PASS;
	__u32 seen = c->next[stream & 1] - write_seq, size = msg->size;
	if ((__s32)seen < 0 || seen >= size)
		return SK_PASS;
	int redirected = room & ROOM_REDIRECTED;
	struct feed f = { .msg = msg, .c = c };
	struct run run = { .now = bpf_ktime_get_ns(), .at = seen, .size = size, .stream = stream & 1, .redirected = !!redirected };
	run.thread = (__u32)bpf_get_current_pid_tgid();
	run.room = room & ~ROOM_REDIRECTED;
	feed(&f, &run, 1);
	c->next[stream & 1] = redirected ? write_seq : write_seq + run.size;
	return run.drop ? SK_DROP : SK_PASS;
}

/* A message of an enrolled socket. Bytes that TCP carries and that egress has not seen yet stay egress' business. */
static __always_inline int trace_message(struct sk_msg_md *msg, struct sock_state *st, struct tcp_sock *tp, int redirected)
{
	struct connection *c = connection_of(st);
	if (!c && st->connection == 0 && !(st->flags & STATE_CLIENT))
		c = join_client(st, tp);
	if (!c)
		return SK_PASS;
	struct sock *sk = (struct sock *)tp;
	__s32 left = sk->sk_sndbuf - sk->sk_wmem_queued;
	/* A message that TCP takes in part is given again from where it stopped: then it must not have grown. */
	__u32 room = redirected ? MOST_GROWTH | ROOM_REDIRECTED : left > (__s32)(2 * msg->size + MOST_GROWTH) ? MOST_GROWTH : 0;
	return feed_message(msg, c, st->flags & STATE_CLIENT ? 0 : 1, tp->write_seq, room);
}

/* What was parsed as redirected went by TCP after all. */
static __always_inline void trace_passed(struct sock_state *st, __u32 size)
{
	struct connection *c = connection_of(st);
	if (c)
		c->next[st->flags & STATE_CLIENT ? 0 : 1] += size;
}

/* The state of a packet's TCP socket, when it is traced or may come to be, and the packet may tell something. */
static __always_inline struct sock_state *traceable(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sock_state *st = sk->protocol == IPPROTO_TCP && !is_bare(skb) ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	return st && st->connection != UNTRACED ? st : 0;
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	struct sock_state *st = sk ? traceable(skb, sk) : 0;
	if (!st)
		return 1;
	int client = st->flags & STATE_CLIENT;
	struct connection *c = connection_of(st);
	if (!c && st->connection && st->connection != CLAIMED)
		return 1;
	struct segment g;
	if (!read_segment(skb, &g))
		return 1;
	if (!c && !client) { /* a server that speaks first */
		c = g.payload ? accept_traced(skb, sk, st) : 0;
	} else if (!c) {
		if (g.syn && !g.ack)
			bear_client(sk, st, &g, bpf_get_socket_cookie(skb));
		else
			st->connection = UNTRACED; /* older than tracing */
	}
	if (!c)
		return 1;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (g.payload && tp)
		feed_segment(c, skb, &g, client ? 0 : 1, sending_thread(tp));
	return 1;
}

/* A SYN reaches a listener: should it come from a client on this node, that one knows from its first request on who will answer. */
static __noinline void expect_client(struct __sk_buff *skb, struct sock_state *st)
{
	struct segment g;
	if (!read_segment(skb, &g) || !g.syn || g.ack)
		return;
	struct birth_key key = { .client_port = g.from_port, .server_port = g.to_port, .isn = g.seq };
	__builtin_memcpy(key.client, g.from, 16);
	__builtin_memcpy(key.server, g.to, 16);
	__u64 *id = bpf_map_lookup_elem(&births, &key);
	struct connection *c = id ? bpf_map_lookup_elem(&connections, id) : 0;
	if (!c)
		return;
	__u32 sampling = 0;
	c->to = st->service;
	if (!(c->flags & ANSWERS_HERE))
		seed_by_chance(c);
	__sync_fetch_and_or(&c->flags, ANSWERS_HERE | (trace_mode(st->service, &sampling) == TRACE_OFF ? 0 : HERE_SERVER));
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	struct sock_state *st = sk ? traceable(skb, sk) : 0;
	if (!st)
		return 1;
	if (sk->state == BPF_TCP_LISTEN) {
		expect_client(skb, st);
		return 1;
	}
	int client = st->flags & STATE_CLIENT;
	struct connection *c = connection_of(st);
	if (!c && (client || (st->connection && st->connection != CLAIMED)))
		return 1;
	if (c && (c->flags & (client ? ANSWERS_HERE : SENDS_HERE)))
		return 1; /* its sender is here, and was heard */
	struct segment g;
	if (!read_segment(skb, &g))
		return 1;
	if (c && g.syn && g.ack)
		c->next[1] = g.seq + 1;
	if (!g.payload)
		return 1;
	if (!c)
		c = accept_traced(skb, sk, st);
	if (!c || (c->flags & (client ? ANSWERS_HERE : SENDS_HERE)))
		return 1;
	if (__sync_lock_test_and_set(&c->busy, 1)) {
		make_opaque(c, OPAQUE_GAP); /* two processors with one connection's segments */
		return 1;
	}
	if (!client)
		read_side_band(c, skb, &g);
	feed_segment(c, skb, &g, client ? 1 : 0, 0);
	c->carried.given = 0;
	__sync_lock_test_and_set(&c->busy, 0);
	return 1;
}

/* ---- who works on what ---- */

/* A thread has read from a socket: it works on the requests that came there, until they are answered. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	if (ret <= 0 || flags & MSG_PEEK_)
		return 0;
	struct sock_state *st = bpf_sk_storage_get(&states, sk, 0, 0);
	if (!st || st->connection == UNTRACED || st->flags & STATE_CLIENT)
		return 0;
	struct connection *c = connection_of(st);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!c && tp && st->connection == 0)
		c = join_client(st, tp);
	if (!c || c->asked == c->answered)
		return 0;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	for (int i = 0; i < DEPTH; i++) {
		__u32 number = c->answered + i;
		if ((__s32)(c->asked - number) <= 0)
			break;
		struct exchange *x = &c->exchanges[number & (DEPTH - 1)];
		if (x->reader)
			continue;
		struct thread none = {};
		struct thread *t = bpf_map_lookup_elem(&threads, &tid);
		if (!t) {
			bpf_map_update_elem(&threads, &tid, &none, BPF_NOEXIST);
			t = bpf_map_lookup_elem(&threads, &tid);
		}
		if (!t)
			return 0;
		__sync_fetch_and_add(&t->open, 1);
		__sync_fetch_and_xor(&t->which, exchange_id(c, number));
		x->read_ns = bpf_ktime_get_ns();
		x->reader = tid;
	}
	return 0;
}

#endif
