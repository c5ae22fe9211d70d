/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as bpf/trace.h asks for, in a process: its types, its maps as lists, and the helpers with the kernel's own rules
 * for messages (net/core/filter.c: bpf_msg_pull_data, push_data, pop_data). Each helper that may fail in the kernel fails here when told
 * to. In one file, long as it is: it stands where vmlinux.h and libbpf's headers do.
 */
#ifndef MITSU_TEST_KERNEL_H
#define MITSU_TEST_KERNEL_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define __noinline __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name
#define barrier() __asm__ volatile("" ::: "memory")
#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#define bpf_ntohl(x) __builtin_bswap32(x)
#define BPF_PROG(name, ...) name(__VA_ARGS__)

static void die(const char *why)
{
	fprintf(stderr, "harness: %s\n", why);
	exit(3);
}

static void *need(void *memory)
{
	if (!memory)
		die("no memory");
	return memory;
}

/* ---- chance and failure ---- */

enum fault { FAULT_PUSH = 1, FAULT_PULL = 2, FAULT_POP = 4, FAULT_UPDATE = 8, FAULT_READ = 16, FAULT_RING = 32 };

static struct {
	__u32 seed;
	__u8 faults; /* enum fault */
	__u8 rate; /* how often they come, in 1/256 */
	__u64 now;
	__u32 thread;
} world = { .seed = 1, .now = 1000000000 };

static __u32 chance(void)
{
	__u32 x = world.seed;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return world.seed = x;
}

static int fails(enum fault which)
{
	return world.faults & which && (chance() >> 8 & 255) < world.rate;
}

#define bpf_get_prandom_u32() chance()
#define bpf_ktime_get_ns() (world.now += 1000)
#define bpf_get_current_pid_tgid() ((__u64)world.thread << 32 | world.thread)
#define bpf_get_current_ancestor_cgroup_id(level) ((__u64)(level)*0)

static inline long bpf_probe_read_kernel(void *to, __u32 bytes, const void *from)
{
	if (fails(FAULT_READ))
		return -14;
	memcpy(to, from, bytes);
	return 0;
}

static long bpf_loop(__u32 times, long (*step)(__u32, void *), void *context, __u64 flags)
{
	__u32 i = 0;
	while (i < times)
		if (step(i++, context))
			break;
	return i;
}

/* ---- maps ---- */

struct entry {
	struct entry *next;
	void *value; /* of its own, so that a read past it is seen */
	char key[64];
};

struct table {
	const void *map;
	__u32 kind, key, value;
	struct entry *entries;
};

static struct table tables[32];

static struct table *table_of(const void *map, __u32 kind, __u32 key, __u32 value)
{
	for (struct table *t = tables; t < tables + 32; t++) {
		if (!t->map)
			*t = (struct table){ map, kind, key, value, 0 };
		if (t->map == map)
			return t;
	}
	die("too many maps");
	return 0;
}

static struct entry **find(struct table *t, const void *key)
{
	struct entry **e = &t->entries;
	while (*e && memcmp((*e)->key, key, t->key))
		e = &(*e)->next;
	return e;
}

static void *insert(struct table *t, const void *key, const void *value)
{
	struct entry *e = need(calloc(1, sizeof(*e)));
	e->value = need(calloc(1, t->value));
	memcpy(e->key, key, t->key);
	if (value)
		memcpy(e->value, value, t->value);
	e->next = t->entries;
	t->entries = e;
	return e->value;
}

static void *lookup(struct table *t, const void *key)
{
	struct entry **e = find(t, key);
	if (*e)
		return (*e)->value;
	return t->kind == BPF_MAP_TYPE_ARRAY || t->kind == BPF_MAP_TYPE_PERCPU_ARRAY ? insert(t, key, 0) : 0;
}

static long update(struct table *t, const void *key, const void *value, __u64 flags)
{
	if (fails(FAULT_UPDATE))
		return -12;
	struct entry **e = find(t, key);
	if (*e && flags == BPF_NOEXIST)
		return -17;
	if (*e)
		memcpy((*e)->value, value, t->value);
	else
		insert(t, key, value);
	return 0;
}

static long erase(struct entry **at)
{
	struct entry *e = *at;
	if (!e)
		return -2;
	*at = e->next;
	free(e->value);
	free(e);
	return 0;
}

static long peek(struct table *t, void *value, int pop)
{
	struct entry **e = &t->entries;
	if (!*e)
		return -2;
	while ((*e)->next)
		e = &(*e)->next;
	memcpy(value, (*e)->value, t->value);
	return pop ? erase(e) : 0;
}

static void empty_tables(void)
{
	for (struct table *t = tables; t->map; t++)
		while (t->entries)
			erase(&t->entries);
}

#define TABLE(map) table_of(map, sizeof(*(map)->type) / sizeof(int), sizeof(*(map)->key), sizeof(*(map)->value))
#define QUEUE(map) table_of(map, sizeof(*(map)->type) / sizeof(int), 0, sizeof(*(map)->value))
#define bpf_map_lookup_elem(map, at) lookup(TABLE(map), at)
#define bpf_map_update_elem(map, at, from, flags) update(TABLE(map), at, from, flags)
#define bpf_map_delete_elem(map, at) erase(find(TABLE(map), at))
#define bpf_map_peek_elem(map, to) peek(QUEUE(map), to, 0)
#define bpf_map_pop_elem(map, to) peek(QUEUE(map), to, 1)
#define bpf_map_push_elem(map, from, flags) ((void)insert(QUEUE(map), "", from))

static char ring_record[4096]; /* the one that is being written */
static void on_record(const void *record), on_block(const void *record, __u64 bytes);

static inline void *bpf_ringbuf_reserve(void *map, __u64 bytes, __u64 flags)
{
	return bytes > sizeof(ring_record) || fails(FAULT_RING) ? 0 : ring_record;
}

static inline void bpf_ringbuf_submit(void *record, __u64 flags)
{
	on_record(record);
}

static inline long bpf_ringbuf_output(void *map, const void *record, __u64 bytes, __u64 flags)
{
	if (fails(FAULT_RING))
		return -11;
	on_block(record, bytes);
	return 0;
}

#define bpf_ringbuf_query(map, what) ((__u64)0)

/* ---- sockets ---- */

struct sock {
	struct {
		__u16 skc_family, skc_num;
		__be16 skc_dport;
		__be32 skc_daddr, skc_rcv_saddr;
		char skc_v6_daddr[16], skc_v6_rcv_saddr[16];
	} __sk_common;
	struct {
		int owned;
	} sk_lock;
	int sk_sndbuf, sk_wmem_queued;
};

struct tcp_sock {
	struct sock sk;
	__u32 write_seq, rcv_nxt, snd_una;
	__u64 bytes_received, bytes_sent, bytes_acked;
};

static void *storage_of(const void *sk);
static struct tcp_sock *tcp_of(const struct bpf_sock *sk);
static __u64 cookie_of(const struct __sk_buff *skb);

#define bpf_sk_fullsock(sk) (sk)
#define bpf_sk_storage_get(map, sk, value, flags) storage_of(sk)
#define bpf_skc_to_tcp_sock(sk) tcp_of((const struct bpf_sock *)(sk))
#define bpf_get_socket_cookie(skb) cookie_of(skb)

/* ---- packets ---- */

static const char *packet; /* of the segment that a program runs over */

static inline long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 at, void *to, __u32 bytes)
{
	if (fails(FAULT_READ) || (__u64)at + bytes > skb->len)
		return -14;
	memcpy(to, packet + at, bytes);
	return 0;
}

/* ---- messages: a list of pieces, each with memory of its own ---- */

struct piece {
	char *bytes;
	__u32 length;
};

struct message {
	struct sk_msg_md md;
	__u32 pieces;
	struct piece piece[64];
};

/* Makes [first, last) one piece. */
static void join_pieces(struct message *m, __u32 first, __u32 last)
{
	__u32 length = 0;
	for (__u32 i = first; i < last; i++)
		length += m->piece[i].length;
	char *bytes = need(malloc(length ? length : 1)), *to = bytes;
	for (__u32 i = first; i < last; i++) {
		memcpy(to, m->piece[i].bytes, m->piece[i].length);
		to += m->piece[i].length;
		free(m->piece[i].bytes);
	}
	m->piece[first] = (struct piece){ bytes, length };
	memmove(m->piece + first + 1, m->piece + last, (m->pieces - last) * sizeof(m->piece[0]));
	m->pieces -= last - first - 1;
}

static void insert_piece(struct message *m, __u32 index, const char *from, __u32 length)
{
	if (m->pieces == 64)
		join_pieces(m, index > 31 ? 0 : index, index > 31 ? index : 64), index = index > 31 ? 1 : index;
	memmove(m->piece + index + 1, m->piece + index, (m->pieces - index) * sizeof(m->piece[0]));
	m->piece[index] = (struct piece){ need(malloc(length ? length : 1)), length };
	if (from)
		memcpy(m->piece[index].bytes, from, length);
	else
		memset(m->piece[index].bytes, 0xa5, length); /* the kernel's is not cleared either */
	m->pieces++;
}

/* The index of the piece that begins at `at`, after a cut there. */
static __u32 cut_pieces(struct message *m, __u32 at)
{
	__u32 i = 0, offset = 0;
	while (i < m->pieces && offset + m->piece[i].length <= at)
		offset += m->piece[i++].length;
	if (i == m->pieces || offset == at)
		return i;
	if (m->pieces == 64) {
		join_pieces(m, 0, 64);
		return cut_pieces(m, at);
	}
	__u32 keep = at - offset;
	insert_piece(m, i + 1, m->piece[i].bytes + keep, m->piece[i].length - keep);
	char *shorter = need(malloc(keep)); /* exactly: what is read past it is seen */
	memcpy(shorter, m->piece[i].bytes, keep);
	free(m->piece[i].bytes);
	m->piece[i] = (struct piece){ shorter, keep };
	return i + 1;
}

/* What a program sees of a message before it pulls: its first piece, or nothing when that is shared with somebody else. */
static void first_pointers(struct message *m, int shared)
{
	m->md.data = shared ? 0 : m->piece[0].bytes;
	m->md.data_end = shared ? 0 : m->piece[0].bytes + m->piece[0].length;
}

static long bpf_msg_pull_data(struct sk_msg_md *md, __u32 start, __u32 end, __u64 flags)
{
	struct message *m = (struct message *)md;
	if (flags || end <= start)
		return -22;
	__u32 first = 0, offset = 0;
	while (first < m->pieces && offset + m->piece[first].length <= start)
		offset += m->piece[first++].length;
	if (first == m->pieces)
		return -22;
	__u32 last = first, covered = offset;
	while (last < m->pieces && covered < end)
		covered += m->piece[last++].length;
	if (covered < end)
		return -22;
	if (fails(FAULT_PULL))
		return -12;
	if (last - first > 1)
		join_pieces(m, first, last);
	md->data = m->piece[first].bytes + (start - offset);
	md->data_end = md->data + (end - start);
	return 0;
}

static void on_push(__u32 at, __u32 bytes), on_pop(struct message *m, __u32 at, __u32 bytes);

static long bpf_msg_push_data(struct sk_msg_md *md, __u32 start, __u32 bytes, __u64 flags)
{
	struct message *m = (struct message *)md;
	if (flags || start >= md->size)
		return -22;
	if (fails(FAULT_PUSH))
		return -12;
	insert_piece(m, cut_pieces(m, start), 0, bytes);
	md->size += bytes;
	first_pointers(m, chance() & 1);
	on_push(start, bytes);
	return 0;
}

static long bpf_msg_pop_data(struct sk_msg_md *md, __u32 start, __u32 bytes, __u64 flags)
{
	struct message *m = (struct message *)md;
	if (flags || start >= md->size || (__u64)start + bytes > md->size)
		return -22;
	if (fails(FAULT_POP))
		return -12;
	__u32 first = cut_pieces(m, start), last = cut_pieces(m, start + bytes);
	if (last - first > 1)
		join_pieces(m, first, last);
	free(m->piece[first].bytes);
	memmove(m->piece + first, m->piece + first + 1, (m->pieces - first - 1) * sizeof(m->piece[0]));
	m->pieces--;
	md->size -= bytes;
	first_pointers(m, chance() & 1);
	on_pop(m, start, bytes);
	return 0;
}

#endif
