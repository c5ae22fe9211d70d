/* SPDX-License-Identifier: GPL-2.0-only */
/* May this service connect to that one? Counts and tells what was denied. */
#ifndef MITSU_POLICY_H
#define MITSU_POLICY_H

static __always_inline void tell_denied(__u64 netns, __u32 from, __u32 to, __u32 rule, __be16 port, __u8 protocol)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(COUNT_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = EVENT_DENIED;
	e->netns = netns;
	e->from = from;
	e->to = to;
	e->rule = rule;
	e->port = port;
	e->protocol = protocol;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

static __always_inline struct traffic *cell(__u32 from, __u32 to)
{
	struct edge edge = { from, to };
	struct traffic *t = bpf_map_lookup_elem(&matrix, &edge);
	if (t)
		return t;
	struct traffic none = {};
	bpf_map_update_elem(&matrix, &edge, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&matrix, &edge);
}

/* 0 allowed, else the errno the program gets. */
static __always_inline int check_policy(__u64 netns, __u32 from, __u32 to, __be16 port, __u8 protocol)
{
	struct policy_key key = { .from = from, .to = to, .port = port };
	struct policy_value *rule = bpf_map_lookup_elem(&policies, &key);
	if (!rule) {
		key.port = 0;
		rule = bpf_map_lookup_elem(&policies, &key);
	}
	struct control *c = controls();
	__u32 action = rule ? rule->action : c ? c->default_action : ACTION_ALLOW;
	if (action == ACTION_ALLOW)
		return 0;
	count(COUNT_DENIED);
	struct traffic *t = cell(from, to);
	if (t)
		__sync_fetch_and_add(&t->denied, 1);
	tell_denied(netns, from, to, rule ? rule->rule : 0, port, protocol);
	struct service *s = bpf_map_lookup_elem(&services, &to);
	return s && s->deny_errno ? s->deny_errno : ECONNREFUSED_;
}

#endif
