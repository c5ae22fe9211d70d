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

#define repeat(times, step, context) bpf_loop(times, step, context, 0)
#include "http1.h"

/* A header line: "traceparent: ", its value, CRLF. */
#define HEADER_BYTES (13 + TRACEPARENT_BYTES + 2)
/* The first look at a message: most heads are shorter. */
#define FIRST_LOOK 1024
/* Steps of one message or segment: heads, bodies, parts of chunked framing. */
#define FEED_STEPS 512
/* A message longer than this is not made one piece after injection. */
#define LINEAR_BYTES 4096
/* A connection that has ended is kept so long, since the other end's processor may still be in it. */
#define GRAVE_NS 1000000000ULL

/* While nothing is traced `redirect` is loaded without the parser: the verifier need not look at what is never reached. */
const volatile __u32 config_trace = 1;

/* For tests: every injection fails half-way. */
const volatile __u32 config_inject_fault = 0;

#define UNTRACED (~0ULL) /* sock_state.connection: looked at, and not to be traced */

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

/* One run over a message or a segment. */
struct feed {
	struct sk_msg_md *msg;
	struct __sk_buff *skb;
	struct connection *c;
	struct window *w;
	__u64 now;
	__u32 at; /* bytes taken so far */
	__u32 size;
	__u32 base; /* where the payload begins in a segment */
	__u32 stream; /* 0 requests, 1 answers */
	__u32 wide; /* the first look did not suffice */
	__u32 thread; /* that sends, 0 unknown */
	__u32 room; /* bytes by which the message may grow */
	__u32 drop; /* an injection failed half-way and cannot be taken back */
	__u32 redirected;
	__u32 pulled; /* the message's window was moved */
};

static __always_inline struct reader *claim_reader(void)
{
	for (__u32 i = 0; i < READERS; i++) {
		__u32 index = i;
		struct reader *r = bpf_map_lookup_elem(&readers, &index);
		if (r && __sync_lock_test_and_set(&r->busy, 1) == 0)
			return r;
	}
	return 0;
}

static __always_inline void free_reader(struct reader *r)
{
	__sync_lock_test_and_set(&r->busy, 0);
}

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

/* ---- where the bytes are ---- */

static __always_inline int load(struct feed *f, __u32 at, __u32 want, char *to, int is_msg)
{
	if (want == 0 || want > WINDOW)
		return -1;
	if (!is_msg)
		return bpf_skb_load_bytes(f->skb, f->base + at, to, want);
	struct sk_msg_md *msg = f->msg;
	void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
	if (f->pulled || at != 0 || data + want > end) {
		f->pulled = 1; /* from here on `data` may begin somewhere else */
		if (bpf_msg_pull_data(msg, at, at + want, 0))
			return -1;
		data = (void *)(long)msg->data, end = (void *)(long)msg->data_end;
		if (data + want > end)
			return -1;
	}
	return bpf_probe_read_kernel(to, want, data);
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

static __always_inline int read_hex(struct window *w, __u32 at, __u8 *to, int bytes)
{
	__u8 bad = 0, some = 0;
	for (int i = 0; i < bytes; i++) {
		__u8 high = hex_values[(__u8)AT(w, at + 2 * i)], low = hex_values[(__u8)AT(w, at + 2 * i + 1)];
		bad |= (high | low) & 0xf0;
		to[i] = high << 4 | low;
		some |= to[i];
	}
	return !bad && some;
}

/* Version 00 and lower-case hexadecimal, neither id all zero (section 3.2.2). */
__noinline int read_traceparent(struct window *w, __u32 at, struct exchange *x)
{
	if (!w || !x)
		return 0;
	__u8 dashes = (AT(w, at) ^ '0') | (AT(w, at + 1) ^ '0') | (AT(w, at + 2) ^ '-') | (AT(w, at + 35) ^ '-') | (AT(w, at + 52) ^ '-');
	__u8 high = hex_values[(__u8)AT(w, at + 53)], low = hex_values[(__u8)AT(w, at + 54)];
	if (dashes || ((high | low) & 0xf0))
		return 0;
	if (!read_hex(w, at + 3, x->trace, 16) || !read_hex(w, at + 36, (__u8 *)&x->parent, 8))
		return 0;
	if (low & 1)
		x->flags |= EXCHANGE_SAMPLED;
	return 1;
}

/* The request that this thread is working on, when it is working on exactly one. */
static __always_inline void inherit(__u32 tid, struct exchange *x)
{
	struct thread *t = tid ? bpf_map_lookup_elem(&threads, &tid) : 0;
	if (!t || t->open <= 0)
		return;
	if (t->open > 1) {
		x->flags |= EXCHANGE_AMBIGUOUS;
		return;
	}
	__u64 which = t->which, id = which / DEPTH;
	struct connection *parent = bpf_map_lookup_elem(&connections, &id);
	if (!parent || parent->opaque || parent->asked == parent->answered)
		return;
	struct exchange *p = &parent->exchanges[which & (DEPTH - 1)];
	if (p->reader != tid)
		return;
	__builtin_memcpy(x->trace, p->trace, 16);
	x->parent = p->server_span;
	x->flags |= EXCHANGE_LINKED | (p->flags & EXCHANGE_SAMPLED);
}

/* The header line is made in the window's second half, which no head reaches once it has been read. */
#define LINE(w) ((w)->bytes + WINDOW)
#define LINE_PARENT 49

/*
 * "traceparent: 00-<trace>-<span>-01" CRLF. A program on this node sees its own server's span, so that what it begins are its children;
 * one elsewhere sees its client's, of which the span that its own node makes is the child.
 */
__noinline int write_line(struct window *w, struct exchange *x, __u32 server_here)
{
	if (!w || !x)
		return 0;
	char *line = LINE(w);
	__builtin_memcpy(line, "traceparent: 00-", 16);
	write_hex(line + 16, x->trace, 16);
	line[48] = '-';
	write_hex(line + LINE_PARENT, (const __u8 *)(server_here ? &x->server_span : &x->client_span), 8);
	line[65] = '-';
	line[66] = '0';
	line[67] = '0' + (x->flags & EXCHANGE_SAMPLED);
	line[68] = '\r';
	line[69] = '\n';
	return 0;
}

/* Writes the header before the head's last CRLF. The message is as it was unless this returns 1 or sets f->drop. */
static __always_inline int inject(struct feed *f, struct exchange *x, __u32 at)
{
	struct sk_msg_md *msg = f->msg;
	struct window *w = f->w;
	__u32 total = f->size + HEADER_BYTES;
	if (at > 65535 || f->room < HEADER_BYTES || bpf_msg_push_data(msg, at, HEADER_BYTES, 0))
		return 0;
	write_line(w, x, f->c->flags & HERE_SERVER);
	/* In one piece, or each piece becomes a TCP segment of its own. */
	int fault = config_inject_fault;
	if (total <= LINEAR_BYTES && !fault && !bpf_msg_pull_data(msg, 0, total, 0)) {
		void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
		__u32 offset = at & (LINEAR_BYTES - 1);
		if (data + offset + HEADER_BYTES <= end) {
			__builtin_memcpy(data + offset, LINE(w), HEADER_BYTES);
			return 1;
		}
	}
	if (!fault && !bpf_msg_pull_data(msg, at, at + HEADER_BYTES, 0)) {
		void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
		if (data + HEADER_BYTES <= end) {
			__builtin_memcpy(data, LINE(w), HEADER_BYTES);
			return 1;
		}
	}
	if (bpf_msg_pop_data(msg, at, HEADER_BYTES, 0))
		f->drop = 1; /* neither in nor out: rather no message than a wrong one */
	return 0;
}

/* Puts our span in the place of the caller's, of which ours is the child. */
static __always_inline int replace_parent(struct feed *f, struct exchange *x, __u32 at)
{
	struct sk_msg_md *msg = f->msg;
	struct window *w = f->w;
	if (at > 65535 || bpf_msg_pull_data(msg, at, at + 16, 0))
		return 0;
	write_line(w, x, f->c->flags & HERE_SERVER);
	void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
	if (data + 16 > end)
		return 0;
	__builtin_memcpy(data, LINE(w) + LINE_PARENT, 16);
	return 1;
}

static __always_inline int is_connect(const struct exchange *x)
{
	return (*(const __u64 *)x->line) == CHARS('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ');
}

static __always_inline struct received *received_at(__u64 trace, span_id parent)
{
	__u32 slot = (__u32)((trace ^ parent) * 0x9e3779b97f4a7c15ULL >> 40) & (RECEIVED - 1);
	return bpf_map_lookup_elem(&received, &slot);
}

/* Begins the exchange of a request whose head is in the window: its ids, its parent, whether it is sampled. */
__noinline int begin_exchange(struct connection *c, struct window *w, __u32 thread, __u64 now)
{
	if (!c || !w)
		return 0;
	struct head *h = &w->head;
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	__u64 row = random64() ^ now;
	count(COUNT_REQUESTS);
	x->parent = 0;
	x->client_span = next64(&row);
	x->server_span = next64(&row);
	x->start_ns = now;
	x->read_ns = 0;
	x->first_ns = 0;
	x->request_bytes = h->length;
	x->answer_bytes = 0;
	x->reader = 0;
	x->status = 0;
	x->flags = 0;
	x->method = h->method;
	x->target = h->target;
	bpf_probe_read_kernel(x->line, LINE_BYTES, w->bytes);
	if (h->traceparents == 1 && read_traceparent(w, h->traceparent, x)) {
		x->flags |= EXCHANGE_CONTINUED;
		/* The program passed on what it got: its server's span stands between. */
		__u64 trace = *(__u64 *)(x->trace + 8);
		struct received *got = received_at(trace, x->parent);
		if (got && got->parent == x->parent && got->trace == trace && got->service == c->from)
			x->parent = got->span;
		return 1;
	}
	inherit(thread, x);
	if (x->flags & EXCHANGE_LINKED)
		return 0;
	x->parent = 0;
	*(__u64 *)x->trace = next64(&row);
	*(__u64 *)(x->trace + 8) = random64();
	if (c->sampling == ~0U || (__u32)next64(&row) < c->sampling)
		x->flags |= EXCHANGE_SAMPLED;
	return 0;
}

/* The header did not get our span: should the server's program pass it on, its request still is our server's child. */
__noinline int remember_received(struct connection *c, struct window *w)
{
	if (!c || !w || !(c->flags & HERE_SERVER))
		return 0;
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	span_id parent;
	__u64 trace = *(__u64 *)(x->trace + 8);
	read_hex(w, w->head.traceparent + 36, (__u8 *)&parent, 8);
	struct received *got = received_at(trace, parent);
	if (!got)
		return 0;
	got->parent = 0; /* nobody believes it while it is being written */
	barrier();
	got->trace = trace;
	got->service = c->to;
	got->span = x->server_span;
	barrier();
	got->parent = parent;
	return 0;
}

/* A request's head is in the window; `held` of its bytes were sent before. Returns by how much the message grew. */
static __always_inline __u32 on_request(struct feed *f, __u32 held, int is_msg)
{
	struct connection *c = f->c;
	struct window *w = f->w;
	struct head *h = &w->head;
	if (c->asked - c->answered >= DEPTH) {
		make_opaque(c, OPAQUE_DEEP);
		return 0;
	}
	int continued = begin_exchange(c, w, f->thread, f->now);
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	__u32 grew = 0;
	if (f->redirected)
		x->flags |= EXCHANGE_REDIRECTED;
	if (is_msg && (c->flags & PROPAGATE_HEADER) && c->sampling) {
		__u32 parent_at = h->traceparent + 36, end_at = h->length - 2;
		int done = 0;
		if (continued)
			done = parent_at >= held && replace_parent(f, x, f->at + parent_at - held);
		else if (h->traceparents == 0 && end_at >= held)
			done = inject(f, x, f->at + end_at - held);
		if (done) {
			x->flags |= EXCHANGE_INJECTED;
			if (!continued) {
				grew = HEADER_BYTES;
				x->request_bytes += grew;
			}
		}
		count(!done ? COUNT_NOT_INJECTED : continued ? COUNT_CONTINUED : COUNT_INJECTED);
	}
	if (continued && !(x->flags & EXCHANGE_INJECTED))
		remember_received(c, w);
	begin_body(&c->streams[0], h, 1);
	if (is_connect(x))
		c->streams[0].phase = PHASE_UNTIL_CLOSE; /* what follows is the tunnel's, should there be one */
	barrier();
	c->asked++;
	return grew;
}

/* ---- answers ---- */

__noinline int on_answer(struct connection *c, struct window *w, __u64 now, __u32 redirected)
{
	if (!c || !w)
		return 0;
	struct head *h = &w->head;
	if (c->asked == c->answered)
		return make_opaque(c, OPAQUE_UNASKED);
	struct exchange *x = &c->exchanges[c->answered & (DEPTH - 1)];
	__u16 status = h->status;
	__u64 method = *(__u64 *)x->line;
	if (status < 200 && status != 101)
		return 0; /* the answer is still to come (RFC 9110, section 15.2) */
	x->status = status;
	x->first_ns = now;
	x->answer_bytes = h->length;
	if (redirected)
		x->flags |= EXCHANGE_REDIRECTED;
	int head_only = (method & 0xffffffffffULL) == CHARS('H', 'E', 'A', 'D', ' ', 0, 0, 0);
	int tunnel = is_connect(x) && status < 300;
	struct framing *s = &c->streams[1];
	if (status == 101 || tunnel) {
		finish(c, now, 0);
		return make_opaque(c, OPAQUE_UPGRADED);
	}
	if (head_only || status == 204 || status == 304)
		s->phase = PHASE_HEAD;
	else
		begin_body(s, h, 0);
	if (s->phase == PHASE_HEAD)
		finish(c, now, 0);
	return 0;
}

/* ---- one message or segment ---- */

static __always_inline void took(struct feed *f, __u32 bytes)
{
	struct connection *c = f->c;
	if (f->stream == 0)
		c->exchanges[(c->asked - 1) & (DEPTH - 1)].request_bytes += bytes;
	else
		c->exchanges[c->answered & (DEPTH - 1)].answer_bytes += bytes;
	f->at += bytes;
}

static __always_inline long read_some_head(struct feed *f, struct framing *s, int is_msg)
{
	struct connection *c = f->c;
	struct window *w = f->w;
	__u64 key = c->id * 2 + f->stream;
	__u32 held = s->held, all = f->size - f->at;
	if (held >= WINDOW)
		return make_opaque(c, OPAQUE_LONG_HEAD), 1;
	__u32 fits = WINDOW - held;
	__u32 may = all < fits ? all : fits;
	__u32 want = !f->wide && may > FIRST_LOOK ? FIRST_LOOK : may;
	if (held) {
		struct partial *p = bpf_map_lookup_elem(&partials, &key);
		if (!p || bpf_probe_read_kernel(w->bytes, held & (WINDOW - 1), p->bytes))
			return make_opaque(c, OPAQUE_GAP), 1;
	}
	/* The window is longer than WINDOW by its slack, and held + want is at most WINDOW. */
	if (load(f, f->at, want, w->bytes + (held & (WINDOW - 1)), is_msg))
		return make_opaque(c, OPAQUE_GAP), 1;
	__u8 why = read_head(w, held + want, f->stream == 0);
	if (why != OPAQUE_NO)
		return make_opaque(c, why), 1;
	struct head *h = &w->head;
	if (!h->length) {
		if (want < may) {
			f->wide = 1;
			return 0;
		}
		if (bpf_map_update_elem(&partials, &key, w->bytes, BPF_ANY))
			return make_opaque(c, OPAQUE_GAP), 1;
		s->held = held + want;
		f->at += want;
		return 0;
	}
	f->wide = 0;
	if (held) {
		bpf_map_delete_elem(&partials, &key);
		s->held = 0;
	}
	if (h->length <= held)
		return make_opaque(c, OPAQUE_GAP), 1;
	__u32 used = h->length - held;
	if (f->stream == 0)
		used += on_request(f, held, is_msg);
	else
		on_answer(c, w, f->now, f->redirected);
	f->size += used - (h->length - held);
	f->at += used;
	return c->opaque || f->drop;
}

static __always_inline long read_some_framing(struct feed *f, struct framing *s, int is_msg)
{
	__u32 have = f->size - f->at;
	if (have > CHUNK_LOOK)
		have = CHUNK_LOOK;
	if (load(f, f->at, have, f->w->bytes, is_msg))
		return make_opaque(f->c, OPAQUE_GAP), 1;
	struct framing now = *s;
	__u32 taken = read_framing(&now, f->w, have);
	*s = now;
	took(f, taken & (MESSAGE_ENDED - 1));
	if (now.phase == PHASE_OPAQUE)
		return make_opaque(f->c, now.opaque), 1;
	if (taken & MESSAGE_ENDED && f->stream == 1)
		finish(f->c, f->now, 0);
	return 0;
}

static __always_inline long step(struct feed *f, int is_msg)
{
	struct connection *c = f->c;
	if (!c || !f->w || c->opaque || f->at >= f->size)
		return 1;
	struct framing *s = &c->streams[f->stream & 1];
	if (s->phase == PHASE_HEAD)
		return read_some_head(f, s, is_msg);
	if (s->phase == PHASE_UNTIL_CLOSE) {
		took(f, f->size - f->at);
		return 1;
	}
	if (s->phase != PHASE_BODY && s->phase != PHASE_CHUNK_DATA)
		return read_some_framing(f, s, is_msg);
	__u32 have = f->size - f->at;
	__u32 some = s->left < have ? (__u32)s->left : have;
	s->left -= some;
	took(f, some);
	if (s->left)
		return 0;
	if (s->phase == PHASE_CHUNK_DATA) {
		s->phase = PHASE_CHUNK_END_CR;
	} else {
		s->phase = PHASE_HEAD;
		if (f->stream == 1)
			finish(c, f->now, 0);
	}
	return 0;
}

static long step_message(__u32 index, void *context)
{
	return step(context, 1);
}

static long step_segment(__u32 index, void *context)
{
	return step(context, 0);
}

/* Bodies and tunnels need no look at the bytes. */
static __always_inline int only_counts(const struct framing *s, __u32 bytes)
{
	return (s->phase == PHASE_BODY || s->phase == PHASE_CHUNK_DATA) && s->left > bytes;
}

static __always_inline void feed(struct feed *f, int is_msg)
{
	struct connection *c = f->c;
	struct framing *s = &c->streams[f->stream & 1];
	if (only_counts(s, f->size - f->at)) {
		s->left -= f->size - f->at;
		took(f, f->size - f->at);
		return;
	}
	struct reader *r = claim_reader();
	if (!r) {
		make_opaque(c, OPAQUE_GAP);
		return;
	}
	f->w = &r->window;
	bpf_loop(FEED_STEPS, is_msg ? step_message : step_segment, f, 0);
	if (f->at < f->size && !c->opaque && !f->drop)
		make_opaque(c, OPAQUE_DEEP);
	free_reader(r);
}

static __always_inline struct connection *connection_of(struct sock_state *st)
{
	__u64 id = st->connection;
	if (id == 0 || id == UNTRACED)
		return 0;
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	if (!c)
		st->connection = UNTRACED;
	/* One that is left alone keeps its name: end_traced() must find it, or it is never buried. */
	return c && !c->opaque ? c : 0;
}

/* ---- packets ---- */

struct segment {
	__u8 from[16];
	__u8 to[16];
	__be16 from_port;
	__be16 to_port;
	__u32 seq;
	__u32 payload; /* bytes */
	__u32 base;
	__u8 syn, ack;
};

static __always_inline int read_segment(struct __sk_buff *skb, struct segment *g)
{
	struct tcphdr tcp;
	__u32 base;
	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr ip;
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP)
			return 0;
		set_ip4(g->from, ip.saddr);
		set_ip4(g->to, ip.daddr);
		base = ip.ihl * 4;
	} else {
		struct ipv6hdr ip;
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.nexthdr != IPPROTO_TCP)
			return 0;
		__builtin_memcpy(g->from, &ip.saddr, 16);
		__builtin_memcpy(g->to, &ip.daddr, 16);
		base = sizeof(ip);
	}
	if (bpf_skb_load_bytes(skb, base, &tcp, sizeof(tcp)))
		return 0;
	g->from_port = tcp.source;
	g->to_port = tcp.dest;
	g->seq = bpf_ntohl(tcp.seq);
	g->syn = tcp.syn;
	g->ack = tcp.ack;
	g->base = base + tcp.doff * 4;
	if (skb->len < g->base)
		return 0;
	g->payload = skb->len - g->base;
	return 1;
}

static __always_inline void feed_segment(struct connection *c, struct __sk_buff *skb, const struct segment *g, __u32 stream, __u32 thread)
{
	__u32 seen = c->next[stream & 1] - g->seq;
	if ((__s32)seen < 0) {
		make_opaque(c, OPAQUE_GAP);
		return;
	}
	if (seen >= g->payload)
		return;
	struct feed f = {
		.skb = skb, .c = c, .now = bpf_ktime_get_ns(), .at = seen, .size = g->payload, .base = g->base, .stream = stream
	};
	f.thread = thread;
	feed(&f, 0);
	c->next[stream & 1] = g->seq + g->payload;
}

static __always_inline __u32 trace_mode(__u32 service, __u32 *sampling)
{
	struct service *s = service ? bpf_map_lookup_elem(&services, &service) : 0;
	if (!s)
		return TRACE_OFF;
	*sampling = s->sampling;
	return s->trace;
}

/* The oldest graves, once nobody can be in them any more. */
static __always_inline void bury(__u64 now)
{
	for (int i = 0; i < 2; i++) {
		struct grave g;
		if (bpf_map_peek_elem(&graves, &g) || now - g.since < GRAVE_NS || bpf_map_pop_elem(&graves, &g))
			return;
		struct connection *c = bpf_map_lookup_elem(&connections, &g.id);
		if (!c)
			continue;
		abandon(c, now);
		__u64 requests = g.id * 2, answers = g.id * 2 + 1;
		bpf_map_delete_elem(&partials, &requests); /* a head begun and never ended */
		bpf_map_delete_elem(&partials, &answers);
		bpf_map_delete_elem(&connections, &g.id);
	}
}

static __always_inline struct connection *bear(struct sock_state *st, __u64 id)
{
	__u32 zero = 0;
	struct connection *blank = bpf_map_lookup_elem(&blanks, &zero);
	bury(bpf_ktime_get_ns());
	if (!blank || bpf_map_update_elem(&connections, &id, blank, BPF_NOEXIST)) {
		count(COUNT_CONNECTIONS_FULL);
		st->connection = UNTRACED;
		return 0;
	}
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	if (!c)
		return 0;
	c->id = id;
	st->connection = id;
	return c;
}

static __noinline void bear_client(struct bpf_sock *sk, struct sock_state *st, const struct segment *g, __u64 id)
{
	__u32 sampling = 0, others = 0;
	__u32 mode = trace_mode(st->service, &sampling), peer = trace_mode(st->peer_service, &others);
	if (mode == TRACE_OFF && peer == TRACE_OFF) {
		st->connection = UNTRACED;
		return;
	}
	struct connection *c = bear(st, id);
	if (!c)
		return;
	c->flags = mode == TRACE_OFF ? 0 : HERE_CLIENT;
	c->flags |= SENDS_HERE;
	if (mode == TRACE_HEADER && (!st->peer_service || peer == TRACE_HEADER))
		c->flags |= PROPAGATE_HEADER;
	c->sampling = mode == TRACE_OFF ? others : sampling;
	c->from = st->service;
	c->to = st->peer_service;
	c->replica = st->replica;
	c->next[0] = g->seq + 1;
	__builtin_memcpy(c->key.client, g->from, 16);
	__builtin_memcpy(c->key.server, g->to, 16);
	c->key.client_port = g->from_port;
	c->key.server_port = g->to_port;
	c->key.isn = g->seq;
	bpf_map_update_elem(&births, &c->key, &id, BPF_ANY);
}

/* A client's connection, found by the socket it was accepted as: the four numbers, and the client's first sequence number. */
static __always_inline void name_connection(struct birth_key *key, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	copy_ip(key->client, sk, 1);
	copy_ip(key->server, sk, 0);
	key->client_port = sk->__sk_common.skc_dport;
	key->server_port = bpf_htons(sk->__sk_common.skc_num);
	key->isn = tp->rcv_nxt - (__u32)tp->bytes_received - 1;
}

/* An accepted socket joins the connection that its client has begun on this node. */
static __noinline struct connection *meet_client(struct sock_state *st, struct tcp_sock *tp)
{
	struct birth_key key = {};
	__u32 sampling = 0;
	name_connection(&key, tp);
	__u64 *known = bpf_map_lookup_elem(&births, &key);
	if (!known)
		return 0;
	__u64 id = *known;
	struct connection *c = bpf_map_lookup_elem(&connections, &id);
	bpf_map_delete_elem(&births, &key);
	st->connection = c ? id : UNTRACED;
	if (!c)
		return 0;
	c->to = st->service;
	c->next[1] = tp->write_seq - (__u32)(tp->bytes_sent - tp->bytes_retrans);
	__sync_fetch_and_or(&c->flags, ANSWERS_HERE | (trace_mode(st->service, &sampling) == TRACE_OFF ? 0 : HERE_SERVER));
	return c;
}

/* An accepted socket whose client is elsewhere begins a connection with its first bytes. */
static __noinline struct connection *bear_server(struct sock_state *st, struct tcp_sock *tp, __u32 seq, __u64 id)
{
	__u32 sampling = 0;
	if (trace_mode(st->service, &sampling) == TRACE_OFF || tp->bytes_received || tp->bytes_sent) {
		st->connection = UNTRACED;
		return 0;
	}
	struct connection *c = bear(st, id);
	if (!c)
		return 0;
	c->flags = HERE_SERVER | ANSWERS_HERE;
	c->sampling = sampling;
	c->to = st->service;
	name_connection(&c->key, tp);
	c->next[0] = seq;
	c->next[1] = tp->write_seq;
	return c;
}

/* Who sends, when it is its own doing: a thread that holds the socket's lock, not whoever an acknowledgement interrupted. */
static __always_inline __u32 sending_thread(struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	return sk->sk_lock.owned ? (__u32)bpf_get_current_pid_tgid() : 0;
}

/*
 * A message of an enrolled socket. Bytes that TCP carries and that egress has not seen yet stay egress' business.
 * Returns SK_DROP when an injection had to be given up half-way, else SK_PASS.
 */
static __always_inline int trace_message(struct sk_msg_md *msg, struct sock_state *st, struct tcp_sock *tp, int redirected)
{
	struct connection *c = connection_of(st);
	if (!c && st->connection == 0 && !(st->flags & STATE_CLIENT))
		c = meet_client(st, tp);
	if (!c)
		return SK_PASS;
	__u32 stream = st->flags & STATE_CLIENT ? 0 : 1;
	__u32 write_seq = tp->write_seq, seen = c->next[stream & 1] - write_seq;
	__u32 size = msg->size;
	if ((__s32)seen < 0 || seen >= size)
		return SK_PASS;
	struct feed f = {
		.msg = msg, .c = c, .now = bpf_ktime_get_ns(), .at = seen, .size = size, .stream = stream, .redirected = redirected
	};
	f.thread = (__u32)bpf_get_current_pid_tgid();
	struct sock *sk = (struct sock *)tp;
	__s32 left = sk->sk_sndbuf - sk->sk_wmem_queued;
	/* A message that TCP takes in part is given again from where it stopped: then it must not have grown. */
	f.room = redirected ? HEADER_BYTES : left > (__s32)(2 * size + 4096) ? HEADER_BYTES : 0;
	feed(&f, 1);
	c->next[stream & 1] = redirected ? write_seq : write_seq + f.size;
	return f.drop ? SK_DROP : SK_PASS;
}

/* What was parsed as redirected went by TCP after all. */
static __always_inline void trace_passed(struct sock_state *st, __u32 size)
{
	struct connection *c = connection_of(st);
	if (c)
		c->next[st->flags & STATE_CLIENT ? 0 : 1] += size;
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	struct sock_state *st = sk && sk->protocol == IPPROTO_TCP ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || st->connection == UNTRACED)
		return 1;
	int client = st->flags & STATE_CLIENT;
	struct connection *c = connection_of(st);
	if (!c && !(client && st->connection == 0))
		return 1;
	struct segment g;
	if (!read_segment(skb, &g))
		return 1;
	if (!c) {
		if (g.syn && !g.ack)
			bear_client(sk, st, &g, bpf_get_socket_cookie(skb));
		else
			st->connection = UNTRACED; /* older than tracing */
		return 1;
	}
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
	__sync_fetch_and_or(&c->flags, ANSWERS_HERE | (trace_mode(st->service, &sampling) == TRACE_OFF ? 0 : HERE_SERVER));
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	struct sock_state *st = sk && sk->protocol == IPPROTO_TCP ? bpf_sk_storage_get(&states, sk, 0, 0) : 0;
	if (!st || st->connection == UNTRACED)
		return 1;
	if (sk->state == BPF_TCP_LISTEN) {
		expect_client(skb, st);
		return 1;
	}
	int client = st->flags & STATE_CLIENT;
	struct connection *c = connection_of(st);
	if (!c && (client || st->connection))
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
	if (!c) {
		struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
		c = tp ? meet_client(st, tp) : 0;
		if (!c && tp && st->connection == 0)
			c = bear_server(st, tp, g.seq, bpf_get_socket_cookie(skb));
		if (!c || (c->flags & SENDS_HERE))
			return 1;
	}
	if (__sync_lock_test_and_set(&c->busy, 1)) {
		make_opaque(c, OPAQUE_GAP); /* two processors with one connection's segments */
		return 1;
	}
	feed_segment(c, skb, &g, client ? 1 : 0, 0);
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
		c = meet_client(st, tp);
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

/* An end is closed by its program. */
static __always_inline void end_traced(struct sock_state *st)
{
	__u64 id = st->connection;
	struct connection *c = id && id != UNTRACED ? bpf_map_lookup_elem(&connections, &id) : 0;
	if (!c)
		return;
	__u64 now = bpf_ktime_get_ns();
	int client = st->flags & STATE_CLIENT;
	if (!c->opaque && c->streams[1].phase == PHASE_UNTIL_CLOSE && c->asked != c->answered)
		finish(c, now, 0);
	__u32 before = __sync_fetch_and_or(&c->flags, client ? CLOSED_CLIENT : CLOSED_SERVER);
	__u32 after = before | (client ? CLOSED_CLIENT : CLOSED_SERVER);
	int over = (!(after & SENDS_HERE) || (after & CLOSED_CLIENT)) && (!(after & ANSWERS_HERE) || (after & CLOSED_SERVER));
	if (over && before != after) {
		struct grave g = { .id = id, .since = now };
		bpf_map_push_elem(&graves, &g, BPF_EXIST);
	}
}

#endif
