/* SPDX-License-Identifier: GPL-2.0-only */
/* A socket's birth as a listener and its end. */
#ifndef MITSU_LIFETIME_H
#define MITSU_LIFETIME_H

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
	end_traced(st);
	if (st->flags & STATE_COUNTED) {
		struct load *l = bpf_map_lookup_elem(&loads, &st->replica);
		if (l)
			__sync_fetch_and_add(&l->active, -1);
		st->flags &= ~STATE_COUNTED;
	}
	__u32 to = st->asked_service ? st->asked_service : st->peer_service;
	if (!(st->flags & STATE_CLIENT) || !to)
		return 1;
	struct traffic *t = cell(st->service, to);
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
