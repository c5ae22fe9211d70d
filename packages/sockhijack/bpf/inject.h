/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The traceparent of a request on its way: put in front of the head's last CRLF, or its parent replaced, in the message as it is sent.
 */
#ifndef MITSU_INJECT_H
#define MITSU_INJECT_H

/* A header line: "traceparent: ", its value, CRLF. */
#define HEADER_BYTES (13 + TRACEPARENT_BYTES + 2)
/* A message grows by no more. */
#define MOST_GROWTH 4096
/* A message longer than this is not made one piece after injection. */
#define LINEAR_BYTES 4096
/* One that is not longer than this with its header is written anew; a power of two. */
#define REWRITE_BYTES 1024

/* For tests: every injection fails half-way. */
const volatile __u32 config_inject_fault = 0;

/* A message or a segment, and what it is fed to. */
struct feed {
	struct sk_msg_md *msg;
	struct __sk_buff *skb;
	struct connection *c;
	struct window *w;
};

static __always_inline int load(struct feed *f, __u32 at, __u32 want, char *to, int is_msg)
{
	struct run *run = &f->w->run;
	if (want == 0 || want > WINDOW)
		return -1;
	if (!is_msg)
		return bpf_skb_load_bytes(f->skb, run->base + at, to, want);
	struct sk_msg_md *msg = f->msg;
	void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
	if (run->pulled || at != 0 || data + want > end) {
		run->pulled = 1; /* from here on `data` may begin somewhere else */
		if (bpf_msg_pull_data(msg, at, at + want, 0))
			return -1;
		data = (void *)(long)msg->data, end = (void *)(long)msg->data_end;
		if (data + want > end)
			return -1;
	}
	return bpf_probe_read_kernel(to, want, data);
}

/* The header line is made in the window's second half, which no head reaches once it has been read. */
#define LINE(w) ((w)->bytes + WINDOW)
#define LINE_PARENT 49
/* The same as a field of HTTP/2: its value stands where the line's does. */
#define FIELD(w) (LINE(w) - 1)

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

static __always_inline void write_field(struct window *w, struct exchange *x, __u32 server_here)
{
	write_line(w, x, server_here);
	FIELD(w)[0] = 0;
	FIELD(w)[1] = 11;
	__builtin_memcpy(FIELD(w) + 2, "traceparent", 11);
	FIELD(w)[13] = TRACEPARENT_BYTES;
}

/* Copies `length` bytes from the window to a message's first piece, STRIDE at a time; the last ones may overlap. */
struct rewriting {
	struct sk_msg_md *msg;
	struct window *w;
	__u32 from;
	__u32 to;
	__u32 length; /* STRIDE at least */
	__u32 done;
};

#define STRIDE 32

static long write_step(__u32 index, void *context)
{
	struct rewriting *r = context;
	void *data = (void *)(long)r->msg->data, *end = (void *)(long)r->msg->data_end;
	__u32 at = index * STRIDE;
	if (at + STRIDE > r->length)
		at = r->length - STRIDE;
	__u32 from = (r->from + at) & (2 * WINDOW - 1), to = (r->to + at) & (REWRITE_BYTES - 1);
	if (!r->w || from > 2 * WINDOW - STRIDE || data + to + STRIDE > end)
		return 1;
	__builtin_memcpy(data + to, r->w->bytes + from, STRIDE);
	r->done = at + STRIDE;
	return r->done == r->length;
}

static __always_inline int write_out(struct rewriting *r, __u32 from, __u32 to, __u32 length)
{
	r->from = from;
	r->to = to;
	r->length = length;
	r->done = 0;
	bpf_loop(REWRITE_BYTES / STRIDE, write_step, r, 0);
	return r->done == length;
}

/* A message is as it was, changed, or to be dropped: its change can neither be ended nor taken back, and none is better than a wrong one.
 */
enum rewritten { REWRITTEN_NOT = 0, REWRITTEN = 1, REWRITTEN_HALF = 2 };

/*
 * Puts `length` bytes, made from `from` on in the window, before `at` into a small message that the window holds, by writing all of it
 * anew in front of itself: one page and one piece, where putting them in between and making that one piece takes two pages.
 */
__noinline int rewrite(struct sk_msg_md *msg, struct window *w, __u32 at, __u32 from, __u32 length)
{
	if (!w)
		return REWRITTEN_NOT;
	__u32 size = msg->size, total = size + length, tail = size - at;
	if (at < STRIDE || at > size || total > REWRITE_BYTES || length < STRIDE || bpf_msg_push_data(msg, 0, total, 0))
		return REWRITTEN_NOT;
	struct rewriting r = { .msg = msg, .w = w };
	__u32 behind = (from + length) & (2 * WINDOW - 1);
	int done = !config_inject_fault && behind <= 2 * WINDOW - REWRITE_BYTES;
	if (done && tail)
		done = !bpf_probe_read_kernel(w->bytes + behind, tail & (REWRITE_BYTES - 1), w->bytes + (at & (REWRITE_BYTES - 1)));
	done = done && !bpf_msg_pull_data(msg, 0, total, 0) && write_out(&r, 0, 0, at) && write_out(&r, from, at, length + tail);
	if (done && !bpf_msg_pop_data(msg, total, size, 0))
		return REWRITTEN;
	return bpf_msg_pop_data(msg, 0, total, 0) ? REWRITTEN_HALF : REWRITTEN_NOT;
}

#define GROWTH_FAILED (~0U)

/* Is the whole message in the window, and will it be small? */
static __always_inline int may_rewrite(const struct window *w, __u32 size, __u32 before, __u32 total)
{
	return !w->run.held && w->run.looked == size && before >= STRIDE && total <= REWRITE_BYTES;
}

/* Writes the header before the head's last CRLF, at `at`. */
__noinline int inject(struct sk_msg_md *msg, struct window *w, struct exchange *x, __u32 at)
{
	if (!w || !x || at > 65535)
		return REWRITTEN_NOT;
	__u32 total = msg->size + HEADER_BYTES;
	write_line(w, x, w->run.server_here);
	if (may_rewrite(w, msg->size, at, total))
		return rewrite(msg, w, at, WINDOW, HEADER_BYTES);
	if (bpf_msg_push_data(msg, at, HEADER_BYTES, 0))
		return REWRITTEN_NOT;
	/* In one piece, or each piece becomes a TCP segment of its own; a redirected one may stay in three, and is not copied into another
	 * page. */
	int fault = config_inject_fault;
	if (!w->run.redirected && total <= LINEAR_BYTES && !fault && !bpf_msg_pull_data(msg, 0, total, 0)) {
		void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
		__u32 offset = at & (LINEAR_BYTES - 1);
		if (data + offset + HEADER_BYTES <= end) {
			__builtin_memcpy(data + offset, LINE(w), HEADER_BYTES);
			return REWRITTEN;
		}
	}
	if (!fault && !bpf_msg_pull_data(msg, at, at + HEADER_BYTES, 0)) {
		void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
		if (data + HEADER_BYTES <= end) {
			__builtin_memcpy(data, LINE(w), HEADER_BYTES);
			return REWRITTEN;
		}
	}
	return bpf_msg_pop_data(msg, at, HEADER_BYTES, 0) ? REWRITTEN_HALF : REWRITTEN_NOT;
}

/* Puts our span in the place of the caller's, of which ours is the child. */
__noinline int replace_parent(struct sk_msg_md *msg, struct window *w, struct exchange *x, __u32 at)
{
	if (!w || !x || at > 65535 || bpf_msg_pull_data(msg, at, at + 16, 0))
		return REWRITTEN_NOT;
	write_line(w, x, w->run.server_here);
	void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
	if (data + 16 > end)
		return REWRITTEN_NOT;
	__builtin_memcpy(data, LINE(w) + LINE_PARENT, 16);
	return REWRITTEN;
}

#endif
