/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A traced client's socket as it is connected: it enters the socket map, so that its very first request can be given a traceparent; or,
 * where requests get none and the server is on another node, it begins to tell the trace beside the stream (side_band.h).
 */
#ifndef MITSU_ESTABLISHED_H
#define MITSU_ESTABLISHED_H

/* Off where the self-test found that sockets may not enter the map at all. */
const volatile __u32 config_inject = 1;

/* Alone there it sends by TCP as before (STATE_INJECTS); should its other end be on this node too, the daemon couples both later. */
static __always_inline int enter_alone(struct bpf_sock_ops *ctx, struct sock_state *st, struct connection *c, struct tcp_sock *tp)
{
	__u32 service = st->service;
	struct service *s = bpf_map_lookup_elem(&services, &service);
	if (!config_inject || !(c->flags & PROPAGATE_HEADER) || !c->sampling || !s || s->redirect == REDIRECT_OFF)
		return 0;
	__u32 facts = facts_of((struct sock *)tp, tp, 0);
	if ((facts & FACTS_AGAINST) || !((facts & FACT_NONBLOCK) || s->redirect == REDIRECT_ON))
		return 0;
	__u64 cookie = bpf_get_socket_cookie(ctx);
	st->cookie = cookie;
	st->mode = MODE_OFF;
	st->slot = 0;
	if (bpf_sock_hash_update(ctx, &sockets, &cookie, BPF_NOEXIST))
		return 0;
	st->flags |= STATE_ENROLLED | STATE_INJECTS;
	return 1;
}

/* What the longest option takes, in words of four bytes. */
#define OPTION_ROOM 28

/*
 * Is there room for an option in the segment? Its bytes may have been counted out when none was planned: with one it would be longer than
 * the path takes. Without a segment (skb_len 0) it is only planned, and segments are made shorter.
 */
static __always_inline int has_room(struct bpf_sock_ops *ctx, struct tcp_sock *tp)
{
	struct bpf_sock_ops_kern *kernel_ctx = bpf_cast_to_kern_ctx(ctx);
	struct sk_buff *skb = bpf_rdonly_cast(kernel_ctx->skb, bpf_core_type_id_kernel(struct sk_buff));
	struct tcp_skb_cb *cb = bpf_rdonly_cast(skb->cb, bpf_core_type_id_kernel(struct tcp_skb_cb));
	__u32 bytes = ctx->skb_len;
	if (bytes > cb->tcp_gso_size && cb->tcp_gso_segs > 1)
		bytes = cb->tcp_gso_size;
	return bytes == 0 || bytes + OPTION_ROOM <= tp->mss_cache;
}

/* Asked for each segment, and also without one, for how much of a segment options take. */
static __always_inline void beside_segment(struct bpf_sock_ops *ctx, struct sock_state *st, const struct connection *c, struct tcp_sock *tp)
{
	struct side_band o = {};
	__u32 length = say_side_band(c, tp, &o);
	if (!length) {
		st->flags |= STATE_SPOKE;
		return;
	}
	if (ctx->op == BPF_SOCK_OPS_WRITE_HDR_OPT_CB)
		bpf_store_hdr_opt(ctx, &o, length, 0);
	else if (has_room(ctx, tp))
		bpf_reserve_hdr_opt(ctx, length, 0);
}

SEC("sockops")
int established(struct bpf_sock_ops *ctx)
{
	__u32 op = ctx->op;
	int begins = op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB;
	if (!begins && op != BPF_SOCK_OPS_HDR_OPT_LEN_CB && op != BPF_SOCK_OPS_WRITE_HDR_OPT_CB)
		return 1;
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	/* Most have nothing to say: this comes several times a segment. */
	if (st && !begins && st->flags & STATE_SPOKE && !bpf_map_lookup_elem(&threads, &tid))
		return 1;
	struct connection *c = st && st->flags & STATE_CLIENT ? connection_of(st) : 0;
	struct tcp_sock *tp = c ? bpf_skc_to_tcp_sock(sk) : 0;
	if (!tp)
		return 1;
	if (!begins)
		beside_segment(ctx, st, c, tp);
	else if (!(st->flags & STATE_ENROLLED) && !enter_alone(ctx, st, c, tp) && (c->flags & (HERE_CLIENT | ANSWERS_HERE)) == HERE_CLIENT)
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
	return 1;
}

#endif
