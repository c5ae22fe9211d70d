/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests and answers of HTTP/1 whose heads are in the window: what begins and ends an exchange, and a request's traceparent. */
#ifndef MITSU_MESSAGES_H
#define MITSU_MESSAGES_H

/* ---- requests ---- */

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
	__u64 trace[2];
	span_id parent;
	if (dashes || ((high | low) & 0xf0) || !read_hex(w, at + 3, (__u8 *)trace, 16) || !read_hex(w, at + 36, (__u8 *)&parent, 8))
		return 0;
	__builtin_memcpy(x->trace, trace, 16);
	x->parent = parent;
	x->flags = EXCHANGE_CONTINUED | (low & 1 ? EXCHANGE_SAMPLED : 0);
	return 1;
}

static __always_inline struct received *received_at(__u64 trace, span_id parent)
{
	__u32 slot = (__u32)((trace ^ parent) * 0x9e3779b97f4a7c15ULL >> 40) & (RECEIVED - 1);
	return bpf_map_lookup_elem(&received, &slot);
}

/* Begins the exchange of the request whose head is in the window. Returns whether it continues a trace of its program's. */
__noinline int begin_request(struct connection *c, struct window *w, __u32 thread, __u64 now)
{
	if (!c || !w)
		return 0;
	struct head *h = &w->head;
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	begin_exchange(c, x, thread, now);
	x->request_bytes = h->length;
	x->method = h->method;
	x->target = h->target;
	bpf_probe_read_kernel(x->line, LINE_BYTES, w->bytes);
	if (h->traceparents != 1 || !read_traceparent(w, h->traceparent, x))
		return 0;
	/* The program passed on what it got: its server's span stands between. */
	__u64 trace = *(__u64 *)(x->trace + 8);
	struct received *got = received_at(trace, x->parent);
	if (got && got->parent == x->parent && got->trace == trace && got->service == c->from)
		x->parent = got->span;
	return 1;
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

static __always_inline int is_connect(const struct exchange *x)
{
	return (*(const __u64 *)x->line) == CHARS('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ');
}

/* A request's head is in the window: its exchange begins. */
__noinline int on_request(struct connection *c, struct window *w)
{
	if (!c || !w)
		return 0;
	if (c->asked - c->answered >= DEPTH)
		return make_opaque(c, OPAQUE_DEEP);
	if (c->streams[1].phase >= PHASE_FRAME)
		return make_opaque(c, OPAQUE_NOT_HTTP); /* its server speaks HTTP/2 */
	w->run.continued = begin_request(c, w, w->run.thread, w->run.now);
	if (w->run.redirected)
		c->exchanges[c->asked & (DEPTH - 1)].flags |= EXCHANGE_REDIRECTED;
	return 1;
}

/* The request is given a traceparent, or its own gets our span. Returns by how much the message grew, or GROWTH_FAILED. */
__noinline __u32 give_traceparent(struct sk_msg_md *msg, struct connection *c, struct window *w)
{
	if (!c || !w)
		return 0;
	struct head *h = &w->head;
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	__u32 parent_at = h->traceparent + 36, end_at = h->length - 2, grew = w->run.continued ? 0 : HEADER_BYTES;
	int done = REWRITTEN_NOT;
	if (w->run.continued && parent_at >= w->run.held)
		done = replace_parent(msg, w, x, w->run.begin + parent_at - w->run.held);
	else if (h->traceparents == 0 && end_at >= w->run.held && w->run.room >= HEADER_BYTES)
		done = inject(msg, w, x, w->run.begin + end_at - w->run.held);
	if (done != REWRITTEN) {
		count(COUNT_NOT_INJECTED);
		return done == REWRITTEN_HALF ? GROWTH_FAILED : 0;
	}
	count(w->run.continued ? COUNT_CONTINUED : COUNT_INJECTED);
	x->flags |= EXCHANGE_INJECTED;
	x->request_bytes += grew;
	return grew;
}

/* The request is under way, its body, if it has one, still to come. */
__noinline int expect_answer(struct connection *c, struct window *w)
{
	if (!c || !w)
		return 0;
	struct exchange *x = &c->exchanges[c->asked & (DEPTH - 1)];
	if (w->run.continued && !(x->flags & EXCHANGE_INJECTED))
		remember_received(c, w);
	begin_body(&c->streams[0], &w->head, 1);
	if (is_connect(x))
		c->streams[0].phase = PHASE_UNTIL_CLOSE; /* what follows is the tunnel's, should there be one */
	barrier();
	c->asked++;
	return 0;
}

static __always_inline void note_request(struct feed *f, __u32 begin, __u32 held)
{
	struct run *run = &f->w->run;
	run->begin = begin;
	run->held = held;
	run->server_here = f->c->flags & HERE_SERVER;
}

static __always_inline int may_give(const struct connection *c)
{
	return c->flags & PROPAGATE_HEADER && c->sampling;
}

/* `held` bytes of the head in the window were sent before. Returns by how much the message grew. */
static __always_inline __u32 read_request(struct feed *f, __u32 held, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	note_request(f, run->at, held);
	if (!on_request(c, f->w))
		return 0;
	__u32 grew = is_msg && may_give(c) ? give_traceparent(f->msg, c, f->w) : 0;
	expect_answer(c, f->w);
	run->drop = grew == GROWTH_FAILED;
	if (run->drop)
		return 0;
	run->room -= grew;
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

#endif
