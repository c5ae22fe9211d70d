/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace context between nodes beside the stream: an experimental TCP option (RFC 6994) on the segments of a client whose requests get no
 * header. Which request lies in a segment is not known when its options are written, and need not be: both ends derive the same ids from
 * the connection's name. The option tells what cannot be derived: that the client is traced, its sampling, and the trace that the sending
 * thread works for.
 */
#ifndef MITSU_SIDE_BAND_H
#define MITSU_SIDE_BAND_H

#define OPTION_KIND 253 /* RFC 4727, section 2.2 */
#define OPTION_MAGIC bpf_htons(0x4d74) /* "Mt" */
#define TIMESTAMPS 12 /* with the two bytes that align it: the only option that may stand before ours */

struct side_band {
	__u8 kind;
	__u8 length; /* LENGTH_SHORT without what is behind `sampling` */
	__be16 magic;
	__u32 sampling; /* of the client's service, as in struct service; little-endian */
	__u8 sampled; /* of `trace` */
	__u8 trace[16];
} __attribute__((packed));

#define LENGTH_SHORT 8
#define LENGTH_WHOLE sizeof(struct side_band)

/* A server's end reads what the segment carries beside its payload. */
static __always_inline void read_side_band(struct connection *c, struct __sk_buff *skb, const struct segment *g)
{
	struct side_band o;
	__u32 room = g->base - g->options;
	if (room < LENGTH_SHORT || bpf_skb_load_bytes(skb, g->options, &o, LENGTH_SHORT))
		return;
	__u32 at = g->options;
	if (o.kind != OPTION_KIND && room >= TIMESTAMPS + LENGTH_SHORT) {
		at += TIMESTAMPS;
		if (bpf_skb_load_bytes(skb, at, &o, LENGTH_SHORT))
			return;
	}
	if (o.kind != OPTION_KIND || o.magic != OPTION_MAGIC || o.length < LENGTH_SHORT)
		return;
	c->sampling = o.sampling;
	__sync_fetch_and_or(&c->flags, CLIENT_ELSEWHERE);
	if (o.length != LENGTH_WHOLE || at + LENGTH_WHOLE > g->base || bpf_skb_load_bytes(skb, at, &o, LENGTH_WHOLE))
		return;
	__builtin_memcpy(c->carried.trace, o.trace, 16);
	c->carried.sampled = o.sampled;
	c->carried.given = 1;
}

/* Who sends, when it is its own doing: a thread that holds the socket's lock, not whoever an acknowledgement interrupted. */
static __always_inline __u32 sending_thread(struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	return sk->sk_lock.owned ? (__u32)bpf_get_current_pid_tgid() : 0;
}

/* What this end would say beside the segment that it sends now; its length, 0 nothing. */
static __always_inline __u32 say_side_band(const struct connection *c, struct tcp_sock *tp, struct side_band *o)
{
	__s32 open;
	struct exchange *p = request_of_thread(sending_thread(tp), &open);
	if (!p && c->next[0] != c->key.isn + 1)
		return 0; /* the first segment has said that we are traced */
	o->kind = OPTION_KIND;
	o->length = p ? LENGTH_WHOLE : LENGTH_SHORT;
	o->magic = OPTION_MAGIC;
	o->sampling = c->sampling;
	if (p) {
		o->sampled = p->flags & EXCHANGE_SAMPLED;
		__builtin_memcpy(o->trace, p->trace, 16);
	}
	return o->length;
}

#endif
