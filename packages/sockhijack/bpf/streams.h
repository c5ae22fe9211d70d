/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streams of HTTP/2: each one exchange, begun by the client's header block and ended by the frame that ends the answer. What their header
 * blocks say, method and status among it, is the daemon's to decode: every block is told to it.
 */
#ifndef MITSU_STREAMS_H
#define MITSU_STREAMS_H

#include "http2.h"

MAP(streams, BPF_MAP_TYPE_HASH, MAX_PAIRS, __u64, struct stream, BPF_F_NO_PREALLOC); /* connection × STREAMS + stream → it */
MAP(blank_streams, BPF_MAP_TYPE_ARRAY, 1, __u32, struct stream, 0);

/* A client's streams have odd numbers, each higher than the last (RFC 9113, section 5.1.1). */
static __always_inline __u64 stream_key(const struct connection *c, __u32 number)
{
	return c->id * STREAMS + (number >> 1 & (STREAMS - 1));
}

static __always_inline struct stream *stream_of(const struct connection *c, __u32 number)
{
	__u64 key = stream_key(c, number);
	struct stream *s = bpf_map_lookup_elem(&streams, &key);
	return s && s->exchange.stream == number ? s : 0;
}

/* Once, whichever of the two directions comes to it first. */
static __always_inline void end_stream(struct connection *c, struct stream *s, __u64 key, __u64 now, __u32 ended)
{
	if (__sync_lock_test_and_set(&s->ended, 1))
		return;
	tell(c, &s->exchange, now, ended);
	bpf_map_delete_elem(&streams, &key);
}

__noinline int finish_stream(struct connection *c, __u32 number, __u64 now, __u32 ended)
{
	if (!c)
		return 0;
	struct stream *s = stream_of(c, number);
	if (s)
		end_stream(c, s, stream_key(c, number), now, ended);
	return 0;
}

/* The frame in the window, to the daemon. One that does not fit into the ring leaves a gap in the numbers. */
static __always_inline void tell_block(struct connection *c, struct window *w, __u32 direction, __u32 bytes)
{
	w->told.none = 0;
	w->told.connection = c->id;
	w->told.number = c->streams[direction & 1].blocks++;
	w->told.answers = direction;
	w->told.bytes = bytes;
	if (bytes <= WINDOW && bpf_ringbuf_output(&spans, w, sizeof(w->told) + bytes, BPF_RB_NO_WAKEUP))
		count(COUNT_SPANS_LOST);
}

/* A client's frame with a header block, whole in the window. Returns the stream's number when it begins one that is traced. */
__noinline __u32 on_request_block(struct connection *c, struct window *w)
{
	if (!c || !w)
		return 0;
	struct frame *f = &w->frame;
	__u32 number = f->stream, bytes = FRAME_HEAD + f->length, zero = 0;
	tell_block(c, w, 0, bytes);
	/* What cannot be read to its end may spell the name out. */
	if ((c->flags & PROPAGATE_HEADER) && !(c->flags & PROPAGATES_ITSELF) && (!read_block(w) || w->head.traceparents))
		__sync_fetch_and_or(&c->flags, PROPAGATES_ITSELF);
	if (!(number & 1))
		return make_opaque(c, OPAQUE_BAD_FRAME);
	if (number <= c->last_stream) { /* trailers, or the block goes on */
		struct stream *s = stream_of(c, number);
		if (s)
			s->exchange.request_bytes += bytes;
		return 0;
	}
	c->last_stream = number;
	__u64 key = stream_key(c, number);
	struct stream *blank = bpf_map_lookup_elem(&blank_streams, &zero);
	if (!blank || bpf_map_update_elem(&streams, &key, blank, BPF_NOEXIST)) {
		count(COUNT_STREAMS_FULL);
		return 0;
	}
	struct stream *s = bpf_map_lookup_elem(&streams, &key);
	if (!s)
		return 0;
	s->exchange.stream = number;
	begin_exchange(c, &s->exchange, w->run.thread, w->run.now);
	s->exchange.request_bytes = bytes;
	if (w->run.redirected)
		s->exchange.flags |= EXCHANGE_REDIRECTED;
	return number;
}

/* A server's frame with a header block, whole in the window. */
__noinline int on_answer_block(struct connection *c, struct window *w, __u64 now, __u32 redirected)
{
	if (!c || !w)
		return 0;
	struct frame *f = &w->frame;
	struct framing *answers = &c->streams[1];
	__u32 bytes = FRAME_HEAD + f->length;
	if (!(c->flags & MULTIPLEXED))
		return make_opaque(c, OPAQUE_BAD_FRAME); /* nobody has asked */
	tell_block(c, w, 1, bytes);
	struct stream *s = stream_of(c, f->stream);
	if (s) {
		struct exchange *x = &s->exchange;
		if (!x->first_ns)
			x->first_ns = now;
		x->answer_bytes += bytes;
		if (redirected)
			x->flags |= EXCHANGE_REDIRECTED;
	}
	if (answers->frames == (FRAMES_ANY | FRAMES_LAST)) {
		answers->frames = FRAMES_ANY;
		finish_stream(c, f->stream, now, 0);
	}
	return 0;
}

static long drop_stream(__u32 index, void *context)
{
	struct connection *c = *(struct connection **)context;
	if (!c)
		return 1;
	__u64 key = stream_key(c, 2 * index);
	struct stream *s = bpf_map_lookup_elem(&streams, &key);
	if (s)
		end_stream(c, s, key, bpf_ktime_get_ns(), SPAN_ABORTED);
	return 0;
}

/* No more of this connection: what is outstanding ends here. */
static __always_inline void abandon_streams(struct connection *c)
{
	struct connection *context = c;
	repeat(STREAMS, drop_stream, &context);
	struct header_block over = { .connection = c->id };
	if (bpf_ringbuf_output(&spans, &over, sizeof(over), BPF_RB_NO_WAKEUP))
		count(COUNT_SPANS_LOST);
}

#endif
