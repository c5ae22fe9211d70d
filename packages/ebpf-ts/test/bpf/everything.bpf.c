// Test object: one program of each kind and one map of each kind that the package's kernel tests attach and read.
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 sequence;
	__u32 cpu;
	__be16 port;
	__u8 address[6];
};

struct socket_entry {
	__u64 cookie;
	__u32 state;
	__u16 local_port;
	__u16 family;
};

// Keeps the structs in BTF, where no map names them.
const struct event *unused_event __attribute__((unused));
const struct socket_entry *unused_entry __attribute__((unused));

const volatile __u32 wanted_port = 0;
const volatile __u64 limit = 7;
const volatile __u8 label[8] = {};

__u64 runs = 0;
__u32 last_port = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} scores SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	__sync_fetch_and_add(&runs, 1);
	last_port = bpf_ntohs(ctx->user_port);
	// 0 makes connect() fail with EPERM.
	return wanted_port == 0 || last_port != wanted_port;
}

SEC("cgroup/connect4")
int connect4_deny(struct bpf_sock_addr *ctx)
{
	return 0;
}

static void count(__u32 key)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += 1;
}

SEC("sk_msg")
int message(struct sk_msg_md *msg)
{
	count(2);
	return SK_PASS;
}

SEC("sk_msg")
int message_counted_twice(struct sk_msg_md *msg)
{
	count(2);
	count(2);
	return SK_PASS;
}

SEC("sk_skb")
int stream(struct __sk_buff *skb)
{
	count(3);
	return SK_PASS;
}

static int write_socket(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct socket_entry entry = {};

	if (!sk)
		return 0;
	entry.cookie = bpf_get_socket_cookie(sk);
	entry.state = sk->skc_state;
	entry.local_port = sk->skc_num;
	entry.family = sk->skc_family;
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

SEC("iter/tcp")
int list_tcp(struct bpf_iter__tcp *ctx)
{
	return write_socket(ctx);
}

// Same as list_tcp for listeners only: what an update of the link changes to.
SEC("iter/tcp")
int list_listeners(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (sk && sk->skc_state != TCP_LISTEN)
		return 0;
	return write_socket(ctx);
}

SEC("iter/bpf_map_elem")
int list_table(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (!key || !value)
		return 0;
	bpf_seq_write(ctx->meta->seq, key, sizeof(*key));
	bpf_seq_write(ctx->meta->seq, value, sizeof(*value));
	return 0;
}

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 pid;

	if (!task)
		return 0;
	pid = task->tgid;
	bpf_seq_write(ctx->meta->seq, &pid, sizeof(pid));
	return 0;
}

SEC("tc")
int count_packets(struct __sk_buff *skb)
{
	count(1);
	// -1 is TCX_NEXT: other programs see the packet too.
	return -1;
}

static long emit_one(__u32 index, void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 1;
	event->sequence = runs++;
	event->cpu = bpf_get_smp_processor_id();
	event->port = bpf_htons(8080);
	__builtin_memset(event->address, 7, sizeof(event->address));
	if (event->sequence % 8 == 7)
		bpf_ringbuf_discard(event, 0);
	else
		bpf_ringbuf_submit(event, 0);
	return 0;
}

// Test-run to write events: `mark` of the context says how many; one in 8 is discarded.
SEC("tc")
int emit(struct __sk_buff *skb)
{
	return bpf_loop(skb->mark, emit_one, NULL, 0);
}

char LICENSE[] SEC("license") = "GPL";
