/* filters-kernel-load: fixed numbers of HTTP/1.1 requests, and the CPU time that they took of this program, of the server and of the daemon.
 *
 *   filters-kernel-load ADDRESS PORT PATH CONNECTIONS SERVER-PID DAEMON-PID
 *
 * Reads one command a line and answers each with a JSON line; ends with its input:
 *   kept N    N requests over the connections that stay open from one command to the next
 *   again N   the same, over connections opened in place of those
 *   new N     N requests, each over a connection of its own, CONNECTIONS of them at a time
 *   spin NS   each request costs this program so much more from here on: a known cost, which the measurement must find
 *   stats 1   the kernel counts what BPF programs take, for as long as this program lives and until `stats 0`
 *
 * Times are the scheduler's, read right before and after (clock_getcpuclockid(3)). Ending such a connection resets it: without
 * that, a minute of them leaves a million sockets in TIME_WAIT, and looking for a free port takes longer all the time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, STALL_MS = 5000 };

struct connection {
	int fd;
	ssize_t left; /* of the answer's bytes */
};

static struct sockaddr_in to;
static struct connection kept[CONNECTIONS_MAX], fresh[CONNECTIONS_MAX];
static int poll_fd, count, request_length;
static int64_t spin_ns;
static ssize_t answer_length; /* of each: the server sends the same every time */
static char request[512], buffer[65536];

static int64_t read_clock(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "filters-kernel-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Blocking while it connects, which on loopback is done within the call; then not, as sockhijack leaves blocking sockets alone. */
static int connected(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger reset = {1, 0};
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) || fcntl(fd, F_SETFL, O_NONBLOCK))
		die("cannot connect");
	return fd;
}

static void open_connection(struct connection *c)
{
	c->fd = connected();
	struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want))
		die("epoll_ctl");
}

static void ask(struct connection *c)
{
	if (spin_ns > 0)
		for (int64_t end = read_clock(CLOCK_MONOTONIC) + spin_ns; read_clock(CLOCK_MONOTONIC) < end;)
			;
	c->left = answer_length;
	if (send(c->fd, request, request_length, MSG_NOSIGNAL) != request_length)
		die("cannot send");
}

/* True when the answer is complete. */
static int take(struct connection *c)
{
	ssize_t got = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		die("a connection ended before its answer");
	if (c->left == answer_length && (got < 12 || memcmp(buffer, "HTTP/1.1 200", 12))) {
		errno = EPROTO;
		die("an answer other than 200");
	}
	c->left -= got;
	if (c->left < 0) {
		errno = EPROTO;
		die("an answer longer than the first");
	}
	return c->left == 0;
}

/* How long an answer is, from the first one. */
static void learn_length(void)
{
	int fd = connected(), have = 0;
	if (write(fd, request, request_length) != request_length)
		die("cannot send");
	for (;;) {
		struct pollfd want = {fd, POLLIN, 0};
		ssize_t got = poll(&want, 1, STALL_MS) == 1 ? read(fd, buffer + have, sizeof buffer - 1 - have) : -1;
		if (got <= 0)
			die("no answer to the first request");
		have += got;
		buffer[have] = 0;
		char *end = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "\r\ncontent-length:");
		if (!end)
			continue;
		if (!length || length > end) {
			errno = EPROTO;
			die("an answer without Content-Length");
		}
		answer_length = end + 4 - buffer + atoll(length + 17);
		break;
	}
	close(fd);
}

/* Each connection asks again when it is answered; with `anew` another one in its place does. */
static void run(struct connection *connections, int64_t requests, int anew)
{
	int64_t sent = 0, answered = 0;
	for (int i = 0; i < count && sent < requests; i++, sent++) {
		if (connections[i].fd < 0)
			open_connection(&connections[i]);
		ask(&connections[i]);
	}
	while (answered < requests) {
		struct epoll_event events[CONNECTIONS_MAX];
		int ready = epoll_wait(poll_fd, events, CONNECTIONS_MAX, STALL_MS);
		if (ready <= 0) {
			errno = ETIMEDOUT;
			die("no answer");
		}
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;
			if (!take(c))
				continue;
			answered++;
			if (anew)
				close(c->fd), c->fd = -1;
			if (sent == requests)
				continue;
			if (anew)
				open_connection(c);
			ask(c);
			sent++;
		}
	}
}

/* The kernel goes on counting until this descriptor is closed, by whatever end. */
static void switch_stats(int on)
{
	static int stats_fd = -1;
	union bpf_attr attributes = {.enable_stats.type = BPF_STATS_RUN_TIME};
	if (on && stats_fd < 0 && (stats_fd = syscall(SYS_bpf, BPF_ENABLE_STATS, &attributes, sizeof attributes)) < 0)
		die("BPF_ENABLE_STATS");
	if (!on && stats_fd >= 0)
		close(stats_fd), stats_fd = -1;
}

static int refuse(const char *line)
{
	fprintf(stderr, "filters-kernel-load: not a command: %s", line);
	return 64;
}

int main(int argc, char **argv)
{
	clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, 0, 0}; /* then the server's and the daemon's */
	if (argc != 7 || (count = atoi(argv[4])) < 1 || count > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: filters-kernel-load ADDRESS PORT PATH CONNECTIONS SERVER-PID DAEMON-PID\n");
		return 64;
	}
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 64;
	for (int i = 0; i < 2; i++)
		if ((errno = clock_getcpuclockid(atoi(argv[5 + i]), &clocks[2 + i])))
			die("no such process");
	request_length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < count; i++)
		kept[i].fd = fresh[i].fd = -1;
	learn_length();
	setvbuf(stdout, NULL, _IOLBF, 0);
	char line[64], what[8];
	int64_t number;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%7s %ld", what, &number) != 2 || number < 0)
			return refuse(line);
		if (!strcmp(what, "stats") || !strcmp(what, "spin")) {
			if (!strcmp(what, "spin"))
				spin_ns = number;
			else
				switch_stats(number != 0);
			printf("{}\n");
			continue;
		}
		int anew = !strcmp(what, "new"), again = !strcmp(what, "again");
		if (!anew && !again && strcmp(what, "kept"))
			return refuse(line);
		for (int i = 0; again && i < count; i++)
			close(kept[i].fd), kept[i].fd = -1;
		int64_t from[4], took[4];
		for (int i = 0; i < 4; i++)
			from[i] = read_clock(clocks[i]);
		run(anew ? fresh : kept, number, anew);
		for (int i = 0; i < 4; i++)
			took[i] = read_clock(clocks[i]) - from[i];
		printf("{\"requests\":%ld,\"wallNs\":%ld,\"clientNs\":%ld,\"serverNs\":%ld,\"daemonNs\":%ld}\n", number, took[0], took[1], took[2],
		       took[3]);
	}
	return 0;
}
