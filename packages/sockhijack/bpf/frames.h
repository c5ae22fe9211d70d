/* SPDX-License-Identifier: GPL-2.0-only */
/* HTTP/2: the frames of a message or segment, one at a time. Header blocks are gathered whole, all other payloads only go by. */
#ifndef MITSU_FRAMES_H
#define MITSU_FRAMES_H

#include "streams.h"

/* Appends a traceparent to the header block that ends the frame at run.begin, with which the window begins, and lengthens the frame. */
__noinline int inject_field(struct sk_msg_md *msg, struct window *w, struct exchange *x)
{
	if (!w || !x)
		return REWRITTEN_NOT;
	__u32 frame_at = w->run.begin;
	__u32 whole = FRAME_HEAD + w->frame.length, length = w->frame.length + FIELD_BYTES;
	/* Nothing can be pushed behind a message's last byte, so the block's last byte is written anew, in front. */
	__u32 last = frame_at + whole - 1, total = msg->size + FIELD_BYTES;
	if (last > 65535 || whole > WINDOW)
		return REWRITTEN_NOT;
	__u8 byte = AT(w, whole - 1);
	write_field(w, x, w->run.server_here);
	if (may_rewrite(w, msg->size, whole, total)) {
		w->bytes[0] = length >> 16;
		w->bytes[1] = length >> 8;
		w->bytes[2] = length;
		return rewrite(msg, w, whole, WINDOW - 1, FIELD_BYTES);
	}
	if (bpf_msg_push_data(msg, last, FIELD_BYTES, 0))
		return REWRITTEN_NOT;
	/* In one piece, or each piece becomes a TCP segment of its own. */
	int linear = !w->run.redirected && total <= LINEAR_BYTES;
	__u32 from = linear ? 0 : frame_at, to = linear ? total : last + 1 + FIELD_BYTES;
	if (!config_inject_fault && !bpf_msg_pull_data(msg, from, to, 0)) {
		void *data = (void *)(long)msg->data, *end = (void *)(long)msg->data_end;
		__u32 head = (frame_at - from) & (LINEAR_BYTES - 1), tail = (last - from) & (2 * WINDOW - 1);
		if (data + head + 3 <= end && data + tail + 1 + FIELD_BYTES <= end) {
			__u8 *bytes = data + head;
			bytes[0] = length >> 16;
			bytes[1] = length >> 8;
			bytes[2] = length;
			*(__u8 *)(data + tail) = byte;
			__builtin_memcpy(data + tail + 1, FIELD(w), FIELD_BYTES);
			return REWRITTEN;
		}
	}
	return bpf_msg_pop_data(msg, last, FIELD_BYTES, 0) ? REWRITTEN_HALF : REWRITTEN_NOT;
}

/* A client's block is in the window. Returns by how much the message grew, or GROWTH_FAILED. */
__noinline __u32 give_field(struct sk_msg_md *msg, struct connection *c, struct window *w)
{
	if (!c || !w)
		return 0;
	struct stream *s = stream_of(c, w->frame.stream);
	if (!s)
		return 0;
	struct exchange *x = &s->exchange;
	int done = REWRITTEN_NOT;
	if (!w->run.held && !(c->flags & PROPAGATES_ITSELF) && !(w->frame.flags & PADDED) && w->run.room >= FIELD_BYTES)
		done = inject_field(msg, w, x);
	if (done != REWRITTEN) {
		count(COUNT_NOT_INJECTED);
		return done == REWRITTEN_HALF ? GROWTH_FAILED : 0;
	}
	count(COUNT_INJECTED);
	x->flags |= EXCHANGE_INJECTED;
	x->request_bytes += FIELD_BYTES;
	return FIELD_BYTES;
}

static __always_inline void read_client_block(struct feed *f, __u32 whole, __u32 held, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	note_request(f, run->at - whole + held, held);
	if (!on_request_block(c, f->w) || !is_msg || !may_give(c))
		return;
	__u32 grew = give_field(f->msg, c, f->w);
	run->drop = grew == GROWTH_FAILED;
	if (run->drop)
		return;
	run->size += grew;
	run->at += grew;
	run->room -= grew;
}

/* May the frame in the window come now? `frames` becomes what may come after it. */
__noinline int in_order(struct framing *s, struct window *w, __u32 answers)
{
	if (!s || !w)
		return 0;
	struct frame *frame = &w->frame;
	__u8 frames = s->frames;
	int block = frame->type == FRAME_HEADERS || frame->type == FRAME_CONTINUATION;
	if (frames & FRAMES_BLOCK) {
		if (frame->type != FRAME_CONTINUATION || frame->stream != s->stream)
			return 0;
	} else if (frame->type == FRAME_CONTINUATION || (frames == FRAMES_FIRST && frame->type != FRAME_SETTINGS)) {
		return 0;
	}
	if (frame->type == FRAME_PUSH_PROMISE || (block && !frame->stream))
		return 0;
	__u8 last = frames & FRAMES_BLOCK ? frames & FRAMES_LAST : 0;
	if (answers && frame->type <= FRAME_HEADERS && frame->flags & END_STREAM)
		last = FRAMES_LAST;
	__u8 more = block && !(frame->flags & END_HEADERS) ? FRAMES_BLOCK : 0;
	s->frames = FRAMES_ANY | last | more;
	s->stream = frame->stream;
	return 1;
}

/* The payload of a frame without a header block begins; that which ends an answer is ended by step(). */
__noinline int begin_payload(struct connection *c, struct window *w, __u32 direction, __u64 now)
{
	if (!c || !w)
		return 0;
	struct frame *frame = &w->frame;
	struct framing *s = &c->streams[direction & 1];
	if (frame->type == FRAME_RST_STREAM) {
		finish_stream(c, frame->stream, now, SPAN_ABORTED);
	} else if (frame->type == FRAME_DATA) {
		struct stream *stream = stream_of(c, frame->stream);
		if (stream && direction == 0)
			stream->exchange.request_bytes += FRAME_HEAD + frame->length;
		else if (stream)
			stream->exchange.answer_bytes += FRAME_HEAD + frame->length;
	}
	s->left = frame->length;
	s->phase = PHASE_FRAME_PAYLOAD;
	return 0;
}

/* Takes what has come of a payload. */
static __always_inline void pass_payload(struct feed *f, struct framing *s)
{
	struct run *run = &f->w->run;
	__u32 have = run->size - run->at;
	__u32 some = s->left < have ? (__u32)s->left : have;
	s->left -= some;
	run->at += some;
	if (s->left)
		return;
	s->phase = PHASE_FRAME;
	if (!(s->frames & FRAMES_LAST))
		return;
	s->frames = FRAMES_ANY;
	finish_stream(f->c, s->stream, run->now, 0);
}

static __always_inline long read_some_frame(struct feed *f, struct framing *s, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	struct window *w = f->w;
	__u32 held = s->held;
	__u32 have = gather(f, s, FRAME_LOOK, is_msg);
	if (!have)
		return 1;
	struct frame *frame = &w->frame;
	__u32 whole = FRAME_HEAD;
	int block = 0;
	if (have >= FRAME_HEAD) {
		read_frame_head(w, frame);
		block = frame->type == FRAME_HEADERS || frame->type == FRAME_CONTINUATION;
		if (block)
			whole += frame->length;
	}
	if (whole > WINDOW)
		return make_opaque(c, OPAQUE_LONG_HEAD), 1;
	if (have < whole)
		return keep(f, s, have, whole);
	drop_kept(f, s);
	if (whole <= held)
		return make_opaque(c, OPAQUE_GAP), 1;
	if (!in_order(s, w, run->stream))
		return make_opaque(c, OPAQUE_BAD_FRAME), 1;
	run->at += whole - held;
	if (!block) {
		begin_payload(c, w, run->stream, run->now);
		pass_payload(f, s);
	} else if (run->stream == 0) {
		read_client_block(f, whole, held, is_msg);
	} else {
		on_answer_block(c, w, run->now, run->redirected);
	}
	return c->opaque || run->drop;
}

static __always_inline long step_frames(struct feed *f, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	if (!c || !f->w || c->opaque || run->at >= run->size)
		return 1;
	struct framing *s = &c->streams[run->stream & 1];
	if (s->phase != PHASE_FRAME_PAYLOAD)
		return read_some_frame(f, s, is_msg);
	pass_payload(f, s);
	return 0;
}

/* The client's first bytes are HTTP/2's: both directions are, from their beginning. */
static __always_inline long read_some_preface(struct feed *f, struct framing *s, __u32 have)
{
	struct connection *c = f->c;
	__u32 held = s->held;
	if (have < PREFACE_BYTES)
		return keep(f, s, have, PREFACE_BYTES);
	if (!is_preface(f->w))
		return make_opaque(c, OPAQUE_NOT_HTTP), 1;
	drop_kept(f, s);
	s->phase = PHASE_FRAME;
	__sync_fetch_and_or(&c->flags, MULTIPLEXED);
	f->w->run.at += PREFACE_BYTES - held;
	return 1;
}

#endif
