/* keep-alive: a closed loop of HTTP/1.1 requests that tells what became of every connection.
 *
 *   keep-alive ADDRESS PORT PATH CONNECTIONS REQUESTS SECONDS
 *
 * Each connection sends its next request when the answer is in, until REQUESTS are answered or SECONDS are over, whichever is
 * first. A request FAILED when its answer was not a whole 200: the connection broke or could not be made, or another status
 * came. wrk reconnects in silence and counts a break without any byte of an answer as nothing, hence this. An answer with
 * `Connection: close` is no failure; a close without that word is one, also when it hits a connection that was used before.
 * A broken connection is opened again. Prints one JSON line; "broken" has the client's ports of connections that failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, BROKEN_MAX = 4096, RETRIES_MAX = 3 };

struct connection {
	int fd, port, head_len, will_close, retries;
	int64_t body_left; /* -1 while the head is being read */
	char head[HEAD_MAX + 1];
};

static struct sockaddr_in to;
static int poll_fd, request_length, broken[BROKEN_MAX], broken_count, open_count;
static int64_t sent, answered, failed, closed, wanted, resets, early_ends, other_status, refused;
static char request[512];

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int start_request(struct connection *c)
{
	c->head_len = 0, c->body_left = -1, c->will_close = 0;
	sent++;
	return write(c->fd, request, request_length) == request_length;
}

/* Blocking connect: on one machine it takes microseconds, and a refusal shows at once. */
static int open_connection(struct connection *c, uint32_t index)
{
	int one = 1;
	struct sockaddr_in own;
	socklen_t length = sizeof own;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) {
		close(c->fd);
		c->fd = -1;
		return 0;
	}
	getsockname(c->fd, (struct sockaddr *)&own, &length);
	c->port = ntohs(own.sin_port);
	struct epoll_event want = {.events = EPOLLIN, .data.u32 = index};
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want);
	open_count++;
	return 1;
}

static void close_connection(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	open_count--;
}

static void fail(struct connection *c, int64_t *why)
{
	failed++, (*why)++;
	if (broken_count < BROKEN_MAX)
		broken[broken_count++] = c->port;
}

/* Opens again and sends; a few refusals in a row end the connection for good. */
static void begin_again(struct connection *c, uint32_t index)
{
	while (c->retries < RETRIES_MAX && sent < wanted) {
		if (open_connection(c, index)) {
			if (start_request(c))
				return;
			fail(c, &resets);
			close_connection(c);
		} else {
			sent++;
			fail(c, &refused);
		}
		c->retries++;
	}
}

/* Takes what has arrived: 1 when the answer is complete, 0 when more is to come, -1 when the connection broke, -2 on another status. */
static int receive(struct connection *c)
{
	static char buffer[262144];
	ssize_t got = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return -1;
	if (c->body_left < 0) {
		ssize_t room = HEAD_MAX - c->head_len, take = got < room ? got : room;
		memcpy(c->head + c->head_len, buffer, take);
		c->head_len += take;
		c->head[c->head_len] = 0;
		char *end = strstr(c->head, "\r\n\r\n");
		if (!end)
			return c->head_len == HEAD_MAX ? -2 : 0;
		char *length = strcasestr(c->head, "\r\ncontent-length:"), *ending = strcasestr(c->head, "\r\nconnection: close");
		if (strncmp(c->head, "HTTP/1.1 200", 12) || !length || length > end)
			return -2;
		c->will_close = ending && ending < end;
		c->body_left = strtoll(length + 17, NULL, 10) - (c->head_len - (end + 4 - c->head)) - (got - take);
	} else {
		c->body_left -= got;
	}
	return c->body_left == 0;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: keep-alive ADDRESS PORT PATH CONNECTIONS REQUESTS SECONDS\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN); /* a write to a broken connection is a failed request, not our end */
	int count = atoi(argv[4]);
	wanted = atoll(argv[5]);
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || count < 1)
		return 64;
	request_length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);
	struct connection *connections = calloc(count, sizeof *connections);
	poll_fd = epoll_create1(0);
	int64_t begin = now_ns(), end = begin + (int64_t)(atof(argv[6]) * 1e9);
	for (int i = 0; i < count; i++)
		begin_again(&connections[i], i);

	/* `sent` counts every request, failed ones too: the loop ends when each has its outcome. */
	while (answered + failed < sent && open_count > 0) {
		struct epoll_event events[256];
		int ready = epoll_wait(poll_fd, events, 256, 1000), late = now_ns() >= end;
		if (late)
			wanted = sent; /* no more; those outstanding get a second more */
		if (now_ns() > end + 1000000000LL)
			break;
		for (int i = 0; i < ready; i++) {
			uint32_t index = events[i].data.u32;
			struct connection *c = &connections[index];
			int outcome = receive(c);
			if (outcome == 0)
				continue;
			if (outcome > 0) {
				answered++, c->retries = 0;
				if (c->will_close) {
					closed++;
					close_connection(c);
					begin_again(c, index);
				} else if (sent < wanted && !start_request(c)) {
					fail(c, &resets);
					close_connection(c);
					begin_again(c, index);
				}
				continue;
			}
			fail(c, outcome == -2 ? &other_status : c->head_len > 0 ? &early_ends : &resets);
			close_connection(c);
			begin_again(c, index);
		}
	}
	printf("{\"requests\":%lld,\"failed\":%lld,\"seconds\":%.6f,\"connections\":%d,\"closed\":%lld,\"unanswered\":%lld,"
	       "\"why\":{\"reset\":%lld,\"cutShort\":%lld,\"status\":%lld,\"refused\":%lld},\"broken\":[",
	       (long long)answered, (long long)failed, (now_ns() - begin) / 1e9, count, (long long)closed,
	       (long long)(sent - answered - failed), (long long)resets, (long long)early_ends, (long long)other_status, (long long)refused);
	for (int i = 0; i < broken_count; i++)
		printf("%s%d", i ? "," : "", broken[i]);
	printf("]}\n");
	return 0;
}
