/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup/sock_addr hooks: where a connect or a datagram goes, and what the program is shown of it. */
#ifndef MITSU_CONNECT_H
#define MITSU_CONNECT_H

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
		st->peer_service = v.peer;
		st->asked_service = v.nic ? v.service : 0;
		st->flags |= STATE_CLIENT;
		st->connection = 0;
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

#endif
