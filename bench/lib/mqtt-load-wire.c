/* MQTT as far as mqtt-load speaks it, over non-blocking sockets of one epoll. Set-up (CONNECT, SUBSCRIBE) waits for each answer; after
 * watch() a client is served by run_turn(): acknowledgements of one read leave in one write.
 * Both directions and the set-up are one file, past 300 lines, because all three are about the same few fields of a client. [MQTT 3.1.1, MQTT 5.0] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "mqtt-load.h"

enum { CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, PINGREQ = 12, PINGRESP, DISCONNECT };
enum { IN_BYTES = 65536, CLIENTS_PER_ADDRESS = 20000, PATIENCE_MS = 30000, EVENTS = 512 };

void (*on_message)(struct client *client, const struct message *message);
static int poll_fd = -1, opened;

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void die(const char *format, ...)
{
	va_list values;
	va_start(values, format);
	fprintf(stderr, "mqtt-load: ");
	vfprintf(stderr, format, values);
	fprintf(stderr, "\n");
	va_end(values);
	exit(1);
}

/* --- out ----------------------------------------------------------------------------------------------------------------- */

static uint8_t *room(struct client *c, uint32_t bytes)
{
	if (c->out_length + bytes > c->out_capacity && c->out_sent > 0) {
		memmove(c->out, c->out + c->out_sent, c->out_length - c->out_sent);
		c->out_length -= c->out_sent, c->out_sent = 0;
	}
	if (c->out_length + bytes > c->out_capacity) {
		c->out_capacity = (c->out_length + bytes) * 2;
		c->out = realloc(c->out, c->out_capacity);
	}
	return c->out + c->out_length;
}

static void want_to_write(struct client *c, bool waiting)
{
	if (c->waiting == waiting)
		return;
	struct epoll_event want = { .events = waiting ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c };
	c->waiting = waiting;
	if (c->watched)
		epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
}

void flush(struct client *c)
{
	while (c->out_sent < c->out_length) {
		ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN && !c->watched) {
			struct pollfd writable = { .fd = c->fd, .events = POLLOUT };
			poll(&writable, 1, 100);
			continue;
		}
		if (sent < 0 && errno == EAGAIN) {
			want_to_write(c, true);
			return;
		}
		if (sent < 0)
			die("client %d cannot send: %s", c->index, strerror(errno));
		c->out_sent += sent;
	}
	c->out_length = c->out_sent = 0;
	want_to_write(c, false);
}

static uint8_t *put_length(uint8_t *at, uint32_t length)
{
	do {
		*at++ = (length & 127) | (length > 127 ? 128 : 0);
		length >>= 7;
	} while (length > 0);
	return at;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
	size_t length = strlen(text);
	*at++ = length >> 8, *at++ = length;
	memcpy(at, text, length);
	return at + length;
}

static void put_ack(struct client *c, uint8_t first, const uint8_t *id)
{
	uint8_t *at = room(c, 4);
	at[0] = first, at[1] = 2, at[2] = id[0], at[3] = id[1];
	c->out_length += 4;
}

/* Two user properties take 28 bytes: ("unit","mW"), ("source","bench"). */
static uint8_t *put_properties(uint8_t *at, int user_properties)
{
	static const char *const pairs[][2] = { { "unit", "mW" }, { "source", "bench" } };
	uint8_t *length = at++; /* one byte is enough for what is sent here */
	for (int i = 0; i < user_properties; i++) {
		*at++ = 0x26;
		at = put_text(put_text(at, pairs[i % 2][0]), pairs[i % 2][1]);
	}
	*length = at - length - 1;
	return at;
}

void put_publish(struct client *c, const char *topic, int qos, bool retain, const void *payload, uint32_t length)
{
	uint8_t head[512], *at = put_text(head, topic);
	if (qos > 0) {
		c->packet_id = c->packet_id == 65535 ? 1 : c->packet_id + 1;
		*at++ = c->packet_id >> 8, *at++ = c->packet_id;
		c->unacknowledged++;
	}
	if (options.version == 5)
		at = put_properties(at, options.user_properties);
	uint32_t head_length = at - head;
	uint8_t *out = room(c, head_length + length + 5), *start = out;
	*out++ = PUBLISH << 4 | qos << 1 | retain;
	out = put_length(out, head_length + length);
	memcpy(out, head, head_length);
	memcpy(out + head_length, payload, length);
	c->out_length += out - start + head_length + length;
}

/* --- in ------------------------------------------------------------------------------------------------------------------ */

static void take_publish(struct client *c, uint8_t first, const uint8_t *at, uint32_t length, int64_t now)
{
	const uint8_t *end = at + length, *id;
	int qos = first >> 1 & 3;
	at += 2 + (at[0] << 8 | at[1]);
	if (qos > 0) {
		id = at, at += 2;
		put_ack(c, qos == 1 ? PUBACK << 4 : PUBREC << 4, id);
	}
	if (options.version == 5) {
		uint32_t properties = 0, shift = 0;
		do
			properties |= (*at & 127u) << shift, shift += 7;
		while (*at++ & 128);
		at += properties;
	}
	if (at > end)
		die("client %d got a PUBLISH that ends within its head", c->index);
	struct message message = { .payload = at, .length = end - at, .now = now, .duplicate = first & 8 };
	if (on_message)
		on_message(c, &message);
}

static void take_packet(struct client *c, uint8_t first, const uint8_t *at, uint32_t length, int64_t now)
{
	switch (first >> 4) {
	case PUBLISH:
		take_publish(c, first, at, length, now);
		break;
	case PUBACK:
	case PUBCOMP:
		c->unacknowledged--;
		break;
	case PUBREC:
		put_ack(c, PUBREL << 4 | 2, at);
		break;
	case PUBREL:
		put_ack(c, PUBCOMP << 4, at);
		break;
	case DISCONNECT:
		die("client %d was disconnected with reason 0x%02x", c->index, length > 0 ? at[0] : 0);
	}
	if (first >> 4 == c->awaited) {
		c->awaited = 0;
		memcpy(c->answer, at, length < sizeof c->answer ? length : sizeof c->answer);
	}
}

/* Takes every whole packet that is in, and sends the acknowledgements. */
static void take_packets(struct client *c)
{
	uint32_t done = 0;
	int64_t now = now_ns();
	for (;;) {
		const uint8_t *at = c->in + done;
		uint32_t here = c->in_length - done, length = 0, head = 1, shift = 0;
		while (head < here && at[head] & 128)
			length |= (at[head++] & 127u) << shift, shift += 7;
		if (head >= here)
			break;
		length |= (uint32_t)at[head++] << shift;
		if (here < head + length) {
			if (head + length > c->in_capacity)
				c->in_capacity = (head + length) * 2, c->in = realloc(c->in, c->in_capacity);
			break;
		}
		take_packet(c, at[0], at + head, length, now);
		done += head + length;
	}
	c->in_length -= done;
	memmove(c->in, c->in + done, c->in_length);
	if (c->out_length > 0 && !c->waiting)
		flush(c);
}

/* One read; what is left comes with the next turn. False when there was nothing. */
static bool receive(struct client *c)
{
	ssize_t got = recv(c->fd, c->in + c->in_length, c->in_capacity - c->in_length, 0);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0)
		die("the broker closed the connection of client %d%s%s", c->index, got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
	c->in_length += got;
	take_packets(c);
	return true;
}

/* Waits for a packet of that type, whose beginning is then in c->answer; what comes before it is served. */
static bool await_packet(struct client *c, int type, int patience_ms)
{
	struct pollfd readable = { .fd = c->fd, .events = POLLIN };
	int64_t until = now_ns() + patience_ms * 1000000LL;
	c->awaited = type;
	while (c->awaited && now_ns() < until) {
		poll(&readable, 1, 100);
		receive(c);
	}
	return c->awaited == 0;
}

int run_turn(int64_t wait_ns)
{
	struct epoll_event events[EVENTS];
	struct timespec wait = { .tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000 };
	int ready = epoll_pwait2(poll_fd, events, EVENTS, &wait, NULL);
	for (int i = 0; i < ready; i++) {
		struct client *c = events[i].data.ptr;
		if (events[i].events & EPOLLOUT)
			flush(c);
		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(c);
	}
	return ready;
}

/* --- set-up -------------------------------------------------------------------------------------------------------------- */

static int open_socket(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(options.port) }, from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, error = 0;
	socklen_t length = sizeof error;
	if (fd < 0)
		die("no more sockets after %d: %s; raise ulimit -n", opened, strerror(errno));
	if (inet_pton(AF_INET, options.address, &to.sin_addr) != 1)
		die("%s is no IPv4 address", options.address);
	/* An address has 64 k ports: the first CLIENTS_PER_ADDRESS come from where the kernel likes, the next from 127.0.0.2 and so on. */
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + opened / CLIENTS_PER_ADDRESS);
	if (opened >= CLIENTS_PER_ADDRESS && bind(fd, (struct sockaddr *)&from, sizeof from))
		die("cannot bind 127.0.0.%d: %s", 1 + opened / CLIENTS_PER_ADDRESS, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		error = errno;
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	if (error == 0 && poll(&writable, 1, PATIENCE_MS) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error;
	if (error == 0 && opened++ >= 0)
		return fd;
	close(fd);
	return -1;
}

struct client *open_client(const char *id, int index, bool clean)
{
	int fd = open_socket();
	if (fd < 0)
		return NULL;
	struct client *c = calloc(1, sizeof *c);
	c->fd = fd, c->index = index;
	c->in_capacity = IN_BYTES, c->in = malloc(c->in_capacity);
	uint8_t *start = room(c, 256), *at = start + 2;
	at = put_text(at, "MQTT");
	*at++ = options.version, *at++ = clean ? 2 : 0, *at++ = 0, *at++ = 0; /* no keep-alive */
	if (options.version == 5) {
		/* Session Expiry Interval: none, or for ever. */
		static const uint8_t forever[] = { 5, 0x11, 255, 255, 255, 255 };
		if (clean)
			*at++ = 0;
		else
			memcpy(at, forever, sizeof forever), at += sizeof forever;
	}
	at = put_text(at, id);
	start[0] = CONNECT << 4, start[1] = at - start - 2;
	c->out_length = at - start;
	flush(c);
	if (!await_packet(c, CONNACK, PATIENCE_MS))
		die("no CONNACK for client %s", id);
	if (c->answer[1] != 0)
		die("the broker refuses client %s: CONNACK 0x%02x", id, c->answer[1]);
	c->session_present = c->answer[0] & 1;
	return c;
}

void subscribe(struct client *c, const char *const *filters, int count, int qos)
{
	uint32_t bytes = 8;
	for (int i = 0; i < count; i++)
		bytes += strlen(filters[i]) + 3;
	uint8_t body[bytes], *at = body;
	*at++ = 0, *at++ = 1;
	if (options.version == 5)
		*at++ = 0;
	for (int i = 0; i < count; i++) {
		at = put_text(at, filters[i]);
		*at++ = qos;
	}
	uint8_t *start = room(c, bytes + 5), *out = start;
	*out++ = SUBSCRIBE << 4 | 2;
	out = put_length(out, at - body);
	memcpy(out, body, at - body);
	c->out_length += out - start + (at - body);
	flush(c);
	if (!await_packet(c, SUBACK, PATIENCE_MS))
		die("no SUBACK for client %d", c->index);
	const uint8_t *code = c->answer + (options.version == 5 ? 3 + c->answer[2] : 2);
	if (code<c->answer + sizeof c->answer && * code> 2)
		die("the broker refuses %s: SUBACK 0x%02x", filters[0], *code);
}

bool ping(struct client *c)
{
	uint8_t *at = room(c, 2);
	at[0] = PINGREQ << 4, at[1] = 0;
	c->out_length += 2;
	flush(c);
	return await_packet(c, PINGRESP, 5000);
}

void shrink(struct client *c)
{
	free(c->in), free(c->out);
	c->in = malloc(c->in_capacity = 64);
	c->out = NULL, c->out_capacity = 0;
}

void watch(struct client *c)
{
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = c };
	if (poll_fd < 0)
		poll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want);
	c->watched = true;
}
