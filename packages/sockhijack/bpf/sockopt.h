/* SPDX-License-Identifier: GPL-2.0-only */
/* What getsockopt shows, and which setsockopt ends a coupling. */
#ifndef MITSU_SOCKOPT_H
#define MITSU_SOCKOPT_H

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

/* Options whose effect is lost to a socket that reads through the map; the scan reads the same from the socket (facts_of in scan.h). */
static __always_inline int loses(int level, int name)
{
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

/*
 * A socket in the map leaves it when its program sets such an option; before that the scan keeps it out. Others are refused, and programs
 * do without, as on older kernels: kernel TLS on a socket in the map corrupts records, a zero-copy send never completes, and TCP_INQ's
 * control message never comes, which gRPC's C core asks for on every connection and would lose its traceparents by.
 */
SEC("cgroup/setsockopt")
int setsockopt(struct bpf_sockopt *ctx)
{
	int level = ctx->level, name = ctx->optname;
	int refused = level == SOL_TCP_ ? name == TCP_ULP_ || name == TCP_INQ_ : level == SOL_SOCKET_ && name == SO_ZEROCOPY_;
	if (!refused && !loses(level, name))
		goto untouched;
	struct bpf_sock *sk = ctx->sk;
	struct sock_state *st = sk ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || !(st->flags & STATE_ENROLLED))
		goto untouched;
	if (level != SOL_TCP_ || name != TCP_INQ_) {
		st->flags |= STATE_OPTED_OUT;
		kick(bpf_get_netns_cookie(ctx), EVENT_OPTED_OUT);
	}
	if (refused) {
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

#endif
