/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exchanges: one HTTP request and its answer, from the request's head, which decides ids, parent and sampling, to the record that the
 * daemon reads.
 */
#ifndef MITSU_EXCHANGE_H
#define MITSU_EXCHANGE_H

#define repeat(times, step, context) bpf_loop(times, step, context, 0)
#include "http1.h"

/* Read by one program at a time: busy while one does. A softirq may come while a message is being read, hence several per processor. */
struct reader {
	__u32 busy;
	__u32 pad;
	struct window window;
};
#define READERS 4
#define RECEIVED 16384 /* a power of two */

struct partial {
	char bytes[WINDOW];
};

MAP(connections, BPF_MAP_TYPE_HASH, MAX_PAIRS, __u64, struct connection, BPF_F_NO_PREALLOC); /* cookie of its first end → it */
MAP(blanks, BPF_MAP_TYPE_ARRAY, 1, __u32, struct connection, 0); /* one of zeros, to make others from */
MAP(births, BPF_MAP_TYPE_LRU_HASH, 16384, struct birth_key, __u64, 0); /* a client's SYN → its connection, for the server's end to find */
MAP(readers, BPF_MAP_TYPE_PERCPU_ARRAY, READERS, __u32, struct reader, 0);
MAP(partials, BPF_MAP_TYPE_HASH, 4096, __u64, struct partial, BPF_F_NO_PREALLOC); /* 2 × connection + stream → the head begun */
MAP(threads, BPF_MAP_TYPE_LRU_HASH, 32768, __u32, struct thread, 0); /* thread → requests it has read and not answered */
MAP(received, BPF_MAP_TYPE_ARRAY, RECEIVED, __u32, struct received,
    0); /* traceparents as services got them, by hash; the later takes the place */

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_PAIRS);
	__type(value, struct grave);
} graves SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} spans SEC(".maps");

static __always_inline __u64 random64(void)
{
	return (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
}

/* The next of a row of numbers that one random number begins (splitmix64, Steele et al. 2014): a helper call costs more. */
static __always_inline __u64 next64(__u64 *row)
{
	__u64 z = *row += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __always_inline __u64 exchange_id(const struct connection *c, __u32 number)
{
	return c->id * DEPTH + (number & (DEPTH - 1));
}

static __always_inline void end_on_thread(const struct connection *c, __u32 number, __u32 reader)
{
	struct thread *t = reader ? bpf_map_lookup_elem(&threads, &reader) : 0;
	if (!t)
		return;
	__sync_fetch_and_add(&t->open, -1);
	__sync_fetch_and_xor(&t->which, exchange_id(c, number));
}

/* Tells the daemon, which is woken only when much has come together: it looks by itself now and then. */
static __always_inline void tell(const struct connection *c, const struct exchange *x, __u64 now, __u32 ended)
{
	struct span_record *r = bpf_ringbuf_reserve(&spans, sizeof(*r), 0);
	if (!r) {
		count(COUNT_SPANS_LOST);
		return;
	}
	r->end_ns = now;
	r->start_ns = x->start_ns;
	r->read_ns = x->read_ns;
	r->request_bytes = x->request_bytes;
	r->answer_bytes = x->answer_bytes;
	r->status = x->status;
	r->exchange_flags = x->flags;
	r->stream = x->stream;
	r->fraction = *(const __u32 *)(x->trace + 12);
	r->connection = c->id;
	r->key = c->key;
	r->from = c->from;
	r->to = c->to;
	r->replica = c->replica;
	r->flags = (c->flags & (HERE_CLIENT | HERE_SERVER)) | ended;
	r->exchange = *x;
	__u64 waiting = bpf_ringbuf_query(&spans, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(r, waiting > (2 << 20) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Global functions, here and below: the verifier looks at each once and not again for each caller. */
__noinline int finish(struct connection *c, __u64 now, __u32 ended)
{
	if (!c)
		return 0;
	struct exchange *x = &c->exchanges[c->answered & (DEPTH - 1)];
	end_on_thread(c, c->answered, x->reader);
	tell(c, x, now, ended);
	c->answered++;
	return 0;
}

/* Whatever is outstanding will never be told apart: it ends here. */
static __always_inline void abandon(struct connection *c, __u64 now)
{
	for (int i = 0; i < DEPTH && c->answered != c->asked; i++)
		finish(c, now, SPAN_ABORTED);
}

__noinline int make_opaque(struct connection *c, __u8 why)
{
	if (!c || c->opaque)
		return 0;
	c->opaque = why;
	count(COUNT_OPAQUE_NOT_HTTP + (why - OPAQUE_NOT_HTTP));
	return 0;
}

/* ---- requests ---- */

/* Tables, not comparisons: each branch is one more path for the verifier. */
const char hex_digits[16] = "0123456789abcdef";
#define X 255
#define X16 X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X
const __u8 hex_values[256] = { X16, X16, X16, 0,  1,  2, 3, 4, 5, 6, 7, 8, 9, X, X,   X,   X,	X,   X,	  X16, X16, X,	 10,
			       11,  12,	 13,  14, 15, X, X, X, X, X, X, X, X, X, X16, X16, X16, X16, X16, X16, X16, X16, X16 };

static __always_inline void write_hex(char *to, const __u8 *from, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		to[2 * i] = hex_digits[from[i] >> 4];
		to[2 * i + 1] = hex_digits[from[i] & 15];
	}
}

/* The request that this thread is working on, when it is working on exactly one; `open` tells how many it is. */
static __always_inline struct exchange *request_of_thread(__u32 tid, __s32 *open)
{
	struct thread *t = tid ? bpf_map_lookup_elem(&threads, &tid) : 0;
	*open = t ? t->open : 0;
	if (*open != 1)
		return 0;
	__u64 which = t->which, id = which / DEPTH;
	struct connection *parent = bpf_map_lookup_elem(&connections, &id);
	if (!parent || parent->opaque || parent->asked == parent->answered)
		return 0;
	struct exchange *p = &parent->exchanges[which & (DEPTH - 1)];
	return p->reader == tid ? p : 0;
}

/* Who asked for this request: its thread's one open request, or what its client's node said beside the stream. */
static __always_inline void inherit(const struct connection *c, __u32 tid, struct exchange *x)
{
	__s32 open;
	struct exchange *p = request_of_thread(tid, &open);
	if (p) {
		__builtin_memcpy(x->trace, p->trace, 16);
		x->parent = p->server_span;
		x->flags |= EXCHANGE_LINKED | (p->flags & EXCHANGE_SAMPLED);
		return;
	}
	if (open > 1)
		x->flags |= EXCHANGE_AMBIGUOUS;
	if (!(c->flags & CLIENT_ELSEWHERE))
		return;
	x->parent = x->client_span;
	x->flags |= EXCHANGE_CARRIED;
	if (c->carried.given) {
		__builtin_memcpy(x->trace, c->carried.trace, 16);
		x->flags |= EXCHANGE_LINKED | (c->carried.sampled ? EXCHANGE_SAMPLED : 0);
	}
}

/*
 * The connection's name decides the ids of its exchanges, so that two nodes which see the same request agree on them without a byte more
 * on the wire; unless it stays on one node, where nobody else need know them.
 */
static __always_inline void seed_ids(struct connection *c)
{
	const __u64 *name = (const __u64 *)&c->key;
	__u64 a = 0, b = ~0ULL;
	for (int i = 0; i < sizeof(c->key) / 8; i++) {
		a ^= name[i];
		b += name[i];
		a = next64(&a);
		b = next64(&b);
	}
	c->seed[0] = a;
	c->seed[1] = b;
}

static __always_inline void seed_by_chance(struct connection *c)
{
	c->seed[0] ^= random64();
	c->seed[1] ^= random64();
}

/* Begins an exchange whose request has come: its ids; its parent, where it is known without its head; else whether it is sampled. */
__noinline int begin_exchange(struct connection *c, struct exchange *x, __u32 thread, __u64 now)
{
	if (!c || !x)
		return 0;
	__u64 place = (__u64)(x->stream ? x->stream : c->asked) * 0xd1b54a32d192ed03ULL;
	__u64 spans_row = c->seed[0] + place, trace_row = c->seed[1] + place;
	count(COUNT_REQUESTS);
	x->client_span = next64(&spans_row);
	x->server_span = next64(&spans_row);
	x->parent = 0;
	x->start_ns = now;
	x->read_ns = 0;
	x->first_ns = 0;
	x->answer_bytes = 0;
	x->reader = 0;
	x->status = 0;
	x->flags = 0;
	inherit(c, thread, x);
	if (x->flags & EXCHANGE_LINKED)
		return 0;
	__u64 *trace = (__u64 *)x->trace;
	trace[0] = next64(&trace_row);
	trace[1] = next64(&trace_row);
	if (c->sampling == ~0U || (__u32)trace[1] < c->sampling)
		x->flags |= EXCHANGE_SAMPLED;
	return 0;
}

#endif
