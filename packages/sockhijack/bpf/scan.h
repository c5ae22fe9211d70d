/* SPDX-License-Identifier: GPL-2.0-only */
/* Two iterators, in one file since they fill the same record: `scan` visits a namespace's sockets under their locks and does what the
 * daemon planned; `watch` only looks. */
#ifndef MITSU_SCAN_H
#define MITSU_SCAN_H

#define O_NONBLOCK_ 04000
#define PSOCK_POINTER_MASK (~7ULL)

/* A socket keeps the cgroup it was made in, so those of a program that was moved are known by name, and what they accept by inheritance. */
static __always_inline __u32 service_by_adoption(__u64 inode, struct sock_state *st)
{
	__u32 *service = inode ? bpf_map_lookup_elem(&adopted, &inode) : 0;
	if (service) {
		if (st) {
			st->service = *service;
			st->flags |= STATE_ADOPTED;
		}
		return *service;
	}
	if (!st || !(st->flags & STATE_ADOPTED))
		return 0;
	struct service *s = bpf_map_lookup_elem(&services, &st->service);
	return s && s->attached ? st->service : 0;
}

static __always_inline __u32 service_of_socket(struct sock *sk, __u64 inode, struct sock_state *st, __u64 *cgroup)
{
	struct cgroup *cg = sk->sk_cgrp_data.cgroup;
	if (cg) {
		int depth = cg->level;
		*cgroup = cg->kn->id;
		for (int i = 0; i < MAX_CGROUP_DEPTH; i++) {
			int level = depth - i;
			if (level <= 0)
				break;
			struct cgroup *ancestor = 0;
			bpf_core_read(&ancestor, sizeof(ancestor), &cg->ancestors[level]);
			if (!ancestor)
				break;
			__u64 id = BPF_CORE_READ(ancestor, kn, id);
			__u32 *service = bpf_map_lookup_elem(&cgroups, &id);
			if (service)
				return *service;
		}
	}
	return service_by_adoption(inode, st);
}

static __always_inline struct sk_psock *psock_of(struct sock *sk)
{
	return bpf_rdonly_cast((void *)((__u64)sk->sk_user_data & PSOCK_POINTER_MASK), bpf_core_type_id_kernel(struct sk_psock));
}

/* Nobody is inside send or receive on this socket: each of them holds a reference beside the map's own (net/ipv4/tcp_bpf.c). */
static __always_inline int idle(struct sk_psock *p)
{
	return p->refcnt.refs.counter == 1;
}

static __always_inline int emptied(struct sk_psock *p)
{
	struct list_head *head = &p->ingress_msg;
	__u64 at = (__u64)p + bpf_core_field_offset(struct sk_psock, ingress_msg);
	return (__u64)head->next == at && p->ingress_skb.qlen == 0;
}

/* Has the program read some bytes of the first segment in TCP's queue, and left the others? */
static __always_inline int partly_read(struct sock *sk, struct tcp_sock *tp)
{
	struct sk_buff *first = bpf_rdonly_cast(sk->sk_receive_queue.next, bpf_core_type_id_kernel(struct sk_buff));
	struct tcp_skb_cb *cb = bpf_rdonly_cast(first->cb, bpf_core_type_id_kernel(struct tcp_skb_cb));
	return cb->seq != tp->copied_seq;
}

/* What keeps a socket out of the map, whatever is planned. Read from the socket itself, under its lock. */
static __always_inline __u32 facts_of(struct sock *sk, struct tcp_sock *tp, int enrolled)
{
	__u32 facts = enrolled ? FACT_ENROLLED : 0;
	struct socket *socket = sk->sk_socket;
	struct file *file = socket ? socket->file : 0;
	if (!file)
		facts |= FACT_NO_FILE;
	else if (file->f_flags & O_NONBLOCK_)
		facts |= FACT_NONBLOCK;
	if (sk->sk_receive_queue.qlen)
		facts |= partly_read(sk, tp) ? FACT_UNREAD | FACT_PARTLY_READ : FACT_UNREAD;
	if (tp->urg_data || tp->urg_seq || (sk->__sk_common.skc_flags & (1UL << SOCK_URGINLINE)))
		facts |= FACT_URGENT;
	if (sk->sk_rcvlowat > 1)
		facts |= FACT_LOWAT;
	if (sk->__sk_common.skc_flags & (1UL << SOCK_ZEROCOPY))
		facts |= FACT_ZEROCOPY;
	if (tp->inet_conn.icsk_ulp_ops)
		facts |= FACT_ULP;
	if (bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ_BITFIELD_PROBED(tp, is_mptcp))
		facts |= FACT_MPTCP;
	if (BPF_CORE_READ_BITFIELD_PROBED(tp, recvmsg_inq) || (sk->__sk_common.skc_flags & (1UL << SOCK_RCVTSTAMP)) || sk->sk_tsflags)
		facts |= FACT_CONTROL;
	if (sk->sk_user_data && !enrolled)
		facts |= FACT_FOREIGN;
	return facts;
}

/*
 * Which sockets with unread bytes may enter: none, where the self-test found them mistreated; those without a segment that is partly read;
 * or all, for the self-test.
 */
enum { UNREAD_WAIT = 0, UNREAD_WHOLE = 1, UNREAD_ANY = 2 };
const volatile __u32 config_unread = UNREAD_WHOLE;

#define FACTS_AGAINST (FACT_URGENT | FACT_LOWAT | FACT_ZEROCOPY | FACT_CONTROL | FACT_ULP | FACT_MPTCP | FACT_FOREIGN | FACT_NO_FILE)

/*
 * Does a thread wait for the lock that the scan holds? One that began to read by TCP's function would look into TCP's queue only. Were the
 * bytes it was told of moved to the map's queue meanwhile, it would say EAGAIN, or even that the stream has ended.
 */
static __always_inline int waited_for(struct sock *sk)
{
	__u64 head = (__u64)sk + bpf_core_field_offset(struct sock, sk_lock.wq.head);
	return (__u64)sk->sk_lock.wq.head.next != head;
}

/* Longer than a read takes from choosing its function, TCP's or the map's, to asking for the lock. */
#define READ_BEGINS_NS 3000

/*
 * What TCP brought before enrolment waits in its own queue, where FIONREAD on a socket in the map does not look. Setting SO_RCVLOWAT to
 * what it is makes the kernel announce it once more (tcp_set_rcvlowat), and `verdict` moves it to the map's queue; not while a thread waits
 * that may be about to read it: the next read by the map's function moves it as well, else the daemon asks again (PLAN_TAKE).
 */
static __always_inline __u8 take_unread(struct sock *sk)
{
	__u64 begin = bpf_ktime_get_ns();
	for (int i = 0; i < 1000 && bpf_ktime_get_ns() - begin < READ_BEGINS_NS; i++)
		;
	if (waited_for(sk))
		return APPLIED_LATER;
	int one = 1;
	bpf_setsockopt(sk, SOL_SOCKET_, SO_RCVLOWAT_, &one, sizeof(one));
	return APPLIED_DONE;
}

/* Is a client's socket still to be given traceparents when it is coupled no more? */
static __always_inline int injects(struct sock_state *st)
{
	struct connection *c = (st->flags & (STATE_CLIENT | STATE_OPTED_OUT)) == STATE_CLIENT ? connection_of(st) : 0;
	return c && c->flags & PROPAGATE_HEADER && c->sampling;
}

static __always_inline __u8 enrol(struct sock *sk, __u64 cookie, __u32 facts, struct sock_state *st, const struct plan *plan)
{
	__u32 unread = config_unread == UNREAD_WAIT ? FACT_UNREAD : config_unread == UNREAD_WHOLE ? FACT_PARTLY_READ : 0;
	if ((facts & (FACTS_AGAINST | unread)) || !(facts & FACT_NONBLOCK) || sk->__sk_common.skc_state != TCP_ESTABLISHED ||
	    waited_for(sk))
		return APPLIED_LATER; /* the scan reports why; the daemon decides whether to wait or to give up */
	st->cookie = cookie;
	st->peer = plan->peer;
	st->peer_sk = plan->peer_sk;
	st->slot = plan->slot;
	st->peer_service = plan->peer_service;
	st->flags = (st->flags & ~(STATE_TAP | STATE_QUIET)) | plan->flags;
	st->mode = MODE_TCP;
	if (st->flags & STATE_INJECTS) { /* it is in the map already */
		st->flags &= ~(STATE_INJECTS | STATE_SPENT);
		count(COUNT_ENROLLED);
		return APPLIED_DONE;
	}
	long error = bpf_map_update_elem(&sockets, &cookie, sk, BPF_NOEXIST);
	if (error == 0 && !(waited_for(sk) && idle(psock_of(sk)))) {
		st->flags |= STATE_ENROLLED;
		if (facts & FACT_UNREAD)
			take_unread(sk);
		count(COUNT_ENROLLED);
		return APPLIED_DONE;
	}
	st->mode = MODE_OFF;
	st->slot = 0;
	if (error == 0) { /* a thread that came meanwhile, and by TCP's function: by the map's it would hold the psock */
		bpf_map_delete_elem(&sockets, &cookie);
		return APPLIED_LATER;
	}
	int full = error == -7 /* E2BIG */ || error == -12 /* ENOMEM */;
	count(full ? COUNT_ENROL_FULL : COUNT_ENROL_REFUSED);
	return full ? APPLIED_FULL : APPLIED_REFUSED;
}

/*
 * Leaving the map without losing a byte takes two steps. QUIESCE stops redirecting from this socket; once no thread is inside its send
 * path, everything it ever redirected is in the peer's queue, and the socket says so (STATE_QUIET). RELEASE, planned when the *peer* is
 * quiet, waits until this socket's own queue has been read, and only then takes it out: what comes later comes by TCP.
 */
static __always_inline __u8 quiesce(struct sock_state *st, struct sk_psock *psock, const struct plan *plan)
{
	st->mode = MODE_OFF;
	if (plan->flags & STATE_OPTED_OUT)
		st->flags |= STATE_OPTED_OUT;
	if (!idle(psock))
		return APPLIED_LATER;
	st->flags |= STATE_QUIET;
	return APPLIED_DONE;
}

static __always_inline __u8 release(__u64 cookie, struct sock_state *st, struct sk_psock *psock)
{
	if (!(st->flags & (STATE_QUIET | STATE_INJECTS)) || !idle(psock) || !emptied(psock))
		return APPLIED_LATER;
	int stays = !(st->flags & STATE_INJECTS) && injects(st);
	if (!stays && bpf_map_delete_elem(&sockets, &cookie))
		return APPLIED_REFUSED;
	st->flags &= ~(STATE_QUIET | STATE_ENROLLED | STATE_INJECTS | STATE_SPENT);
	if (stays)
		st->flags |= STATE_ENROLLED | STATE_INJECTS;
	st->slot = 0;
	count(COUNT_RELEASED);
	return APPLIED_DONE;
}

static __always_inline __u8 apply(struct sock *sk, __u64 cookie, __u32 facts, struct sock_state *st, const struct plan *plan)
{
	switch (plan->action) {
	case PLAN_ENROL:
		return (facts & FACT_ENROLLED) && !(st->flags & STATE_INJECTS) ? APPLIED_DONE : enrol(sk, cookie, facts, st, plan);
	case PLAN_QUIESCE:
		return facts & FACT_ENROLLED ? quiesce(st, psock_of(sk), plan) : APPLIED_DONE;
	case PLAN_RELEASE:
		return facts & FACT_ENROLLED ? release(cookie, st, psock_of(sk)) : APPLIED_DONE;
	case PLAN_TAKE:
		return (facts & FACT_ENROLLED) && (facts & FACT_UNREAD) ? take_unread(sk) : APPLIED_DONE;
	case PLAN_SET:
		st->flags = (st->flags & ~STATE_TAP) | plan->flags;
		return APPLIED_DONE;
	}
	return APPLIED_NOTHING;
}

/* What both iterators tell of a socket: who, whose, how far. */
static __always_inline void identify(struct sock_record *r, struct sock *sk, struct sock_state *st)
{
	__builtin_memset(r, 0, sizeof(*r));
	struct socket *socket = sk->sk_socket;
	if (socket && socket->file)
		r->inode = socket->file->f_inode->i_ino;
	r->service = service_of_socket(sk, r->inode, st, &r->cgroup);
	r->cookie = bpf_get_socket_cookie(sk);
	r->netns = sk->__sk_common.skc_net.net->net_cookie;
	r->sk = (__u64)sk;
	r->state = sk->__sk_common.skc_state;
	r->family = sk->__sk_common.skc_family;
	r->local_port = sk->__sk_common.skc_num;
	r->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	copy_ip(r->local_ip, sk, 0);
	copy_ip(r->remote_ip, sk, 1);
}

static __always_inline void measure(struct sock_record *r, struct sock *sk, struct tcp_sock *tp, const struct sock_state *st)
{
	if (st) {
		r->redirected_bytes = st->redirected_bytes;
		r->redirected_messages = st->redirected_messages;
		r->passed_messages = st->passed_messages;
		r->mean_bytes = st->mean_bytes;
		r->mode = st->mode;
		r->slot = st->slot;
		r->peer_service = st->peer_service;
		r->flags = st->flags;
		r->peer = st->peer;
		r->asked = st->asked;
		r->replica = st->replica;
		r->asked_service = st->asked_service;
	}
	r->stream_out = tp->snd_una - (__u32)tp->bytes_acked;
	r->stream_in = tp->rcv_nxt - (__u32)tp->bytes_received;
	r->in_flight = tp->snd_nxt - tp->snd_una;
	r->bytes_sent = tp->bytes_sent - tp->bytes_retrans;
	r->bytes_received = tp->bytes_received;
	r->segments_sent = tp->data_segs_out;
	r->srtt_us = tp->srtt_us >> 3;
	r->unread = sk->sk_backlog.rmem_alloc.counter;
}

/*
 * The scan of one namespace: every TCP socket, under its lock. It walks the kernel's whole table of connections, some milliseconds on a
 * large machine, so it runs when there is something to apply or listeners to find; `watch` does the everyday looking.
 */
SEC("iter/tcp")
int scan(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp = skc ? bpf_skc_to_tcp_sock(skc) : 0;
	if (!tp)
		return 0; /* a request or time-wait socket */
	struct sock *sk = (struct sock *)tp;
	if (sk->__sk_common.skc_state == TCP_CLOSE)
		return 0;
	struct sock_record r;
	struct sock_state *st = bpf_sk_storage_get(&states, sk, 0, 0);
	identify(&r, sk, st);
	if (!r.service)
		return 0;
	if (!st && (r.state == TCP_ESTABLISHED || r.state == TCP_LISTEN)) { /* older than our hooks */
		st = bpf_sk_storage_get(&states, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		identify(&r, sk, st);
	}
	if (st && !st->service)
		st->service = r.service;
	if (r.state == TCP_LISTEN) {
		r.facts = FACT_LISTENER;
	} else {
		r.facts = facts_of(sk, tp, st && st->flags & STATE_ENROLLED);
		struct plan *plan = st ? bpf_map_lookup_elem(&plans, &r.cookie) : 0;
		if (plan) {
			r.applied = apply(sk, r.cookie, r.facts, st, plan);
			if (r.applied == APPLIED_DONE)
				bpf_map_delete_elem(&plans, &r.cookie);
			r.facts = facts_of(sk, tp, st->flags & STATE_ENROLLED);
		}
		measure(&r, sk, tp, st);
	}
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

/* Looks at the sockets that carry our state, in all namespaces and without their locks, and changes nothing: tens of microseconds. */
SEC("iter/bpf_sk_storage_map")
int watch(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct sock_state *st = ctx->value;
	if (!sk || !st)
		return 0;
	__u8 state = sk->__sk_common.skc_state;
	if (sk->sk_protocol != IPPROTO_TCP || state == TCP_CLOSE || state == TCP_LISTEN)
		return 0;
	struct tcp_sock *tp = bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
	struct sock_record r;
	identify(&r, sk, st);
	if (!r.service)
		return 0;
	r.facts = facts_of(sk, tp, st->flags & STATE_ENROLLED);
	measure(&r, sk, tp, st);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

#endif
