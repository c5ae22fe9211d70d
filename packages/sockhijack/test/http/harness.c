/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf/trace.h, its HTTP/1 and its HTTP/2, as they are, in a process, run over connections that come on standard input; harness.ts speaks to
 * it. Input, little-endian: 'C' topology u8, trace u8, faults u8, rate u8, seed u32, sampling u32: a new connection; 'M' stream u8, way u8,
 * length u32, bytes: its next message; 'E': its end. Output: see put_message() and put_end(). Longer than most files here: sockets,
 * packets, messages and their protocol are one small machine. Exit status 3: the input is none, or the programs broke a rule that only they
 * see (a reader left busy, a packet changed).
 */
#include "kernel.h"
#include "../../bpf/sockhijack.h"
#include "../../bpf/maps.h"
#include "../../bpf/uapi.h"
#include "../../bpf/identity.h"
#include "../../bpf/trace.h"

enum topology { BOTH_HERE = 0, CLIENT_HERE = 1, SERVER_HERE = 2 };
enum way {
	WAY_REDIRECTED = 0,
	WAY_MESSAGE_BY_TCP = 1,
	WAY_SEGMENTS = 2,
	WAY_MASK = 3,
	WAY_TWICE = 4, /* segments come a second time, in part or whole */
	WAY_PIECES = 8, /* the message lies in several pieces of memory */
	WAY_LATE = 16 /* of its segments each third comes after the one behind it */
};
/* What is still there after both ends have closed, and should not be. */
enum left { LEFT_CONNECTION = 1, LEFT_THREAD = 2, LEFT_PARTIAL = 4, LEFT_STREAM = 8 };
enum { CLIENT = 1, SERVER = 2, MSS = 1448, THREAD = 100, HEADERS = sizeof(struct iphdr) + sizeof(struct tcphdr) };

struct end {
	struct bpf_sock sk;
	struct tcp_sock tp;
	struct sock_state st;
	__u32 sent; /* TCP's sequence number of the next byte it sends */
	__u32 ip;
	__be16 port;
};

static struct end ends[2]; /* client, server: ends[stream] sends that stream */
static enum topology topology;

static struct end *end_of(const void *sk)
{
	for (int i = 0; i < 2; i++)
		if (sk == &ends[i].sk || sk == &ends[i].tp)
			return &ends[i];
	die("no such socket");
	return 0;
}

static void *storage_of(const void *sk)
{
	return &end_of(sk)->st;
}

static struct tcp_sock *tcp_of(const struct bpf_sock *sk)
{
	return &end_of(sk)->tp;
}

static __u64 cookie_of(const struct __sk_buff *skb)
{
	return end_of(skb->sk)->st.cookie;
}

static int is_here(int end)
{
	return end == 0 ? topology != SERVER_HERE : topology != CLIENT_HERE;
}

/* ---- output ---- */

static void put(const void *bytes, size_t length)
{
	if (fwrite(bytes, 1, length, stdout) != length)
		die("cannot write");
}

static void put8(__u8 value)
{
	put(&value, 1);
}

static void put32(__u32 value)
{
	put(&value, 4);
}

static void put64(__u64 value)
{
	put(&value, 8);
}

static struct span_record *records;
static __u32 recorded, record_room;

static void on_record(const void *record)
{
	if (recorded == record_room) {
		record_room = record_room ? 2 * record_room : 64;
		records = need(realloc(records, record_room * sizeof(*records)));
	}
	records[recorded++] = *(const struct span_record *)record;
}

/* Header blocks as they were told, one after the other, each behind how many exchanges had been told before it. */
static char *blocks;
static __u32 told, block_bytes, block_room;

static void on_block(const void *record, __u64 bytes)
{
	const struct header_block *b = record;
	if (b->none || b->pad || b->answers > 1 || bytes != sizeof(*b) + b->bytes)
		die("a header block is not as it says");
	while (block_bytes + sizeof(recorded) + bytes > block_room) {
		block_room = block_room ? 2 * block_room : 1 << 16;
		blocks = need(realloc(blocks, block_room));
	}
	memcpy(blocks + block_bytes, &recorded, sizeof(recorded));
	memcpy(blocks + block_bytes + sizeof(recorded), record, bytes);
	block_bytes += sizeof(recorded) + bytes;
	told++;
}

/* What was put into the present message, and where. */
static __u32 pushes[4096], pushed, put_in;
static const char *original;
static __u32 original_length;

static void on_push(__u32 at, __u32 bytes)
{
	if (pushed == 4096)
		die("too many injections");
	pushes[pushed++] = at;
	put_in = bytes;
}

/* Where the message, written anew, differs from what it was by what it has more; of a field, one byte before, as when it is put in. */
static __u32 grown_at(const char *bytes, __u32 length)
{
	static const char line[] = "\r\ntraceparent: 00-", field[] = "\0\vtraceparent700-";
	__u32 more = length - original_length;
	int is_field = more == FIELD_BYTES;
	for (__u32 at = 2; at <= original_length; at++) {
		const char *mark = is_field ? field : line;
		__u32 from = is_field ? at : at - 2, size = is_field ? sizeof(field) - 1 : sizeof(line) - 1;
		__u32 begin = is_field ? 3 : 0; /* but for the frame's length */
		if (from + size <= length && !memcmp(bytes + from, mark, size) && !memcmp(bytes + begin, original + begin, at - begin) &&
		    !memcmp(bytes + at + more, original + at, original_length - at))
			return is_field ? at - 1 : at;
	}
	die("a message was written anew, and differently");
	return 0;
}

static void on_pop(struct message *m, __u32 at, __u32 bytes)
{
	if (pushed == 1 && pushes[0] == 0 && at == put_in && bytes == original_length) {
		join_pieces(m, 0, m->pieces);
		pushes[0] = grown_at(m->piece[0].bytes, m->md.size);
	} else if (!pushed || pushes[--pushed] != at || bytes != put_in)
		die("took out what it did not put in");
}

/* ---- a connection ---- */

static struct connection *connection_now(void)
{
	for (int i = 0; i < 2; i++) {
		__u64 id = ends[i].st.cookie;
		struct connection *c = bpf_map_lookup_elem(&connections, &id);
		if (c)
			return c;
	}
	return 0;
}

static void run_packet(int sender, int ingress, __u32 seq, const char *bytes, __u32 length, int syn, int ack)
{
	struct end *from = &ends[sender], *to = &ends[!sender];
	struct end *here = ingress ? to : from;
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_TCP, .saddr = from->ip, .daddr = to->ip };
	struct tcphdr tcp = { .source = from->port, .dest = to->port, .seq = bpf_htonl(seq), .doff = 5, .syn = syn, .ack = ack };
	char *whole = need(malloc(HEADERS + length));
	memcpy(whole, &ip, sizeof(ip));
	memcpy(whole + sizeof(ip), &tcp, sizeof(tcp));
	if (length)
		memcpy(whole + HEADERS, bytes, length);
	packet = whole;
	struct __sk_buff skb = { .len = HEADERS + length, .protocol = bpf_htons(0x0800) };
	skb.sk = &here->sk;
	if ((ingress ? packet_in(&skb) : packet_out(&skb)) != 1)
		die("a packet was dropped");
	if (skb.len != HEADERS + length || (length && memcmp(whole + HEADERS, bytes, length)))
		die("a packet was changed");
	free(whole);
}

/* One segment, past whichever ends are here. */
static void send_segment(int sender, __u32 seq, const char *bytes, __u32 length, int syn, int ack)
{
	if (is_here(sender))
		run_packet(sender, 0, seq, bytes, length, syn, ack);
	if (is_here(!sender))
		run_packet(sender, 1, seq, bytes, length, syn, ack);
}

static void send_segments(int sender, const char *bytes, __u32 length, __u8 way)
{
	struct end *from = &ends[sender], *to = &ends[!sender];
	for (__u32 n = 0; n * MSS < length; n++) {
		__u32 at = n * MSS, late = way & WAY_LATE && n % 3 && (n - n % 3 + 3) * MSS <= length;
		if (late)
			at += n % 3 == 1 ? MSS : -MSS;
		__u32 some = length - at < MSS ? length - at : MSS;
		from->tp.bytes_sent += some; /* as the kernel does, before the segment leaves */
		send_segment(sender, from->sent + at, bytes + at, some, 0, 1);
		__u32 back = way & WAY_TWICE ? chance() % (at + some + 1) : 0;
		if (back)
			send_segment(sender, from->sent + at + some - back, bytes + at + some - back, back, 0, 1);
	}
	from->sent += length;
	to->tp.rcv_nxt += length;
	to->tp.bytes_received += length;
}

/* What a head must not be read from: the window as the last reader left it. */
static void soil_windows(void)
{
	static const char *const dirt[] = { "\r\n\r\n", "traceparent: 00-", "Content-Length: 7\r\n", "\n", "chunked\r\n", "\xff" };
	static struct window soiled[6];
	if (!soiled[0].bytes[0])
		for (int with = 0; with < 6; with++) {
			memset(&soiled[with].head, 0xa5, sizeof(struct head));
			for (size_t at = 0, length = strlen(dirt[with]); at < sizeof(soiled[with].bytes); at++)
				soiled[with].bytes[at] = dirt[with][at % length];
		}
	for (__u32 i = 0; i < READERS; i++) {
		struct reader *r = bpf_map_lookup_elem(&readers, &i);
		if (r->busy)
			die("a reader was left busy");
		r->window = soiled[chance() % 6];
		if (chance() % 16)
			break; /* the others are seldom read */
	}
}

static void put_message(int verdict, const char *bytes, __u32 length)
{
	struct connection *c = connection_now();
	put8(verdict);
	put8(c ? c->opaque : 255);
	put32(pushed);
	for (__u32 i = 0; i < pushed; i++)
		put32(pushes[i]);
	put32(length);
	put(bytes, length);
}

static void run_message(int stream, __u8 way, const char *bytes, __u32 length)
{
	struct end *from = &ends[stream], *to = &ends[!stream];
	pushed = 0;
	original = bytes;
	original_length = length;
	soil_windows();
	world.thread = THREAD + stream;
	if ((way & WAY_MASK) == WAY_SEGMENTS || !is_here(stream) || length == 0) {
		from->tp.sk.sk_lock.owned = 1;
		send_segments(stream, bytes, length, way);
		put_message(SK_PASS, bytes, length);
	} else {
		struct message m = { .md = { .size = length } };
		__u32 at = 0;
		while (at < length) {
			__u32 some = way & WAY_PIECES ? 1 + chance() % length : length;
			if (some > length - at || m.pieces == 8)
				some = length - at;
			insert_piece(&m, m.pieces, bytes + at, some);
			at += some;
		}
		first_pointers(&m, chance() & 1);
		int redirected = (way & WAY_MASK) == WAY_REDIRECTED && topology == BOTH_HERE;
		int verdict = trace_message(&m.md, &from->st, &from->tp, redirected);
		join_pieces(&m, 0, m.pieces);
		if (m.piece[0].length != m.md.size)
			die("size and pieces differ");
		if (verdict == SK_PASS && !redirected) {
			from->tp.write_seq += m.md.size;
			send_segments(stream, m.piece[0].bytes, m.md.size, way);
		}
		put_message(verdict, m.piece[0].bytes, m.md.size);
		free(m.piece[0].bytes);
	}
	if (from->tp.write_seq != from->sent)
		from->tp.write_seq = from->sent;
	if (is_here(!stream)) {
		world.thread = THREAD + !stream;
		on_receive(&to->tp.sk, length, 0);
	}
}

static void new_end(int which, __u32 service, __u32 peer, __u32 isn)
{
	struct end *e = &ends[which];
	memset(e, 0, sizeof(*e));
	e->sk.protocol = IPPROTO_TCP;
	e->sk.state = BPF_TCP_ESTABLISHED;
	e->sk.family = AF_INET_;
	e->ip = bpf_htonl(0x0a000001 + which);
	e->port = bpf_htons(which == 0 ? 40000 : 80);
	e->sent = e->tp.write_seq = e->tp.snd_una = isn + 1; /* nothing is ever acknowledged */
	e->tp.sk.sk_sndbuf = 1 << 30;
	e->st.cookie = 1000 + which;
	e->st.service = service;
	e->st.peer_service = peer;
	e->st.flags = which == 0 ? STATE_CLIENT : 0;
}

static void new_connection(__u8 where, __u8 trace, __u8 faults, __u8 rate, __u32 seed, __u32 sampling)
{
	world.faults = 0;
	world.seed = seed ? seed : 1;
	recorded = told = block_bytes = 0;
	topology = where;
	empty_tables();
	for (__u32 id = CLIENT; id <= SERVER; id++) {
		struct service *s = bpf_map_lookup_elem(&services, &id);
		s->trace = trace;
		s->sampling = sampling;
	}
	/* Sequence numbers wrap in some connections. */
	__u32 isn[2] = { chance() & 1 ? chance() : -(chance() & 255), chance() & 1 ? chance() : -(chance() & 255) };
	new_end(0, CLIENT, SERVER, isn[0]);
	new_end(1, SERVER, 0, isn[1]);
	for (int i = 0; i < 2; i++) {
		struct sock *sk = &ends[i].tp.sk;
		sk->__sk_common.skc_family = AF_INET_;
		sk->__sk_common.skc_num = bpf_ntohs(ends[i].port);
		sk->__sk_common.skc_dport = ends[!i].port;
		sk->__sk_common.skc_rcv_saddr = ends[i].ip;
		sk->__sk_common.skc_daddr = ends[!i].ip;
		ends[i].tp.rcv_nxt = isn[!i] + 1;
	}
	if (is_here(0))
		run_packet(0, 0, isn[0], 0, 0, 1, 0);
	if (is_here(1)) { /* it comes to the listener */
		ends[1].sk.state = BPF_TCP_LISTEN;
		run_packet(0, 1, isn[0], 0, 0, 1, 0);
		ends[1].sk.state = BPF_TCP_ESTABLISHED;
	}
	if (is_here(0)) {
		if (is_here(1))
			run_packet(1, 0, isn[1], 0, 0, 1, 1);
		run_packet(1, 1, isn[1], 0, 0, 1, 1);
	}
	world.faults = faults;
	world.rate = rate;
}

static __u32 counted(__u32 which)
{
	return *(__u64 *)bpf_map_lookup_elem(&counters, &which);
}

/* The state before the ends close, then every exchange told, those that closing ends among them. */
static void put_end(void)
{
	struct connection *c = connection_now();
	world.faults = 0;
	put8(c ? c->opaque : 255);
	for (int i = 0; i < 2; i++) {
		struct framing none = {}, *s = c ? &c->streams[i] : &none;
		put8(s->phase);
		put8(s->phase == PHASE_CHUNK_SIZE ? s->digits : 0);
		put32(s->held);
		put8(s->frames);
		put64(s->left);
	}
	put32(counted(COUNT_REQUESTS));
	put32(counted(COUNT_INJECTED));
	put32(counted(COUNT_CONTINUED));
	put32(counted(COUNT_NOT_INJECTED));
	put32(counted(COUNT_STREAMS_FULL));
	for (int i = 0; i < 2; i++)
		if (is_here(i))
			end_traced(&ends[i].st);
	world.now += 2 * GRAVE_NS;
	bury(world.now);
	__u8 left = connection_now() ? LEFT_CONNECTION : 0;
	for (__u32 tid = THREAD; tid < THREAD + 2; tid++) {
		struct thread *t = bpf_map_lookup_elem(&threads, &tid);
		if (t && (t->open || t->which))
			left |= LEFT_THREAD;
	}
	for (struct table *t = tables; t->map; t++)
		if (t->entries)
			left |= t->map == &partials ? LEFT_PARTIAL : t->map == &streams ? LEFT_STREAM : 0;
	put8(left);
	put32(recorded);
	for (__u32 i = 0; i < recorded; i++) {
		const struct exchange *x = &records[i].exchange;
		put32(x->status);
		put32(x->flags);
		put32(records[i].flags);
		put32(x->method);
		put32(x->target);
		put32(x->stream);
		put64(x->request_bytes);
		put64(x->answer_bytes);
		put(x->trace, 16);
		put(&x->parent, 8);
		put(&x->client_span, 8);
		put(&x->server_span, 8);
		put(x->line, LINE_BYTES);
	}
	put32(told);
	for (__u32 at = 0; at < block_bytes;) {
		struct header_block b;
		put(blocks + at, sizeof(recorded));
		at += sizeof(recorded);
		memcpy(&b, blocks + at, sizeof(b));
		at += sizeof(b);
		put8(b.answers);
		put32(b.number);
		put32(b.bytes);
		put(blocks + at, b.bytes);
		at += b.bytes;
	}
}

static void get(void *to, size_t length)
{
	if (length && fread(to, 1, length, stdin) != length)
		die("the input ends too early");
}

int main(void)
{
	char *bytes = 0;
	int tag;
	while ((tag = getchar()) != EOF) {
		__u8 small[4];
		__u32 large[2];
		switch (tag) {
		case 'C':
			get(small, 4);
			get(large, 8);
			new_connection(small[0], small[1], small[2], small[3], large[0], large[1]);
			break;
		case 'M':
			get(small, 2);
			get(large, 4);
			bytes = need(malloc(large[0] ? large[0] : 1));
			get(bytes, large[0]);
			run_message(small[0] & 1, small[1], bytes, large[0]);
			free(bytes);
			break;
		case 'E':
			put_end();
			break;
		default:
			die("no such command");
		}
	}
	empty_tables();
	free(records);
	free(blocks);
	return fflush(stdout) ? 3 : 0;
}
