/*
 * order-stress: many connections of random shape between two epoll loops; every byte's place in its stream is checked.
 *
 * A connection's plan (messages, sizes, pauses, how it ends) follows from the seed and its number alone, so both ends know it.
 * The byte at position p of a direction is a hash of (seed, connection, direction, p): a byte that was reordered, lost,
 * doubled or delivered to another connection is found with its position. The client's stream begins with the connection's number.
 *
 *   order-stress [--connections N] [--parallel P] [--seconds S] [--seed X] [--long PERCENT] [--fault 1|2]
 *
 * --fault proves the checks: connection 7 loses 8 bytes of its stream (1) or carries another's (2).
 * `unready` in the output counts reads that found nothing on a level-triggered socket that epoll had called readable: programs that do
 * not expect it (wrk) take it for an error.
 *
 * Prints one JSON line; exits 1 when a byte was wrong or a connection got stuck. It is one file on purpose, although long: one program
 * that is read from top to bottom.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 8, LARGEST = 256 * 1024, STUCK_S = 15, UP = 0, DOWN = 1 };

struct totals {
	uint64_t connections, messages, bytes, wrong, aborted, unready;
	char first[256];
};

struct options {
	uint64_t seed;
	uint32_t connections, parallel, seconds, long_percent, fault;
};

/* What both ends know of a connection. */
struct plan {
	uint32_t messages;
	uint32_t largest;
	uint32_t pause_us; /* the longest pause between two messages */
	bool edge, nodelay, abort, close_first;
	bool opt_out; /* halfway through, ask for what the socket map cannot carry, so that the connection is uncoupled with data in flight
		       */
};

struct connection {
	int fd;
	uint32_t number;
	bool client, known, connected, write_shut, read_done, blocked, live;
	struct plan plan;
	uint64_t size_state, pause_state;
	uint64_t send_key, receive_key;
	uint64_t sent, message_end, send_total, abort_at;
	uint64_t received, receive_total;
	uint32_t messages_left;
	uint64_t next_send_ns;
};

static struct options options = { 1, 20000, 64, 0, 2, 0 };
static struct totals *totals;
static uint8_t out[LARGEST + 16], in[LARGEST], expected[LARGEST + 16];

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t next(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15;
	return mix(*state);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t stream_key(uint32_t number, int direction)
{
	return mix(options.seed ^ ((uint64_t)number << 20) ^ ((uint64_t)direction << 60));
}

/* Writes the stream's bytes [position, position + size) into `buffer`, which has 16 bytes to spare; returns where they begin. */
static uint8_t *content(uint8_t *buffer, uint64_t key, uint64_t position, size_t size)
{
	uint64_t word = position / 8, last = (position + size + 7) / 8;
	for (uint8_t *at = buffer; word < last; word++, at += 8) {
		uint64_t value = mix(key ^ word);
		memcpy(at, &value, 8);
	}
	return buffer + position % 8;
}

static struct plan plan_of(uint32_t number)
{
	uint64_t state = mix(options.seed ^ 0x706c616e ^ ((uint64_t)number << 8));
	struct plan plan = { 0 };
	bool is_long = next(&state) % 100 < options.long_percent;
	/* Short ones are over before they are coupled; long ones are coupled and, some, switch to bulk in mid-life. */
	plan.messages = is_long ? 100 + next(&state) % 900 : 1 + next(&state) % 3;
	plan.largest = 1u << (is_long ? next(&state) % 15 : next(&state) % 19);
	plan.pause_us = is_long ? 200u << next(&state) % 5 : next(&state) % 4 ? 0 : 300;
	plan.edge = next(&state) % 2;
	plan.nodelay = next(&state) % 2;
	plan.abort = next(&state) % 32 == 0;
	plan.close_first = next(&state) % 2;
	plan.opt_out = is_long && next(&state) % 4 == 0;
	return plan;
}

static uint64_t message_size(uint64_t *state, const struct plan *plan)
{
	/* Log-uniform, and in long connections now and then a large one among the small. */
	uint32_t bits = 0, roll = next(state) & 0xffffffff;
	while ((2u << bits) <= plan->largest)
		bits++;
	uint64_t size = 1 + next(state) % (1ull << (roll % (bits + 1)));
	if (plan->messages > 50 && roll % 97 == 0)
		size = 1 + next(state) % LARGEST;
	return size;
}

static uint64_t size_seed(uint32_t number, int direction)
{
	return mix(stream_key(number, direction) ^ 0x73697a65);
}

static uint64_t total_of(uint32_t number, int direction, const struct plan *plan)
{
	uint64_t state = size_seed(number, direction), total = direction == UP ? HEADER : 0;
	for (uint32_t i = 0; i < plan->messages; i++)
		total += message_size(&state, plan);
	return total;
}

static void adopt(struct connection *c, uint32_t number)
{
	int sends = c->client ? UP : DOWN;
	c->number = number;
	c->known = true;
	c->plan = plan_of(number);
	c->size_state = size_seed(number, sends);
	c->pause_state = mix(c->size_state ^ 0x7061757365);
	c->send_key = stream_key(number, sends);
	c->receive_key = stream_key(number, !sends);
	c->send_total = total_of(number, sends, &c->plan);
	c->receive_total = total_of(number, !sends, &c->plan);
	c->messages_left = c->plan.messages;
	c->abort_at = c->client && c->plan.abort ? 1 + mix(c->send_key) % c->send_total : UINT64_MAX;
	c->message_end = c->client ? HEADER : 0;
}

static void wrong(const struct connection *c, const char *what, uint64_t position, const uint8_t *found)
{
	char place[96] = "";
	if (found) { /* where in the connection's own streams do these 8 bytes belong? */
		for (int direction = UP; direction <= DOWN && !place[0]; direction++)
			for (uint64_t at = 0; at + 8 < (8u << 20) && !place[0]; at += 8) {
				uint64_t word = mix(stream_key(c->number, direction) ^ (at / 8));
				if (memmem(found, 15, &word, 8))
					snprintf(place, sizeof place, "; it is near position %llu %s", (unsigned long long)at,
						 direction == UP ? "up" : "down");
			}
		if (!place[0])
			snprintf(place, sizeof place, "; it belongs to neither direction");
	}
	if (__atomic_fetch_add(&totals->wrong, 1, __ATOMIC_RELAXED) == 0)
		snprintf(totals->first, sizeof totals->first, "connection %u, %s, %s at %llu of %llu (other way %llu of %llu)%s", c->number,
			 c->client ? "down" : "up", what, (unsigned long long)position, (unsigned long long)c->receive_total,
			 (unsigned long long)c->sent, (unsigned long long)c->send_total, place);
}

static void finish(struct connection *c, bool reset)
{
	if (reset) {
		struct linger linger = { 1, 0 };
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
	close(c->fd);
	c->live = false;
	if (c->client) {
		__atomic_fetch_add(&totals->connections, 1, __ATOMIC_RELAXED);
		if (reset)
			__atomic_fetch_add(&totals->aborted, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(&totals->bytes, c->received, __ATOMIC_RELAXED);
	__atomic_fetch_add(&totals->messages, c->plan.messages - c->messages_left, __ATOMIC_RELAXED);
}

/* Ends the connection when both directions are through; the end that closes first by plan needs no end of stream from the other. */
static void finish_if_done(struct connection *c)
{
	bool all_in = c->known && c->received == c->receive_total;
	bool first = c->plan.close_first == c->client;
	if (c->live && c->known && c->write_shut && all_in && (c->read_done || first))
		finish(c, false);
}

static void send_some(struct connection *c)
{
	while (c->live && c->known && c->connected && !c->blocked && !c->write_shut) {
		if (c->sent == c->message_end) {
			if (c->messages_left == 0) {
				shutdown(c->fd, SHUT_WR);
				c->write_shut = true;
				finish_if_done(c);
				return;
			}
			if (c->plan.pause_us && !c->next_send_ns) {
				c->next_send_ns = now_ns() + next(&c->pause_state) % (c->plan.pause_us * 1000);
				return;
			}
			if (c->next_send_ns > now_ns())
				return;
			c->next_send_ns = 0;
			if (--c->messages_left == c->plan.messages / 2 && c->plan.opt_out)
				setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &(int){ 1 }, sizeof(int)); /* 1 is what it is already */
			c->message_end += message_size(&c->size_state, &c->plan);
		}
		uint64_t size = c->message_end - c->sent;
		bool faulty = options.fault && c->client && c->number == 7 && c->sent >= HEADER;
		uint8_t *data = content(out, faulty && options.fault == 2 ? stream_key(8, UP) : c->send_key,
					c->sent + (faulty && options.fault == 1 ? 8 : 0), size);
		if (c->sent < HEADER && c->client) /* the number stands where the first bytes of the stream were */
			memcpy(data, (uint32_t[2]){ 0x6d697473, c->number }, HEADER);
		ssize_t count = send(c->fd, data, size, MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN) {
			c->blocked = true;
		} else if (count < 0) {
			if (!c->plan.abort)
				wrong(c, strerror(errno), c->sent, NULL);
			finish(c, false);
		} else {
			c->sent += count;
			if (c->sent >= c->abort_at)
				finish(c, true);
		}
	}
}

static void check(struct connection *c, const uint8_t *data, size_t size)
{
	if (!c->client && !c->known) {
		uint32_t header[2];
		memcpy(header, data, HEADER); /* the client sends it as one message of its own, the first of the connection */
		if (size < HEADER || header[0] != 0x6d697473) {
			wrong(c, "no header", 0, NULL);
			finish(c, true);
			return;
		}
		adopt(c, header[1]);
		data += HEADER;
		size -= HEADER;
		c->received = HEADER;
	}
	uint8_t *wanted = content(expected, c->receive_key, c->received, size);
	if (memcmp(wanted, data, size)) {
		size_t at = 0;
		while (wanted[at] == data[at])
			at++;
		uint8_t found[16] = { 0 };
		memcpy(found, data + at, size - at < 16 ? size - at : 16);
		wrong(c, "wrong byte", c->received + at, found);
		finish(c, true);
		return;
	}
	c->received += size;
	if (c->received > c->receive_total) {
		wrong(c, "too many bytes", c->received, NULL);
		finish(c, true);
	}
}

static void receive_some(struct connection *c, bool told)
{
	do {
		size_t room = mix(c->received ^ c->receive_key) % 8 ? LARGEST : 1000;
		ssize_t count = recv(c->fd, in, room, 0);
		if (count < 0 && errno == EAGAIN) {
			if (told && !(c->client && c->plan.edge))
				__atomic_fetch_add(&totals->unready, 1, __ATOMIC_RELAXED);
			return;
		}
		if (count > 0) {
			told = false;
			check(c, in, count);
			continue;
		}
		c->read_done = true;
		bool whole = c->known && c->received == c->receive_total;
		if (!whole && !(c->known && c->plan.abort) && !(!c->known && !c->client))
			wrong(c, count ? strerror(errno) : "early end", c->received, NULL);
		if (count < 0 || !whole) {
			finish(c, false);
			return;
		}
		finish_if_done(c);
		return;
	} while (c->live && c->plan.edge);
	if (c->live)
		finish_if_done(c);
}

static void watch(int epoll, struct connection *c, int operation)
{
	/* Until the server knows the plan it is level-triggered; edge-triggered ones want everything from the start. */
	struct epoll_event event = { .data.ptr = c };
	bool edge = c->client && c->plan.edge;
	event.events = edge ? EPOLLIN | EPOLLOUT | EPOLLET : (c->read_done ? 0 : EPOLLIN) | (c->blocked || !c->connected ? EPOLLOUT : 0);
	if (epoll_ctl(epoll, operation, c->fd, &event) && operation == EPOLL_CTL_ADD)
		die("epoll_ctl");
}

static struct connection *free_slot(struct connection *slots, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!slots[i].live)
			return &slots[i];
	return NULL;
}

static void serve_events(int epoll, struct connection *c, uint32_t events)
{
	if (events & EPOLLOUT) {
		c->connected = true;
		c->blocked = false;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		receive_some(c, events & EPOLLIN);
	send_some(c);
	if (c->live && !(c->client && c->plan.edge)) /* modifying would arm an edge again that nothing caused */
		watch(epoll, c, EPOLL_CTL_MOD);
}

/* One loop serves as client (listener < 0) or as server; returns when the client's work is done. The server ends by signal. */
static void loop(int listener, const struct sockaddr_in *address)
{
	bool client = listener < 0;
	uint32_t slots_count = client ? options.parallel : options.parallel * 4, started = 0, live = 0;
	struct connection *slots = calloc(slots_count, sizeof *slots);
	int epoll = epoll_create1(0);
	uint64_t end = options.seconds ? now_ns() + options.seconds * 1000000000ull : UINT64_MAX, progress = now_ns(), mark = 0;
	if (!client) {
		struct epoll_event event = { .events = EPOLLIN };
		epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	}
	for (;;) {
		while (client && live < options.parallel && started < options.connections && now_ns() < end) {
			struct connection *c = free_slot(slots, slots_count);
			*c = (struct connection){ .client = true, .live = true };
			adopt(c, started++);
			c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
			setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ c->plan.nodelay }, sizeof(int));
			if (connect(c->fd, (const struct sockaddr *)address, sizeof *address) && errno != EINPROGRESS)
				die("connect");
			watch(epoll, c, EPOLL_CTL_ADD);
			live++;
		}
		if (client && live == 0)
			return;
		uint64_t now = now_ns(), soonest = now + 100000000;
		for (uint32_t i = 0; i < slots_count; i++)
			if (slots[i].live && slots[i].next_send_ns && slots[i].next_send_ns < soonest)
				soonest = slots[i].next_send_ns;
		struct timespec wait = { 0, soonest > now ? soonest - now : 0 };
		struct epoll_event events[256];
		int count = epoll_pwait2(epoll, events, 256, &wait, NULL);
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			if (c && c->live) {
				serve_events(epoll, c, events[i].events);
				continue;
			}
			int fd;
			while (!c && (c = free_slot(slots, slots_count)) && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				*c = (struct connection){ .fd = fd, .live = true, .connected = true };
				watch(epoll, c, EPOLL_CTL_ADD);
				c = NULL;
			}
		}
		live = 0;
		uint64_t sum = started;
		for (uint32_t i = 0; i < slots_count; i++) {
			struct connection *c = &slots[i];
			if (c->live && c->next_send_ns && c->next_send_ns <= now_ns()) {
				send_some(c);
				if (c->live && c->blocked && !(c->client && c->plan.edge))
					watch(epoll, c, EPOLL_CTL_MOD);
			}
			live += c->live;
			sum += c->live ? c->sent + c->received + c->write_shut : i;
		}
		if (sum != mark) {
			mark = sum;
			progress = now_ns();
		} else if (live && now_ns() - progress > STUCK_S * 1000000000ull) {
			for (uint32_t i = 0; i < slots_count; i++)
				if (slots[i].live)
					wrong(&slots[i], "stuck", slots[i].received, NULL);
			return;
		}
	}
}

static uint64_t number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return strtoull(argv[i + 1], NULL, 10);
	return otherwise;
}

int main(int argc, char **argv)
{
	options.connections = number_after(argc, argv, "--connections", options.connections);
	options.parallel = number_after(argc, argv, "--parallel", options.parallel);
	options.seconds = number_after(argc, argv, "--seconds", options.seconds);
	options.seed = number_after(argc, argv, "--seed", options.seed);
	options.fault = number_after(argc, argv, "--fault", 0);
	options.long_percent = number_after(argc, argv, "--long", options.long_percent);
	totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		die("listen");
	uint64_t began = now_ns();
	pid_t server = fork();
	if (server == 0) {
		loop(listener, NULL);
		_exit(0);
	}
	close(listener);
	loop(-1, &address);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	printf("{\"connections\":%llu,\"aborted\":%llu,\"messages\":%llu,\"bytes\":%llu,\"wrong\":%llu,\"unready\":%llu,\"seconds\":%.1f,"
	       "\"first\":\"%s\"}"
	       "\n",
	       (unsigned long long)totals->connections, (unsigned long long)totals->aborted, (unsigned long long)totals->messages,
	       (unsigned long long)totals->bytes, (unsigned long long)totals->wrong, (unsigned long long)totals->unready,
	       (now_ns() - began) / 1e9, totals->first);
	return totals->wrong ? 1 : 0;
}
