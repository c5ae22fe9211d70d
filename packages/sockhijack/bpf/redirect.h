/* SPDX-License-Identifier: GPL-2.0-only */
/* The hot path: every message of an enrolled socket comes here, under that socket's lock. */
#ifndef MITSU_REDIRECT_H
#define MITSU_REDIRECT_H

/* Off on kernels whose self-test found copied_seq to count redirected bytes too (before 6.18.14): a message by TCP is then the last word.
 */
const volatile __u32 config_promote = 1;

/* Unread bytes at the peer above which messages go by TCP: what a program can pile up stays within 10 % of plain TCP's own buffers. */
const volatile __u32 config_unread_cap = 256 << 10;

#define SOCK_RCVBUF_LOCK 2 /* include/net/sock.h */

struct peer_view {
	__u32 unread; /* bytes charged to its receive side */
	__u32 room; /* unread bytes it may have before messages go by TCP */
	__u32 copied_seq; /* what its program has read of the TCP stream */
};

/*
 * Looks at the other end without a reference to it. The address may be stale: the fields are read first and the cookie last,
 * and a cookie is given once and never again (net/core/sock_diag.c), so when it still matches, the fields were that socket's.
 * Loads through an untrusted pointer cannot fault (bpf_rdonly_cast). A wrong guess could only choose TCP, never another target:
 * the redirect itself goes by cookie through the socket map.
 */
static __always_inline int look_at_peer(const struct sock_state *st, struct sock *own, struct peer_view *v)
{
	struct tcp_sock *tp = bpf_rdonly_cast((void *)st->peer_sk, bpf_core_type_id_kernel(struct tcp_sock));
	struct sock *sk = bpf_rdonly_cast((void *)st->peer_sk, bpf_core_type_id_kernel(struct sock));
	v->unread = sk->sk_backlog.rmem_alloc.counter;
	/* A program that set SO_RCVBUF meant it: of what it allows, an eighth may come this way before TCP's own buffers fill. */
	int fixed = BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_RCVBUF_LOCK;
	__u32 allowed = (__u32)sk->sk_rcvbuf >> 3;
	v->room = fixed && allowed < config_unread_cap ? allowed : config_unread_cap;
	v->copied_seq = tp->copied_seq;
	/* A socket may be connected anew (connect(AF_UNSPEC)) without leaving the map: its ports must still mirror ours. */
	int mirrored = bpf_ntohs(sk->__sk_common.skc_dport) == own->__sk_common.skc_num &&
		       bpf_ntohs(own->__sk_common.skc_dport) == sk->__sk_common.skc_num;
	int receives = (1 << sk->__sk_common.skc_state) & (1 << TCP_ESTABLISHED | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2);
	barrier();
	return mirrored && receives && (__u64)sk->__sk_common.skc_cookie.counter == st->peer;
}

/* Request → answer time of every 16th exchange, measured where the two ends hand over their messages. */
static __always_inline void time_exchange(struct sock_state *st, struct pair *p)
{
	if (st->flags & STATE_CLIENT) {
		if (!p->sent_ns && (st->redirected_messages & 15) == 0)
			p->sent_ns = bpf_ktime_get_ns();
	} else if (p->sent_ns) {
		__u64 took = bpf_ktime_get_ns() - p->sent_ns;
		p->sent_ns = 0;
		p->exchanges++;
		p->total_ns += took;
		if (took > p->max_ns)
			p->max_ns = took;
	}
}

static __noinline int tap(struct sk_msg_md *msg, struct sock_state *st)
{
	if (!msg || !st)
		return 0;
	struct tap_record *r = bpf_ringbuf_reserve(&taps, sizeof(*r), 0);
	if (!r) {
		count(COUNT_TAP_LOST);
		return 0;
	}
	r->time_ns = bpf_ktime_get_tai_ns();
	r->cookie = st->cookie;
	r->peer = st->peer;
	r->from = st->service;
	r->to = st->peer_service;
	r->family = msg->family;
	r->pad = 0;
	if (r->family == AF_INET_) {
		set_ip4(r->local_ip, msg->local_ip4);
		set_ip4(r->remote_ip, msg->remote_ip4);
	} else {
		__u32 *l = (__u32 *)r->local_ip, *m = (__u32 *)r->remote_ip;
		l[0] = msg->local_ip6[0], l[1] = msg->local_ip6[1], l[2] = msg->local_ip6[2], l[3] = msg->local_ip6[3];
		m[0] = msg->remote_ip6[0], m[1] = msg->remote_ip6[1], m[2] = msg->remote_ip6[2], m[3] = msg->remote_ip6[3];
	}
	r->local_port = msg->local_port;
	r->remote_port = bpf_ntohl(msg->remote_port);
	r->length = msg->size;
	__u64 have = (__u64)msg->data_end - (__u64)msg->data;
	__u32 bytes = have > TAP_BYTES ? TAP_BYTES : (__u32)have;
	r->captured = bytes;
	if (bytes == 0 || bytes > TAP_BYTES || bpf_probe_read_kernel(r->data, bytes, msg->data))
		r->captured = 0;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("sk_msg")
int redirect(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st)
		return SK_PASS;
	__u32 size = msg->size;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return SK_PASS;
	count(COUNT_MESSAGES);
	st->mean_bytes = st->mean_bytes - (st->mean_bytes >> 3) + (size >> 3);
	if (config_trace && st->flags & STATE_INJECTS) {
		if (!connection_of(st))
			st->flags |= STATE_SPENT;
		return trace_message(msg, st, tp, 0);
	}
	if (st->mode == MODE_OFF) {
		count(COUNT_PASS_OFF);
		goto pass;
	}

	struct pair *p = bpf_map_lookup_elem(&pairs, &st->slot);
	if (!p || !p->open) {
		count(COUNT_PASS_HALF);
		goto pass;
	}

	/* What may not be sent any more must fail as TCP fails it. */
	struct peer_view peer;
	if (!((1 << sk->state) & (1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT)) || !look_at_peer(st, (struct sock *)tp, &peer)) {
		count(COUNT_PASS_PEER_GONE);
		goto pass;
	}
	if (st->mode == MODE_TCP || st->tcp_end != tp->write_seq) {
		/* From TCP to redirect only when the peer's program has read every byte TCP ever carried this way: nothing can be
		 * overtaken. A send begun before enrolment may end after it, past this program: the sequence number tells. */
		if (tp->write_seq != peer.copied_seq || (!config_promote && st->redirected_messages)) {
			count(COUNT_PASS_IN_FLIGHT);
			st->mode = MODE_TCP;
			goto pass;
		}
		st->mode = MODE_REDIRECT;
		st->tcp_end = tp->write_seq;
	}
	if (peer.unread + size > peer.room) {
		/* Back-pressure is TCP's: its windows fill and the writer waits. The order is kept, TCP's bytes queue behind. */
		count(COUNT_PASS_FULL);
		st->mode = MODE_TCP;
		goto pass;
	}
	if (config_trace && trace_message(msg, st, tp, 1) == SK_DROP)
		return SK_DROP;
	size = msg->size;
	__u64 key = st->peer;
	if (bpf_msg_redirect_hash(msg, &sockets, &key, BPF_F_INGRESS) != SK_PASS) {
		count(COUNT_PASS_NOT_ENROLLED);
		st->mode = MODE_TCP;
		st->passed_messages++;
		if (config_trace)
			trace_passed(st, size);
		return SK_PASS;
	}
	time_exchange(st, p);
	if (!(st->flags & STATE_CLIENT)) {
		p->server_bytes += size;
		p->server_messages++;
	}
	st->redirected_bytes += size;
	st->redirected_messages++;
	count(COUNT_REDIRECTED);
	if (st->flags & STATE_TAP)
		tap(msg, st);
	return SK_PASS;
pass:
	st->passed_messages++;
	return config_trace ? trace_message(msg, st, tp, 0) : SK_PASS;
}

/* The most that one bpf_skb_adjust_room takes off, and how many of them a segment can need. */
#define TRIM_BYTES 4095
#define TRIMS 160

/*
 * Lets everything pass: with it the kernel moves TCP's bytes into the same queue as redirected ones, so that their order and FIONREAD hold.
 * It moves whole segments, also one whose first bytes the program has (a read begun before enrolment ended after it): they are taken off.
 */
SEC("sk_skb")
int verdict(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = bpf_cast_to_kern_ctx(skb);
	struct tcp_sock *tp = bpf_rdonly_cast(kernel_skb->sk, bpf_core_type_id_kernel(struct tcp_sock));
	struct tcp_skb_cb *cb = bpf_rdonly_cast(kernel_skb->cb, bpf_core_type_id_kernel(struct tcp_skb_cb));
	__u32 read = tp->copied_seq - cb->seq;
	if ((__s32)read <= 0)
		return SK_PASS;
	count(COUNT_TRIMMED);
	for (int i = 0; i < TRIMS && read > 0; i++) {
		__u32 some = read < TRIM_BYTES ? read : TRIM_BYTES;
		if (bpf_skb_adjust_room(skb, -(__s32)some, 0, 0))
			break; /* no memory */
		read -= some;
	}
	if (read == 0)
		return SK_PASS;
	count(COUNT_TRIM_FAILED);
	return SK_DROP; /* rather a gap than bytes that come twice; neither is right, so it is counted apart */
}

#endif
