/* SPDX-License-Identifier: GPL-2.0-only */
/* A traced client's socket enters the socket map the moment it is connected, so that its very first request can be given a traceparent. */
#ifndef MITSU_ESTABLISHED_H
#define MITSU_ESTABLISHED_H

/* Off where the self-test found that sockets may not enter the map at all. */
const volatile __u32 config_inject = 1;

/* Alone there it sends by TCP as before (STATE_INJECTS); should its other end be on this node too, the daemon couples both later. */
SEC("sockops")
int established(struct bpf_sock_ops *ctx)
{
	if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || !config_inject)
		return 1;
	struct bpf_sock *sk = ctx->sk;
	if (!sk)
		return 1;
	struct sock_state *st = bpf_sk_storage_get(&states, sk, 0, 0);
	struct connection *c = st && !(st->flags & STATE_ENROLLED) ? connection_of(st) : 0;
	if (!c || !(c->flags & PROPAGATE_HEADER) || !c->sampling)
		return 1;
	__u32 service = st->service;
	struct service *s = bpf_map_lookup_elem(&services, &service);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!s || s->redirect == REDIRECT_OFF || !tp)
		return 1;
	__u32 facts = facts_of((struct sock *)tp, tp, 0);
	if ((facts & FACTS_AGAINST) || !((facts & FACT_NONBLOCK) || s->redirect == REDIRECT_ON))
		return 1;
	__u64 cookie = bpf_get_socket_cookie(ctx);
	st->cookie = cookie;
	st->mode = MODE_OFF;
	st->slot = 0;
	if (bpf_sock_hash_update(ctx, &sockets, &cookie, BPF_NOEXIST) == 0)
		st->flags |= STATE_ENROLLED | STATE_INJECTS;
	return 1;
}

#endif
