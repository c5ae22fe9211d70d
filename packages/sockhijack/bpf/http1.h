/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP/1.1 framing (RFC 9112) of one direction of a connection: which bytes are heads, which are bodies. Nothing here is the kernel's but
 * the repeat() that whoever includes it defines, so test/http runs the very same code against generated streams.
 * What it does not understand it says, once: the caller leaves that connection alone for good. Long, since heads, fields and chunks are one
 * machine.
 */
#ifndef MITSU_HTTP1_H
#define MITSU_HTTP1_H

#define WINDOW 8192 /* the longest head that is read; a power of two */
#define METHOD_BYTES 16
#define TRACEPARENT_BYTES 55 /* "00-" trace "-" parent "-" flags, W3C Trace Context 1, section 3.2 */

enum phase {
	PHASE_HEAD = 0,
	PHASE_BODY,
	PHASE_UNTIL_CLOSE,
	PHASE_CHUNK_SIZE, /* RFC 9112, section 7.1 */
	PHASE_CHUNK_EXTENSION,
	PHASE_CHUNK_SIZE_LF,
	PHASE_CHUNK_DATA,
	PHASE_CHUNK_END_CR,
	PHASE_CHUNK_END_LF,
	PHASE_TRAILER_START,
	PHASE_TRAILER_LINE,
	PHASE_TRAILER_LINE_LF,
	PHASE_TRAILER_END_LF,
	PHASE_OPAQUE,
	PHASE_FRAME, /* of HTTP/2 (http2.h) */
	PHASE_FRAME_PAYLOAD,
};

/* What a head says; offsets count from its first byte. */
struct head {
	__u64 content_length;
	__u32 length; /* with its empty line; 0: not whole yet */
	__u32 line; /* the first line with its CRLF */
	__u32 traceparent; /* its value; 0: none */
	__u16 traceparents;
	__u16 lengths; /* Content-Length fields */
	__u16 codings; /* Transfer-Encoding fields */
	__u8 chunked; /* the last of them ends in "chunked" */
	__u8 bad;
	__u16 status; /* of an answer */
	__u16 method; /* length of the method's name */
	__u32 target; /* length of the target, which begins after the method and a space */
	__u32 pos; /* scan: where it stands */
	__u32 start; /* scan: where the present line begins */
	__u32 have; /* scan: bytes in the window */
};

/* Of HTTP/2; read from a frame's first nine bytes. */
struct frame {
	__u32 length; /* of its payload */
	__u32 stream;
	__u8 type;
	__u8 flags;
	__u16 pad;
};

/* One run over a message or a segment. In the window and not on the stack: the verifier follows each value of the stack. */
struct run {
	__u64 now;
	__u32 at; /* bytes taken so far */
	__u32 size;
	__u32 base; /* where the payload begins in a segment */
	__u32 stream; /* 0 requests, 1 answers */
	__u32 wide; /* bytes to look at, when the first look did not suffice */
	__u32 thread; /* that sends, 0 unknown */
	__u32 room; /* bytes by which the message may grow */
	__u32 redirected;
	__u32 pulled; /* the message's window was moved */
	__u32 drop; /* an injection failed half-way and cannot be taken back */
	__u32 looked; /* bytes of the message that are in the window */
	__u32 begin; /* where the head or frame in the window, or what of it is in this message, begins */
	__u32 held; /* bytes of it that were sent before */
	__u32 continued; /* the request brings a traceparent */
	__u32 server_here;
	__u32 pad;
};

struct window {
	struct header_block told; /* before `bytes`, so that both are told in one piece */
	char bytes[2 * WINDOW]; /* twice, so that a part of up to WINDOW may follow one */
	struct head head;
	struct frame frame;
	struct run run;
};

#define AT(w, offset) ((w)->bytes[(offset) & (WINDOW - 1)])
#define WORD(w, offset) (*(__u64 *)&(w)->bytes[(offset) & (WINDOW - 1)])

static __always_inline __u64 lower8(__u64 word)
{
	return word | 0x2020202020202020ULL;
}

/* Eight characters as the word a little-endian machine loads. */
#define CHARS(a, b, c, d, e, f, g, h)                                                                                                      \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 | (__u64)(g) << 48 |     \
	 (__u64)(h) << 56)

static __always_inline int is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Where a field's value begins, after its colon. */
static __always_inline __u32 value_at(struct window *w, __u32 at)
{
	for (int i = 0; i < 4 && is_space(AT(w, at)); i++)
		at++;
	return at;
}

static __always_inline void read_length(struct window *w, __u32 at, __u32 end)
{
	struct head *h = &w->head;
	__u64 value = 0;
	__u32 digits = 0;
	at = value_at(w, at);
	for (int i = 0; i < 19 && at < end; i++, at++) {
		__u8 digit = AT(w, at) - '0';
		if (digit > 9)
			break;
		value = value * 10 + digit;
		digits++;
	}
	for (int i = 0; i < 4 && at < end && is_space(AT(w, at)); i++)
		at++;
	if (!digits || at != end || (h->lengths && h->content_length != value))
		h->bad = 1;
	h->content_length = value;
	h->lengths++;
}

/* Is this the colon after a name that matters? With a space before it, some servers read the field and others do not (RFC 9112,
 * section 5.1). */
static __always_inline int ends_name(struct window *w, __u32 at)
{
	__u8 c = AT(w, at);
	if (c <= ' ')
		w->head.bad = 1;
	return c == ':';
}

/* One field line, [start, end) without its CRLF. */
static __always_inline void read_field(struct window *w, __u32 start, __u32 end)
{
	struct head *h = &w->head;
	__u8 first = AT(w, start);
	if (first <= ' ' || first == ':') {
		h->bad = 1;
		return;
	}
	__u64 name = lower8(WORD(w, start));
	if (name == CHARS('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r')) {
		if ((lower8(WORD(w, start + 4)) == CHARS('e', 'p', 'a', 'r', 'e', 'n', 't', ':'))) {
			h->traceparent = value_at(w, start + 12);
			__u32 after = h->traceparent + TRACEPARENT_BYTES;
			if (end < after || (end > after && !is_space(AT(w, after))))
				h->traceparents++; /* too short or too long to be one: as good as two, left alone */
			h->traceparents++;
		}
	} else if (name == CHARS('c', 'o', 'n', 't', 'e', 'n', 't', '-')) {
		if (lower8(WORD(w, start + 6)) == CHARS('t', '-', 'l', 'e', 'n', 'g', 't', 'h') && ends_name(w, start + 14))
			read_length(w, start + 15, end);
	} else if (name == CHARS('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		if (AT(w, start + 8) == '-' && lower8(WORD(w, start + 9)) == CHARS('e', 'n', 'c', 'o', 'd', 'i', 'n', 'g') &&
		    ends_name(w, start + 17)) {
			h->codings++;
			for (int i = 0; i < 4 && end > start && is_space(AT(w, end - 1)); i++)
				end--;
			__u32 before = end - 8;
			for (int i = 0; i < 4 && before > start && is_space(AT(w, before)); i++)
				before--;
			/* "gzip chunked" is one coding, and not this one. */
			h->chunked = end > start + 24 && lower8(WORD(w, end - 8)) >> 8 == CHARS('c', 'h', 'u', 'n', 'k', 'e', 'd', 0) &&
				     (AT(w, before) == ',' || before == start + 17);
			if (is_space(AT(w, end - 1)) || is_space(AT(w, before)))
				h->bad = 1; /* more space than is looked past */
		}
	}
}

#define EIGHT(c) (0x0101010101010101ULL * (c))
#define SEVEN_BITS EIGHT(0x7f)

/* The top bit of each of a word's bytes that is `c`. */
static __always_inline __u64 those(__u64 word, __u8 c)
{
	__u64 diff = word ^ EIGHT(c);
	return ~(((diff & SEVEN_BITS) + SEVEN_BITS) | diff | SEVEN_BITS);
}

/* Words without the end of a line that are passed in one step. */
#define SCAN_SKIPS 6

/* Has the word a byte below 14, as LF and CR are? */
static __always_inline __u64 may_end_line(__u64 word)
{
	return (word - EIGHT(14)) & ~word & EIGHT(0x80);
}

/* Looks at the next bytes for the end of a line; one call of the loop in read_head(). Ends the loop by 1. */
static long scan_step(__u32 step, void *context)
{
	struct window *w = *(struct window **)context;
	if (!w)
		return 1;
	struct head *h = &w->head;
	__u32 pos = h->pos;
	for (int i = 0; i < SCAN_SKIPS && !may_end_line(WORD(w, pos)); i++)
		pos += 8;
	h->pos = pos;
	if (pos >= h->have)
		return 1;
	__u64 found = those(WORD(w, pos), '\n'), returns = those(WORD(w, pos), '\r');
	/* A CR that no LF follows is the end of a line to some servers and none to others (RFC 9112, section 2.2). The last byte cannot
	 * tell. */
	__u64 lone = returns & ~(found >> 8) & (~0ULL >> 8);
	if (h->have - pos < 8)
		lone &= (1ULL << ((h->have - pos - 1) * 8)) - 1;
	if (lone & (found - 1) & ~found) {
		h->bad = 1;
		return 1;
	}
	if (!found) {
		h->pos = pos + 8 - (__u32)(returns >> 63); /* whether the last byte is followed by LF is for the next word to say */
		return 0;
	}
	__u32 k = 0;
	if (!(found & 0xffffffffULL)) {
		k = 4;
		found >>= 32;
	}
	if (!(found & 0xffff)) {
		k += 2;
		found >>= 16;
	}
	if (!(found & 0xff))
		k++;
	pos += k;
	if (pos >= h->have)
		return 1;
	__u32 start = h->start;
	h->pos = h->start = pos + 1;
	if (pos == start || AT(w, pos - 1) != '\r') {
		h->bad = 1;
		return 1;
	}
	if (!h->line) {
		h->line = pos + 1;
		return 0;
	}
	if (pos == start + 1) {
		h->length = pos + 1;
		return 1;
	}
	read_field(w, start, pos - 1);
	return h->bad != 0;
}

static __always_inline int is_method_char(char c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* "GET /x HTTP/1.1": the method's and the target's length into the head; 0 when it is none. */
static __always_inline int read_request_line(struct window *w)
{
	struct head *h = &w->head;
	__u32 line = h->line;
	if (line < 14)
		return 0;
	__u64 version = WORD(w, line - 10);
	if (version != CHARS('H', 'T', 'T', 'P', '/', '1', '.', '1') && version != CHARS('H', 'T', 'T', 'P', '/', '1', '.', '0'))
		return 0;
	__u32 method = 0;
	for (int i = 0; i < METHOD_BYTES && is_method_char(AT(w, i)); i++)
		method++;
	if (!method || AT(w, method) != ' ' || AT(w, method + 1) == ' ' || AT(w, line - 11) != ' ' || line < method + 13)
		return 0;
	h->method = method;
	h->target = line - method - 12;
	return h->target > 0;
}

/* "HTTP/1.1 200 OK": the status into the head; 0 when it is none. */
static __always_inline int read_status_line(struct window *w)
{
	struct head *h = &w->head;
	__u64 version = WORD(w, 0);
	if (h->line < 14 || AT(w, 8) != ' ')
		return 0;
	if (version != CHARS('H', 'T', 'T', 'P', '/', '1', '.', '1') && version != CHARS('H', 'T', 'T', 'P', '/', '1', '.', '0'))
		return 0;
	__u8 a = AT(w, 9) - '0', b = AT(w, 10) - '0', c = AT(w, 11) - '0';
	if (a < 1 || a > 5 || b > 9 || c > 9)
		return 0;
	h->status = a * 100 + b * 10 + c;
	return 1;
}

/* Can these first bytes still become a head? Asked while its first line is not whole. */
static __always_inline int may_be_head(struct window *w, __u32 have, int request)
{
	if (request)
		return is_method_char(AT(w, 0));
	__u64 mask = have >= 7 ? 0x00ffffffffffffffULL : (1ULL << (have * 8)) - 1;
	return ((WORD(w, 0) ^ CHARS('H', 'T', 'T', 'P', '/', '1', '.', 0)) & mask) == 0;
}

/*
 * Reads the head that begins the window's `have` bytes into w->head. OPAQUE_NO with length 0: more bytes are needed.
 * Global, as the verifier calls it: looked at once and not again for each caller.
 */
__noinline int read_head(struct window *w, __u32 have, int request)
{
	if (!w)
		return OPAQUE_GAP;
	struct head *h = &w->head;
	__builtin_memset(h, 0, sizeof(*h));
	h->have = have;
	struct window *context = w;
	repeat(WINDOW / 8 + WINDOW / 2, scan_step, &context);
	if (!h->line) {
		if (h->bad || (have > 0 && !may_be_head(w, have, request)))
			return OPAQUE_NOT_HTTP;
		return have >= WINDOW ? OPAQUE_LONG_HEAD : OPAQUE_NO;
	}
	if (!(request ? read_request_line(w) : read_status_line(w)))
		return OPAQUE_NOT_HTTP;
	if (h->bad)
		return OPAQUE_BAD_HEAD;
	if (!h->length)
		return have >= WINDOW ? OPAQUE_LONG_HEAD : OPAQUE_NO;
	/* Two ways to say where the body ends are how requests are smuggled (RFC 9112, section 6.3). */
	if ((h->codings && h->lengths) || h->codings > 1 || (request && h->codings && !h->chunked))
		return OPAQUE_BAD_HEAD;
	return OPAQUE_NO;
}

/* What follows a head whose message may have a body. */
static __always_inline void begin_body(struct framing *f, const struct head *h, int request)
{
	f->left = 0;
	f->digits = 0;
	if (h->chunked) {
		f->phase = PHASE_CHUNK_SIZE;
	} else if (h->lengths) {
		f->left = h->content_length;
		f->phase = f->left ? PHASE_BODY : PHASE_HEAD;
	} else {
		f->phase = request ? PHASE_HEAD : PHASE_UNTIL_CLOSE;
	}
}

/* Takes one byte of chunked framing; 1 when it ended the message. */
static __always_inline int chunk_byte(struct framing *f, __u8 c)
{
	switch (f->phase) {
	case PHASE_CHUNK_SIZE: {
		__u8 digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 255;
		if (digit < 16 && f->digits < 15) {
			f->left = f->left << 4 | digit;
			f->digits++;
		} else if (f->digits && c == '\r') {
			f->phase = PHASE_CHUNK_SIZE_LF;
		} else if (f->digits && (c == ';' || is_space(c))) {
			f->phase = PHASE_CHUNK_EXTENSION;
		} else {
			break;
		}
		return 0;
	}
	case PHASE_CHUNK_EXTENSION:
		if (c == '\n')
			break;
		if (c == '\r')
			f->phase = PHASE_CHUNK_SIZE_LF;
		return 0;
	case PHASE_CHUNK_SIZE_LF:
		if (c != '\n')
			break;
		f->phase = f->left ? PHASE_CHUNK_DATA : PHASE_TRAILER_START;
		return 0;
	case PHASE_CHUNK_END_CR:
		if (c != '\r')
			break;
		f->phase = PHASE_CHUNK_END_LF;
		return 0;
	case PHASE_CHUNK_END_LF:
		if (c != '\n')
			break;
		f->phase = PHASE_CHUNK_SIZE;
		f->left = 0;
		f->digits = 0;
		return 0;
	case PHASE_TRAILER_START:
		if (c == '\n')
			break;
		f->phase = c == '\r' ? PHASE_TRAILER_END_LF : PHASE_TRAILER_LINE;
		return 0;
	case PHASE_TRAILER_LINE:
		if (c == '\n')
			break;
		if (c == '\r')
			f->phase = PHASE_TRAILER_LINE_LF;
		return 0;
	case PHASE_TRAILER_LINE_LF:
		if (c != '\n')
			break;
		f->phase = PHASE_TRAILER_START;
		return 0;
	case PHASE_TRAILER_END_LF:
		if (c != '\n')
			break;
		f->phase = PHASE_HEAD;
		return 1;
	}
	f->phase = PHASE_OPAQUE;
	f->opaque = OPAQUE_BAD_CHUNK;
	return 0;
}

/* Takes the chunked framing that begins the window's `have` bytes, CHUNK_LOOK at most; the bytes taken, and MESSAGE_ENDED when they ended
 * it. */
#define CHUNK_LOOK 32
#define MESSAGE_ENDED 256

__noinline int read_framing(struct framing *f, struct window *w, __u32 have)
{
	if (!f || !w)
		return 0;
	struct framing now = *f;
	__u32 i = 0;
	int ended = 0;
	while (i < CHUNK_LOOK && i < have && !ended && now.phase >= PHASE_CHUNK_SIZE && now.phase != PHASE_CHUNK_DATA &&
	       now.phase != PHASE_OPAQUE) {
		ended = chunk_byte(&now, AT(w, i));
		i++;
	}
	*f = now;
	return ended ? (int)i | MESSAGE_ENDED : (int)i;
}

#endif
