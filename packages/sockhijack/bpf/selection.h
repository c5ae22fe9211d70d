/* SPDX-License-Identifier: GPL-2.0-only */
/* From an address to a service, and from a service to one of its replicas. */
#ifndef MITSU_SELECTION_H
#define MITSU_SELECTION_H

static __always_inline __u32 weight_of(__u32 replica)
{
	struct score *s = bpf_map_lookup_elem(&scores, &replica);
	return s && s->weight ? s->weight : 100;
}

/* The clock of struct score. The coarse one is a tenth as dear, and some milliseconds behind. */
static __always_inline __u32 clock_now(void)
{
	return bpf_ktime_get_coarse_ns() >> 20;
}

#define MOST_AHEAD                                                                                                                         \
	4096 /* 4.3 s: the clock wraps every 52 days, and what was written weeks ago by a writer that died is not to come true again */

static __always_inline int is_ahead(__u32 until, __u32 now)
{
	return until && until - now - 1 < MOST_AHEAD;
}

#define COST_NONE (~0ULL) /* takes none while another can */

/* What the entry says while it is true; else connections open now per unit of weight, in 1/1024. */
static __always_inline __u64 cost(__u32 replica, __u32 now)
{
	struct load *l = bpf_map_lookup_elem(&loads, &replica);
	struct score *s = bpf_map_lookup_elem(&scores, &replica);
	if (!l || !s)
		return COST_NONE;
	__u64 active = l->active < 0 ? 0 : l->active;
	if (!is_ahead(s->until, now))
		return active * 1024 * 100 / weight_of(replica);
	__u32 score = s->score;
	return score == SCORE_NONE ? COST_NONE : active * s->each + score;
}

static __always_inline int is_zero(const __u8 *ip)
{
	const __u64 *words = (const __u64 *)ip;
	return !words[0] && !words[1];
}

/* Fills `to` with where the replica is reached from namespace `netns`, by an IPv6 address if it must be one. */
static __always_inline int locate(__u32 id, __u64 netns, int only6, struct address *to)
{
	struct replica *r = bpf_map_lookup_elem(&replicas, &id);
	if (!r)
		return 0;
	int near = r->netns == netns;
	const __u8 *ip = only6 ? (near ? r->local6 : r->ip6) : (near ? r->local : r->ip);
	if (is_zero(ip))
		return 0;
	if (!near && is_loopback(ip))
		return 0; /* listens for its own namespace only */
	__builtin_memcpy(to->ip, ip, 16);
	to->port = r->port;
	to->family = is_mapped(to->ip) ? AF_INET_ : AF_INET6_;
	return 1;
}

/* The replica at place `index` of a frontend, 0 when it cannot be reached from there. */
static __always_inline __u32 candidate(__u32 frontend, __u32 index, __u64 netns, int only6)
{
	struct backend_key key = { frontend, index };
	struct address to;
	__u32 *id = bpf_map_lookup_elem(&backends, &key);
	return id && locate(*id, netns, only6, &to) ? *id : 0;
}

#define SEARCH 32 /* places looked at when none of the sample is within reach and takes connections */

static __always_inline __u32 choices_of(__u32 frontend, __u32 now)
{
	struct choices *c = bpf_map_lookup_elem(&choices, &frontend);
	if (!c || !is_ahead(c->until, now))
		return 2;
	__u32 d = c->choices;
	return d < 1 ? 1 : d > MAX_CHOICES ? MAX_CHOICES : d;
}

/* A search among a frontend's backends, and the best so far. */
struct pick {
	__u64 netns;
	__u32 frontend;
	__u32 only6;
	__u32 now;
	__u32 replica; /* 0 none yet */
	__u64 cost;
	__u64 share; /* weights of all that cost as much */
};

/*
 * Looks at one more. Of those that cost the same, as when all are idle, each wins by its weight. Not static, so that the verifier looks at
 * it once, and not at each of sixteen rounds after each outcome of those before, which takes it seconds.
 */
__noinline int consider(struct pick *pick, __u32 index)
{
	if (!pick)
		return 0;
	__u32 found = candidate(pick->frontend, index, pick->netns, pick->only6);
	if (!found)
		return 0;
	__u64 c = cost(found, pick->now);
	if (pick->replica && c > pick->cost)
		return 0;
	__u32 weight = weight_of(found);
	if (!pick->replica || c < pick->cost)
		pick->share = 0;
	pick->share += weight;
	if (bpf_get_prandom_u32() % pick->share >= weight)
		return 0;
	pick->replica = found;
	pick->cost = c;
	return 0;
}

/* All ones when `index` is among those taken, else 0: without a branch, for the verifier's sake too. */
static __always_inline __u32 is_taken(const __u16 *taken, __u32 index)
{
	__u64 hit = 0;
#pragma unroll
	for (int i = 0; i < MAX_CHOICES; i++)
		hit |= (__u64)(taken[i] ^ index) - 1;
	return hit >> 32;
}

/*
 * The least cost of d backends drawn at random, each set of d equally likely (Floyd's algorithm; Bentley, "Programming pearls: a sample of
 * brilliance", CACM 30, 1987). d = 2 is the power of two choices (Mitzenmacher, 2001).
 */
__noinline __u32 choose(__u32 id, __u64 netns, int only6)
{
	struct frontend *f = bpf_map_lookup_elem(&frontends, &id);
	if (!f || !f->backends)
		return 0;
	struct pick pick = { .netns = netns, .frontend = id, .only6 = only6, .now = clock_now() };
	__u32 n = f->backends, d = choices_of(id, pick.now), index = 0;
	if (d > n)
		d = n;
	__u16 taken[MAX_CHOICES]; /* there are fewer replicas than 65 535 */
	__builtin_memset(taken, 0xff, sizeof(taken));
#pragma nounroll
	for (__u32 k = 0; k < MAX_CHOICES && k < d; k++) {
		__u32 last = n - d + k;
		__u32 drawn = bpf_get_prandom_u32() % (last + 1);
		__u32 again = is_taken(taken, drawn);
		index = (last & again) | (drawn & ~again);
		taken[k] = index;
		consider(&pick, index);
	}
#pragma nounroll
	for (__u32 i = 1; i < SEARCH && i < n && (!pick.replica || pick.cost == COST_NONE); i++)
		consider(&pick, (index + i) % n);
	return pick.replica;
}

struct verdict {
	struct address to;
	__u32 service; /* that was asked for, 0 when the destination is no service */
	__u32 peer; /* at the other end: the same, or nicd's */
	__u32 replica;
	int error; /* errno for the program, 0 to go on */
	int rewrite;
	int nic; /* goes to nicd */
	int only6; /* the destination can only become an IPv6 address */
};

/* nicd has no frontend of a service: its one backend comes and goes with it, which turns all connections at once. */
#define NIC_FRONTEND 0

static __always_inline int is_nic(__u32 service)
{
	struct service *s = service ? bpf_map_lookup_elem(&services, &service) : 0;
	return s && s->nic;
}

/* Sends a connect to nicd; 0 when it goes to a replica, as nicd is not there or listens for its own namespace only. */
static __always_inline int to_nic(struct verdict *v, __u32 nic, __u64 netns)
{
	__u32 replica = candidate(NIC_FRONTEND, 0, netns, 0);
	struct replica *r = replica ? bpf_map_lookup_elem(&replicas, &replica) : 0;
	if (r && locate(replica, netns, 0, &v->to)) {
		count(COUNT_NIC);
		v->replica = replica;
		v->peer = r->service;
		v->nic = 1;
		v->rewrite = 1;
		return 1;
	}
	if (nic == NIC_ELSE_REFUSE) {
		count(COUNT_NIC_REFUSED);
		v->error = ECONNREFUSED_;
		return 1;
	}
	count(COUNT_NIC_DIRECT);
	return 0;
}

static __always_inline void judge(struct verdict *v, const struct address *asked, __u64 netns, __u32 from, __u8 protocol, int connecting)
{
	struct address_key key = { .port = asked->port, .protocol = protocol };
	__builtin_memcpy(key.ip, asked->ip, 16);
	if (is_loopback(asked->ip))
		key.netns = netns;
	struct address_value *found = bpf_map_lookup_elem(&addresses, &key);
	if (!found) {
		key.port = 0;
		found = bpf_map_lookup_elem(&addresses, &key);
		if (!found)
			return; /* no service of ours: untouched */
		/* Resolvers connect a UDP socket to each address to learn its source (RFC 6724), which sends nothing. */
		if (protocol == IPPROTO_UDP && connecting)
			return;
		count(COUNT_NO_PORT);
		v->service = found->service;
		v->error = ECONNREFUSED_;
		return;
	}
	v->service = found->service;
	v->peer = found->service;
	v->replica = found->replica;
	if (is_nic(from)) {
		/* It has authorised the request already, and chosen: sent anywhere else it would meet itself. */
		if (found->replica)
			return;
	} else {
		v->error = check_policy(netns, from, found->service, asked->port, protocol);
		if (v->error || (connecting && found->nic && to_nic(v, found->nic, netns)))
			return;
	}
	if (!found->frontend)
		return;
	v->replica = choose(found->frontend, netns, v->only6);
	if (!v->replica || !locate(v->replica, netns, v->only6, &v->to)) {
		if (found->replica) { /* a real address stays usable when nobody listens as far as we know */
			v->replica = found->replica;
			return;
		}
		count(COUNT_NO_REPLICA);
		v->error = ECONNREFUSED_;
		return;
	}
	v->rewrite = 1;
}

static __always_inline void remember_load(struct sock_state *st, __u32 replica)
{
	struct load *l = bpf_map_lookup_elem(&loads, &replica);
	if (!l)
		return;
	if (st->flags & STATE_COUNTED) { /* a second connect on the same socket */
		struct load *old = bpf_map_lookup_elem(&loads, &st->replica);
		if (old)
			__sync_fetch_and_add(&old->active, -1);
	}
	__sync_fetch_and_add(&l->active, 1);
	__sync_fetch_and_add(&l->total, 1);
	st->replica = replica;
	st->flags |= STATE_COUNTED;
}

#endif
