/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The traceparent of a request on its way: put in front of the head's last CRLF, or its parent replaced, in the message as it is sent.
 */
#ifndef MITSU_INJECT_H
#define MITSU_INJECT_H

/* A header line: "traceparent: ", its value, CRLF. */
#define HEADER_BYTES (13 + TRACEPARENT_BYTES + 2)
/* A message longer than this is not made one piece after injection. */
#define LINEAR_BYTES 4096

/* For tests: every injection fails half-way. */
const volatile __u32 config_inject_fault = 0;

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
	__u32 grown; /* bytes by which it has, for HTTP/2's fields */
	__u32 drop; /* an injection failed half-way and cannot be taken back */
	__u32 redirected;
	__u32 pulled; /* the message's window was moved */
};

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

/* Writes the header before the head's last CRLF. The message is as it was unless this returns 1 or sets f->drop. */
static __always_inline int inject(struct feed *f, struct exchange *x, __u32 at)
{
	struct sk_msg_md *msg = f->msg;
	struct window *w = f->w;
	__u32 total = f->size + HEADER_BYTES;
	if (at > 65535 || f->room < HEADER_BYTES || bpf_msg_push_data(msg, at, HEADER_BYTES, 0))
		return 0;
	write_line(w, x, f->c->flags & HERE_SERVER);
	/* In one piece, or each piece becomes a TCP segment of its own; a redirected one may stay in three, and is not copied into another
	 * page. */
	int fault = config_inject_fault;
	if (!f->redirected && total <= LINEAR_BYTES && !fault && !bpf_msg_pull_data(msg, 0, total, 0)) {
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

#endif
