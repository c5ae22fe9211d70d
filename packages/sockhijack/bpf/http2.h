/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP/2 framing (RFC 9113) and the shape of header blocks (RFC 7541), as far as both can be known without decoding: which bytes are
 * frames, where a block's fields begin and end, and whether one of them is named "traceparent". Values are the daemon's to decode.
 * As http1.h, the very same code runs natively in test/http.
 */
#ifndef MITSU_HTTP2_H
#define MITSU_HTTP2_H

#define FRAME_HEAD 9 /* length, type, flags, stream: RFC 9113, section 4.1 */
#define PREFACE_BYTES 24 /* section 3.4 */
/* The first look at a frame: most header blocks are shorter. */
#define FRAME_LOOK 256
/* A literal field without indexing (RFC 7541, section 6.2.2): its kind, the name's length and the name, the value's length and the value.
 */
#define FIELD_BYTES (2 + 11 + 1 + TRACEPARENT_BYTES)

enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_RST_STREAM = 3,
	FRAME_SETTINGS = 4,
	FRAME_PUSH_PROMISE = 5,
	FRAME_CONTINUATION = 9
};
enum frame_flag { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, PRIORITY = 32 };

static __always_inline void read_frame_head(struct window *w, struct frame *f)
{
	f->length = (__u8)AT(w, 0) << 16 | (__u8)AT(w, 1) << 8 | (__u8)AT(w, 2);
	f->type = AT(w, 3);
	f->flags = AT(w, 4);
	f->stream = ((__u8)AT(w, 5) & 127) << 24 | (__u8)AT(w, 6) << 16 | (__u8)AT(w, 7) << 8 | (__u8)AT(w, 8);
}

/* Do the window's `have` bytes begin as HTTP/2 does? Told apart from a request by its fourth byte on: nobody else's method is PRI. */
static __always_inline int begins_preface(struct window *w, __u32 have)
{
	if (have < 4)
		return 0;
	if (have < 8)
		return (__u32)WORD(w, 0) == (__u32)CHARS('P', 'R', 'I', ' ', 0, 0, 0, 0);
	return WORD(w, 0) == CHARS('P', 'R', 'I', ' ', '*', ' ', 'H', 'T');
}

static __always_inline int is_preface(struct window *w)
{
	return WORD(w, 0) == CHARS('P', 'R', 'I', ' ', '*', ' ', 'H', 'T') &&
	       WORD(w, 8) == CHARS('T', 'P', '/', '2', '.', '0', '\r', '\n') &&
	       WORD(w, 16) == CHARS('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n');
}

/* An integer with a prefix of `bits` (RFC 7541, section 5.1); where it ends in the upper half, 0 when it is longer than any we take. */
__noinline __u64 read_integer(struct window *w, __u32 at, __u32 bits)
{
	if (!w)
		return 0;
	__u32 most = (1U << (bits & 7)) - 1, value = (__u8)AT(w, at) & most;
	at++;
	if (value < most)
		return (__u64)at << 32 | value;
	for (int i = 0; i < 3; i++) {
		__u32 byte = (__u8)AT(w, at);
		at++;
		value += (byte & 127) << (7 * i);
		if (byte < 128)
			return (__u64)at << 32 | value;
	}
	return 0;
}

/* "traceparent" in HPACK's Huffman code (RFC 7541, appendix B). */
#define HUFFMAN_TRACEPARENT CHARS(0x4dULL, 0x83ULL, 0x21ULL, 0x6bULL, 0x1dULL, 0x85ULL, 0xa9ULL, 0x3fULL)

/* The string at `at`; where it ends, 0 when it does not end in the block. */
static __always_inline __u32 pass_string(struct window *w, __u32 at, int is_name)
{
	struct head *h = &w->head;
	__u64 length = read_integer(w, at, 7);
	__u32 begin = length >> 32, bytes = length;
	if (at >= h->have || !begin || begin > h->have || bytes > h->have - begin)
		return 0;
	if (is_name) {
		int huffman = AT(w, at) & 128;
		__u64 first = WORD(w, begin), last = WORD(w, begin + 3);
		h->traceparents += huffman ? bytes == 8 && first == HUFFMAN_TRACEPARENT
					   : bytes == 11 && first == CHARS('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r') &&
						     last == CHARS('c', 'e', 'p', 'a', 'r', 'e', 'n', 't');
	}
	return begin + bytes;
}

/* One field or size update of a block (RFC 7541, section 6); one call of the loop in read_block(). Ends the loop by 1. */
static long field_step(__u32 step, void *context)
{
	struct window *w = *(struct window **)context;
	if (!w)
		return 1;
	struct head *h = &w->head;
	__u32 at = h->pos;
	if (at >= h->have)
		return 1;
	__u8 kind = AT(w, at);
	__u32 bits = kind & 128 ? 7 : kind & 64 ? 6 : kind & 32 ? 5 : 4;
	__u64 index = read_integer(w, at, bits);
	at = index >> 32;
	int literal = !(bits & 1), is_new = !(__u32)index;
	h->bad |= !at || (bits == 7 && is_new);
	if (literal && is_new && !h->bad) {
		at = pass_string(w, at, 1);
		h->bad |= !at;
	}
	if (literal && !h->bad) {
		at = pass_string(w, at, 0);
		h->bad |= !at;
	}
	h->pos = at;
	return h->bad != 0;
}

/*
 * Reads the header block of the frame in the window, as far as it lies in this frame: w->head.traceparents tells whether the name occurs,
 * which a sender must spell out the first time. Returns whether the block is whole, and ends where the frame does.
 */
__noinline int read_block(struct window *w)
{
	if (!w)
		return 0;
	struct head *h = &w->head;
	struct frame *f = &w->frame;
	__u32 begin = FRAME_HEAD, end = FRAME_HEAD + f->length;
	h->traceparents = 0;
	h->bad = 0;
	if (f->flags & PADDED) {
		__u8 padding = AT(w, begin);
		begin++;
		if (padding >= f->length)
			return 0;
		end -= padding;
	}
	if (f->flags & PRIORITY)
		begin += 5;
	if (f->type != FRAME_HEADERS || !(f->flags & END_HEADERS) || begin > end)
		return 0;
	h->pos = begin;
	h->have = end;
	struct window *context = w;
	repeat(WINDOW, field_step, &context);
	return !h->bad && h->pos == end;
}

#endif
