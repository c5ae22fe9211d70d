/* response-service: one service of a graph of services: burns CPU time for each call, and calls others.
 *
 *   response-service ADDRESS PORT WORKERS FILE
 *
 * FILE has one line a thing, in this order; µs are CPU time:
 *
 *   operation NAME MEAN-US exponential|deterministic   what `GET /NAME` does
 *   step                                               its next calls go out when all of the last step are answered
 *   call ADDRESS PORT NAME PROBABILITY                 one call of this step
 *
 * CPU time of an operation is split evenly before, between and after its steps, and burnt by the thread's own CPU clock, so that
 * it is the same however busy the CPU is. A worker is a thread that keeps its call until it is answered, as in a server that
 * blocks; calls that find none idle wait in the order they came. Each worker has connections of its own for each call.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_OPERATIONS = 8, MOST_STEPS = 8, MOST_CALLS = 32, HEAD_MAX = 1024, BODY = 128 };

struct call {
	struct sockaddr_in to;
	char request[160];
	int length;
	double probability;
};

struct operation {
	char name[64];
	double mean_us;
	int exponential, steps, first[MOST_STEPS + 1];
};

struct client {
	int fd, length;
	char head[HEAD_MAX + 1];
};

static struct operation operations[MOST_OPERATIONS];
static struct call calls[MOST_CALLS];
static int operation_count, call_count, poll_fd, listen_fd;

struct worker {
	uint64_t random;
	int fds[MOST_CALLS]; /* -1 until the first call */
};

static void die(const char *what)
{
	fprintf(stderr, "response-service: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double uniform(struct worker *w)
{
	w->random ^= w->random >> 12, w->random ^= w->random << 25, w->random ^= w->random >> 27;
	return ((w->random * 2685821657736338717ULL >> 11) + 1) / 9007199254740993.0;
}

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void burn(double us)
{
	int64_t until = cpu_ns() + (int64_t)(us * 1000);
	volatile unsigned work = 1;
	while (cpu_ns() < until)
		for (int i = 0; i < 300; i++)
			work = work * 1664525 + 1013904223;
}

static void without_delay(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void ask(struct worker *w, int c)
{
	if (w->fds[c] < 0) {
		w->fds[c] = socket(AF_INET, SOCK_STREAM, 0);
		without_delay(w->fds[c]);
		if (connect(w->fds[c], (struct sockaddr *)&calls[c].to, sizeof calls[c].to))
			die("connect");
		/* sockhijack redirects only for those who do not block in read(). */
		fcntl(w->fds[c], F_SETFL, O_NONBLOCK);
	}
	if (write(w->fds[c], calls[c].request, calls[c].length) != calls[c].length)
		die("write of a call");
}

/* Reads one answer: its head, and as many bytes as it says. */
static void take_answer(struct worker *w, int c)
{
	char buffer[4096 + 1];
	int length = 0;
	for (;;) {
		ssize_t got = read(w->fds[c], buffer + length, sizeof buffer - 1 - length);
		if (got < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = w->fds[c], .events = POLLIN };
			poll(&ready, 1, -1);
			continue;
		}
		if (got <= 0)
			die("read of an answer");
		length += got;
		buffer[length] = 0;
		char *end = strstr(buffer, "\r\n\r\n"), *field = strcasestr(buffer, "\r\ncontent-length:");
		if (!end)
			continue;
		if (strncmp(buffer, "HTTP/1.1 200", 12) || !field || field > end)
			errno = EPROTO, die("not a 200 with a Content-Length");
		if (length >= end + 4 - buffer + atoi(field + 17))
			return;
	}
}

static void serve(struct worker *w, struct client *client, const struct operation *o)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n";
	char out[sizeof answer - 1 + BODY];
	double us = o->exponential ? -log(uniform(w)) * o->mean_us : o->mean_us;
	for (int step = 0; step < o->steps; step++) {
		int made[MOST_CALLS], count = 0;
		burn(us / (o->steps + 1));
		for (int c = o->first[step]; c < o->first[step + 1]; c++)
			if (calls[c].probability >= 1 || uniform(w) < calls[c].probability)
				made[count++] = c;
		for (int i = 0; i < count; i++)
			ask(w, made[i]);
		for (int i = 0; i < count; i++)
			take_answer(w, made[i]);
	}
	burn(us / (o->steps + 1));
	memcpy(out, answer, sizeof answer - 1);
	memset(out + sizeof answer - 1, 'x', BODY);
	if (write(client->fd, out, sizeof out) != sizeof out && errno != EPIPE && errno != ECONNRESET)
		die("write of an answer");
}

static void arm(int how, struct client *client)
{
	struct epoll_event want = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = client };
	epoll_ctl(poll_fd, how, client ? client->fd : listen_fd, &want);
}

/* One thing that is ready: a new connection (client is null), or bytes of a call. */
static void handle(struct worker *w, struct client *client)
{
	if (!client) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
		arm(EPOLL_CTL_MOD, NULL);
		if (fd < 0)
			return;
		without_delay(fd);
		client = calloc(1, sizeof *client);
		client->fd = fd;
		arm(EPOLL_CTL_ADD, client);
		return;
	}
	ssize_t got = read(client->fd, client->head + client->length, HEAD_MAX - client->length);
	if (got < 0 && errno == EAGAIN) {
		arm(EPOLL_CTL_MOD, client);
		return;
	}
	if (got <= 0) {
		close(client->fd);
		free(client);
		return;
	}
	client->length += got;
	client->head[client->length] = 0;
	if (strstr(client->head, "\r\n\r\n")) {
		char name[64] = "";
		sscanf(client->head, "GET /%63s", name);
		client->length = 0;
		for (int o = 0; o < operation_count; o++)
			if (!strcmp(operations[o].name, name))
				serve(w, client, &operations[o]);
	}
	arm(EPOLL_CTL_MOD, client);
}

static void *work(void *of)
{
	for (;;) {
		struct epoll_event ready;
		if (epoll_wait(poll_fd, &ready, 1, -1) == 1)
			handle(of, ready.data.ptr);
	}
	return NULL;
}

static void read_file(const char *path)
{
	char line[256], name[64], law[32], address[64];
	FILE *file = fopen(path, "r");
	int port;
	if (!file)
		die(path);
	while (fgets(line, sizeof line, file)) {
		struct operation *o = &operations[operation_count - 1];
		struct call *c = &calls[call_count];
		if (operation_count < MOST_OPERATIONS && sscanf(line, "operation %63s %lf %31s", name, &o[1].mean_us, law) == 3) {
			operation_count++;
			strcpy(o[1].name, name);
			o[1].exponential = !strcmp(law, "exponential");
			o[1].first[0] = call_count;
		} else if (!strcmp(line, "step\n") && operation_count && o->steps < MOST_STEPS) {
			o->first[o->steps++] = call_count;
			o->first[o->steps] = call_count;
		} else if (call_count < MOST_CALLS && sscanf(line, "call %63s %d %63s %lf", address, &port, name, &c->probability) == 4) {
			c->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
			inet_pton(AF_INET, address, &c->to.sin_addr);
			c->length = snprintf(c->request, sizeof c->request, "GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n", name, address);
			o->first[o->steps] = ++call_count;
		} else {
			errno = EINVAL, die(line);
		}
	}
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: response-service ADDRESS PORT WORKERS FILE\n");
		return 64;
	}
	read_file(argv[4]);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	int one = 1;
	inet_pton(AF_INET, argv[1], &at.sin_addr);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) || listen(listen_fd, 4096))
		die("listen");
	poll_fd = epoll_create1(0);
	arm(EPOLL_CTL_ADD, NULL);
	for (int i = 0; i < atoi(argv[3]); i++) {
		struct worker *w = malloc(sizeof *w);
		pthread_t thread;
		w->random = 88172645463325252ULL ^ ((uint64_t)(atoi(argv[2]) * 1000 + i + 1) * 0x9e3779b97f4a7c15ULL);
		memset(w->fds, -1, sizeof w->fds);
		if (pthread_create(&thread, NULL, work, w))
			die("pthread_create");
	}
	for (;;)
		pause();
}
