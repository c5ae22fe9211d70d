/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells nicd who opened a connection that was sent to it, and what for: nicd sees its own address and an ephemeral port only. */
#ifndef MITSU_CALLERS_H
#define MITSU_CALLERS_H

static __always_inline void name_ends(struct caller_key *key, struct sock *sk, int of_client)
{
	__be16 own = bpf_htons(sk->__sk_common.skc_num), other = sk->__sk_common.skc_dport;
	copy_ip(key->remote_ip, sk, !of_client);
	copy_ip(key->local_ip, sk, of_client);
	key->remote_port = of_client ? own : other;
	key->local_port = of_client ? other : own;
}

/* The client's end is connected; its last part of the handshake has not left yet, so nicd cannot have accepted. */
static __always_inline void tell_caller(struct bpf_sock_ops *ctx, const struct sock_state *st, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	struct cgroup *cg = sk->sk_cgrp_data.cgroup;
	struct caller_key key = {};
	struct caller caller = {
		.cookie = bpf_get_socket_cookie(ctx),
		.cgroup = cg ? cg->kn->id : 0,
		.asked = st->asked,
		.service = st->service,
		.asked_service = st->asked_service,
		.first = tp->snd_una,
	};
	name_ends(&key, sk, 1);
	bpf_map_update_elem(&callers, &key, &caller, BPF_ANY);
}

/*
 * nicd's end is connected. What is known by these addresses must be of this very connection: an entry stays when a connection ends before
 * nicd took it, and a program that was not sent here could come from the same port and pass for another.
 */
static __always_inline void check_caller(struct tcp_sock *tp)
{
	struct caller_key key = {};
	name_ends(&key, (struct sock *)tp, 0);
	struct caller *known = bpf_map_lookup_elem(&callers, &key);
	if (!known || known->first == tp->rcv_nxt)
		return;
	bpf_map_delete_elem(&callers, &key);
	count(COUNT_NIC_STALE);
}

/* Attached only while some service's connections go to nicd. */
SEC("sockops")
int via_nic(struct bpf_sock_ops *ctx)
{
	__u32 op = ctx->op;
	if (op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || !(op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ? st->asked_service != 0 : is_nic(st->service)))
		return 1;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 1;
	if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		tell_caller(ctx, st, tp);
	else
		check_caller(tp);
	return 1;
}

#endif
