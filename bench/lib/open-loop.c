/* open-loop: an HTTP/1.1 load generator with scheduled send times.
 *
 *   open-loop ADDRESS PORT PATH CONNECTIONS RATE SECONDS SKIP
 *
 * Requests fall due by a Poisson process (fixed seed) whatever the server does; one that finds every connection busy waits in
 * a queue. Latency runs from the moment a request was due to the last byte of its answer, so a stall is charged to every
 * request it delayed (wrk, a closed loop, charges only those in flight). Requests due in the first SKIP seconds are sent but
 * not counted: connections begin as plain TCP in every mode. Prints one JSON line, the shape of lib/wrk-json.lua's and more.
 * One thread, no spinning: a proxy that shares the CPU gets its turn.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, DRAIN_NS = 1000000000 };

struct connection {
	int fd, head_len;
	int64_t due_ns;  /* when the outstanding request was due; -1 when idle */
	int64_t body_left; /* -1 while the head is being read */
	char head[HEAD_MAX + 1];
};

static struct connection *connections;
static int connection_count, *idle, idle_head, idle_count;
static int64_t *queue, queue_head, queue_tail, *latencies, latency_count, capacity, answered, body_bytes;

static void die(const char *what)
{
	fprintf(stderr, "open-loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* xorshift64*, fixed seed: the same arrival times in every mode and repetition. */
static double uniform(void)
{
	static uint64_t x = 88172645463325252ULL;
	x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
	return ((x * 2685821657736338717ULL >> 11) + 1) / 9007199254740993.0;
}

static void send_due(const char *request, int length)
{
	while (queue_head < queue_tail && idle_count > 0) {
		struct connection *c = &connections[idle[idle_head]];
		idle_head = (idle_head + 1) % connection_count, idle_count--;
		c->due_ns = queue[queue_head++];
		c->head_len = 0, c->body_left = -1;
		if (write(c->fd, request, length) != length)
			die("write");
	}
}

/* Takes what has arrived; true once the answer is complete. */
static int receive(struct connection *c)
{
	static char buffer[262144];
	for (;;) {
		ssize_t got = read(c->fd, buffer, sizeof buffer);
		if (got == 0)
			errno = ECONNRESET, die("the server closed a connection");
		if (got < 0) {
			if (errno == EAGAIN)
				return 0;
			die("read");
		}
		if (c->body_left < 0) {
			ssize_t room = HEAD_MAX - c->head_len, take = got < room ? got : room;
			memcpy(c->head + c->head_len, buffer, take);
			c->head_len += take;
			c->head[c->head_len] = 0;
			char *end = strstr(c->head, "\r\n\r\n");
			if (!end)
				continue;
			char *length = strcasestr(c->head, "\r\ncontent-length:");
			if (strncmp(c->head, "HTTP/1.1 200", 12) || !length || length > end)
				errno = EPROTO, die("not a 200 with a Content-Length");
			body_bytes = strtoll(length + 17, NULL, 10);
			c->body_left = body_bytes - (c->head_len - (end + 4 - c->head)) - (got - take);
		} else {
			c->body_left -= got;
		}
		if (c->body_left == 0)
			return 1;
	}
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double percentile_us(double p)
{
	if (latency_count == 0)
		return NAN;
	int64_t rank = (int64_t)ceil(p * latency_count) - 1;
	return latencies[rank < 0 ? 0 : rank] / 1e3;
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: open-loop ADDRESS PORT PATH CONNECTIONS RATE SECONDS SKIP\n");
		return 64;
	}
	double rate = atof(argv[5]), seconds = atof(argv[6]), skip = atof(argv[7]);
	connection_count = atoi(argv[4]);
	capacity = (int64_t)(rate * seconds * 1.2) + 1000;
	connections = calloc(connection_count, sizeof *connections);
	idle = calloc(connection_count, sizeof *idle);
	queue = calloc(capacity, sizeof *queue), latencies = calloc(capacity, sizeof *latencies);
	prctl(PR_SET_TIMERSLACK, 1);

	char request[512];
	int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		errno = EINVAL, die(argv[1]);
	int poll_fd = epoll_create1(0), one = 1;
	for (int i = 0; i < connection_count; i++) {
		struct connection *c = &connections[i];
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), c->due_ns = -1;
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
			die("connect");
		struct epoll_event want = {.events = EPOLLOUT, .data.u32 = i}, ready;
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want);
		if (epoll_wait(poll_fd, &ready, 1, 5000) != 1 || ready.events & (EPOLLERR | EPOLLHUP))
			errno = ECONNREFUSED, die("connect");
		want.events = EPOLLIN;
		epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
		idle[idle_count++] = i;
	}

	int64_t begin = now_ns(), count_from = begin + (int64_t)(skip * 1e9), end = begin + (int64_t)(seconds * 1e9);
	double next = begin;
	for (;;) {
		int64_t now = now_ns();
		while (next <= now && next < end && queue_tail < capacity) {
			queue[queue_tail++] = (int64_t)next;
			next += -log(uniform()) / rate * 1e9;
		}
		send_due(request, length);
		int waiting = queue_tail > queue_head || idle_count < connection_count;
		if (now >= end && (!waiting || now >= end + DRAIN_NS))
			break;
		int64_t until = (next < end ? (int64_t)next : now < end ? end : end + DRAIN_NS) - now_ns();
		struct timespec wait = {.tv_sec = until > 0 ? until / 1000000000 : 0, .tv_nsec = until > 0 ? until % 1000000000 : 0};
		struct epoll_event events[256];
		int ready = epoll_pwait2(poll_fd, events, 256, &wait, NULL);
		for (int i = 0; i < ready; i++) {
			struct connection *c = &connections[events[i].data.u32];
			if (!receive(c))
				continue;
			answered++;
			if (c->due_ns >= count_from)
				latencies[latency_count++] = now_ns() - c->due_ns;
			c->due_ns = -1;
			idle[(idle_head + idle_count++) % connection_count] = (int)(c - connections);
			send_due(request, length);
		}
	}

	double sum = 0;
	for (int64_t i = 0; i < latency_count; i++)
		sum += latencies[i] / 1e3;
	qsort(latencies, latency_count, sizeof *latencies, ascending);
	printf("{\"requests\":%lld,\"seconds\":%.6f,\"bytes\":%lld,\"meanUs\":%.1f,\"p50Us\":%.1f,\"p90Us\":%.1f,\"p95Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,"
	       "\"maxUs\":%.1f,\"rate\":%.0f,\"counted\":%lld,\"unanswered\":%lld,\"errors\":0}\n",
	       (long long)answered, (now_ns() - begin) / 1e9, (long long)(body_bytes * answered),
	       latency_count > 0 ? sum / latency_count : NAN, percentile_us(.5), percentile_us(.9),
	       percentile_us(.95), percentile_us(.99), percentile_us(.999), percentile_us(1), rate, (long long)latency_count,
	       (long long)(queue_tail - queue_head + connection_count - idle_count));
	return 0;
}
