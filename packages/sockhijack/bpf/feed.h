/* SPDX-License-Identifier: GPL-2.0-only */
/* One message or segment is fed to its direction's parser: heads, bodies and chunks, as many as it holds. */
#ifndef MITSU_FEED_H
#define MITSU_FEED_H

#include "messages.h"

/* The first look at a message: most heads are shorter. */
#define FIRST_LOOK 1024
/* Steps of one message or segment: heads, bodies, frames, parts of chunked framing. */
#define FEED_STEPS 4096

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

static __always_inline void count_bytes(struct connection *c, __u32 stream, __u32 bytes)
{
	if (stream == 0)
		c->exchanges[(c->asked - 1) & (DEPTH - 1)].request_bytes += bytes;
	else
		c->exchanges[c->answered & (DEPTH - 1)].answer_bytes += bytes;
}

static __always_inline void took(struct feed *f, __u32 bytes)
{
	struct run *run = &f->w->run;
	count_bytes(f->c, run->stream, bytes);
	run->at += bytes;
}

/* Fills the window with what is held of an unfinished head or frame, and what follows it: `look` bytes, or as many as run.wide asks
 * for. Returns the bytes in the window; 0: the connection is left alone. */
static __always_inline __u32 gather(struct feed *f, struct framing *s, __u32 look, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	struct window *w = f->w;
	__u64 key = c->id * 2 + run->stream;
	__u32 held = s->held, all = run->size - run->at;
	if (held >= WINDOW)
		return make_opaque(c, OPAQUE_LONG_HEAD);
	__u32 fits = WINDOW - held;
	__u32 want = run->wide > look ? run->wide : look;
	if (want > all)
		want = all;
	if (want > fits)
		want = fits;
	if (held) {
		struct partial *p = bpf_map_lookup_elem(&partials, &key);
		if (!p || bpf_probe_read_kernel(w->bytes, held & (WINDOW - 1), p->bytes))
			return make_opaque(c, OPAQUE_GAP);
	}
	/* The window is longer than WINDOW by its slack, and held + want is at most WINDOW. */
	if (load(f, run->at, want, w->bytes + (held & (WINDOW - 1)), is_msg))
		return make_opaque(c, OPAQUE_GAP);
	run->looked = want;
	return held + want;
}

/* `have` bytes do not suffice, `need` may: looks again at more of the message, or keeps all of it until more comes. */
static __always_inline long keep(struct feed *f, struct framing *s, __u32 have, __u32 need)
{
	struct run *run = &f->w->run;
	__u64 key = f->c->id * 2 + run->stream;
	__u32 some = have - s->held;
	if (some < run->size - run->at) {
		run->wide = need - s->held;
		return 0;
	}
	if (bpf_map_update_elem(&partials, &key, f->w->bytes, BPF_ANY))
		return make_opaque(f->c, OPAQUE_GAP), 1;
	s->held = have;
	run->at += some;
	return 0;
}

/* What was kept is in the window, and whole. */
static __always_inline void drop_kept(struct feed *f, struct framing *s)
{
	struct run *run = &f->w->run;
	__u64 key = f->c->id * 2 + run->stream;
	run->wide = 0;
	if (s->held)
		bpf_map_delete_elem(&partials, &key);
	s->held = 0;
}

#include "frames.h"

static __always_inline long read_some_head(struct feed *f, struct framing *s, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	struct window *w = f->w;
	__u32 held = s->held;
	__u32 have = gather(f, s, FIRST_LOOK, is_msg);
	if (!have)
		return 1;
	if (run->stream == 0 && !c->asked && begins_preface(w, have))
		return read_some_preface(f, s, have);
	__u8 why = read_head(w, have, run->stream == 0);
	if (why == OPAQUE_NOT_HTTP && run->stream == 1 && !c->asked && !held && AT(w, 0) == 0) {
		s->phase = PHASE_FRAME; /* HTTP/2's server need not wait for its client */
		return 1;
	}
	if (why != OPAQUE_NO)
		return make_opaque(c, why), 1;
	struct head *h = &w->head;
	if (!h->length)
		return keep(f, s, have, WINDOW);
	drop_kept(f, s);
	if (h->length <= held)
		return make_opaque(c, OPAQUE_GAP), 1;
	__u32 used = h->length - held;
	if (run->stream == 0)
		used += read_request(f, held, is_msg);
	else
		on_answer(c, w, run->now, run->redirected);
	run->size += used - (h->length - held);
	run->at += used;
	return c->opaque || run->drop;
}

static __always_inline long read_some_framing(struct feed *f, struct framing *s, int is_msg)
{
	struct run *run = &f->w->run;
	__u32 have = run->size - run->at;
	if (have > CHUNK_LOOK)
		have = CHUNK_LOOK;
	if (load(f, run->at, have, f->w->bytes, is_msg))
		return make_opaque(f->c, OPAQUE_GAP), 1;
	struct framing now = *s;
	__u32 taken = read_framing(&now, f->w, have);
	*s = now;
	took(f, taken & (MESSAGE_ENDED - 1));
	if (now.phase == PHASE_OPAQUE)
		return make_opaque(f->c, now.opaque), 1;
	if (taken & MESSAGE_ENDED && run->stream == 1)
		finish(f->c, run->now, 0);
	return 0;
}

static __always_inline long step(struct feed *f, int is_msg)
{
	struct run *run = &f->w->run;
	struct connection *c = f->c;
	if (!c || !f->w || c->opaque || run->at >= run->size)
		return 1;
	struct framing *s = &c->streams[run->stream & 1];
	if (s->phase == PHASE_HEAD)
		return read_some_head(f, s, is_msg);
	if (s->phase == PHASE_UNTIL_CLOSE) {
		took(f, run->size - run->at);
		return 1;
	}
	if (s->phase != PHASE_BODY && s->phase != PHASE_CHUNK_DATA)
		return read_some_framing(f, s, is_msg);
	__u32 have = run->size - run->at;
	__u32 some = s->left < have ? (__u32)s->left : have;
	s->left -= some;
	took(f, some);
	if (s->left)
		return 0;
	if (s->phase == PHASE_CHUNK_DATA) {
		s->phase = PHASE_CHUNK_END_CR;
	} else {
		s->phase = PHASE_HEAD;
		if (run->stream == 1)
			finish(c, run->now, 0);
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

static long step_message_frames(__u32 index, void *context)
{
	return step_frames(context, 1);
}

static long step_segment_frames(__u32 index, void *context)
{
	return step_frames(context, 0);
}

/* HTTP/2 from its client's first bytes on; its server may have begun already. */
static __always_inline int is_framed(const struct connection *c, struct framing *s)
{
	if (s->phase == PHASE_HEAD && c->flags & MULTIPLEXED)
		s->phase = PHASE_FRAME;
	return s->phase >= PHASE_FRAME;
}

/* Takes bytes that lie within a body, and need not be looked at nor even be here; 0: they may hold more than that. */
static __always_inline int pass_body(struct connection *c, __u32 stream, __u32 bytes)
{
	struct framing *s = &c->streams[stream & 1];
	int frame = s->phase == PHASE_FRAME_PAYLOAD; /* counted with its frame */
	if ((!frame && s->phase != PHASE_BODY && s->phase != PHASE_CHUNK_DATA) || s->left <= bytes)
		return 0;
	s->left -= bytes;
	if (!frame)
		count_bytes(c, stream, bytes);
	return 1;
}

/* Feeds what `run` says; of it, the size, by which a message may have grown, and whether to drop it are what came of it. */
static __always_inline void feed(struct feed *f, struct run *run, int is_msg)
{
	struct connection *c = f->c;
	struct framing *s = &c->streams[run->stream & 1];
	if (pass_body(c, run->stream, run->size - run->at))
		return;
	struct reader *r = claim_reader();
	if (!r) {
		make_opaque(c, OPAQUE_GAP);
		return;
	}
	struct window *w = &r->window;
	f->w = w;
	w->run = *run;
	if (!is_framed(c, s))
		bpf_loop(FEED_STEPS, is_msg ? step_message : step_segment, f, 0);
	if (is_framed(c, s))
		bpf_loop(FEED_STEPS, is_msg ? step_message_frames : step_segment_frames, f, 0);
	if (w->run.drop)
		make_opaque(c, OPAQUE_GAP); /* what its program sends next does not follow what was read */
	else if (w->run.at < w->run.size && !c->opaque)
		make_opaque(c, OPAQUE_DEEP);
	run->size = w->run.size;
	run->drop = w->run.drop;
	free_reader(r);
}

#endif
