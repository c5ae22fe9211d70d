/* mqtt-floor: what no broker can be faster than. It reads and writes exactly as one that coalesces does, and thinks of nothing else.
 *
 *   mqtt-floor PORT     0 lets the kernel choose; the first line of its output is the port
 *
 * There are three sets of subscribers, told by the first letter of what they subscribed to: b(ench/...), s(tatus/...), c(ontrol/...). Bytes
 * of a PUBLISH go unread to the whole set of its topic's first letter: one buffer a set and turn of the loop, one write a subscriber. For
 * QoS 1 the packet id is replaced by the set's next one and the publisher gets its PUBACK; subscribers' PUBACKs are read and forgotten. No
 * QoS 2, no filters, no sessions, no checks: it serves mqtt-load and nothing else. MQTT 5.0's properties pass as they came. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 65536, SET_BYTES = 1 << 20, MEMBERS = 4096, EVENTS = 512, ACK_BYTES = 4096 };

struct connection {
	int fd, version;
	uint32_t in_length, acks_length;
	uint8_t in[IN_BYTES], acks[ACK_BYTES];
};

static struct set {
	int members[MEMBERS], count;
	uint16_t packet_id;
	uint32_t length;
	uint8_t bytes[SET_BYTES];
} sets[3];

/* Waits when the socket is full: its reader is mqtt-load, which always reads. */
static void send_all(int fd, const uint8_t *bytes, uint32_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			struct pollfd writable = { .fd = fd, .events = POLLOUT };
			poll(&writable, 1, 1000);
		} else if (sent < 0) {
			return; /* it is gone, and its own event says so */
		} else {
			bytes += sent, length -= sent;
		}
	}
}

static struct set *set_of(uint8_t letter)
{
	return &sets[letter == 'b' ? 0 : letter == 's' ? 1 : 2];
}

static void send_set(struct set *set)
{
	for (int i = 0; i < set->count; i++)
		send_all(set->members[i], set->bytes, set->length);
	set->length = 0;
}

static void send_acks(struct connection *c)
{
	send_all(c->fd, c->acks, c->acks_length);
	c->acks_length = 0;
}

static void take_publish(struct connection *c, const uint8_t *packet, uint32_t head, uint32_t length)
{
	uint32_t topic = packet[head] << 8 | packet[head + 1];
	struct set *set = set_of(packet[head + 2]);
	if (set->length + length > SET_BYTES)
		send_set(set);
	uint8_t *copy = memcpy(set->bytes + set->length, packet, length), *id = copy + head + 2 + topic;
	set->length += length;
	if (!(packet[0] & 6))
		return;
	if (c->acks_length + 4 > ACK_BYTES)
		send_acks(c);
	uint8_t *ack = c->acks + c->acks_length;
	ack[0] = 0x40, ack[1] = 2, ack[2] = id[0], ack[3] = id[1];
	c->acks_length += 4;
	set->packet_id = set->packet_id == 65535 ? 1 : set->packet_id + 1;
	id[0] = set->packet_id >> 8, id[1] = set->packet_id;
}

static void take_packet(struct connection *c, const uint8_t *packet, uint32_t head, uint32_t length)
{
	static const uint8_t connack[] = { 0x20, 2, 0, 0 }, connack5[] = { 0x20, 3, 0, 0, 0 };
	switch (packet[0] >> 4) {
	case 1:
		c->version = packet[head + 6];
		send_all(c->fd, c->version == 5 ? connack5 : connack, c->version == 5 ? 5 : 4);
		break;
	case 3:
		take_publish(c, packet, head, length);
		break;
	case 8: {
		struct set *set = set_of(packet[head + (c->version == 5 ? 5 : 4)]);
		uint8_t suback[] = { 0x90, 3, packet[head], packet[head + 1], packet[length - 1], 0 };
		if (c->version == 5)
			suback[1] = 4, suback[5] = suback[4], suback[4] = 0;
		if (set->count < MEMBERS)
			set->members[set->count++] = c->fd;
		send_all(c->fd, suback, c->version == 5 ? 6 : 5);
		break;
	}
	}
}

static void leave(struct connection *c)
{
	for (int s = 0; s < 3; s++)
		for (int i = 0; i < sets[s].count; i++)
			if (sets[s].members[i] == c->fd)
				sets[s].members[i--] = sets[s].members[--sets[s].count];
	close(c->fd);
	free(c);
}

/* False when the connection is no more. */
static int receive(struct connection *c)
{
	ssize_t got = recv(c->fd, c->in + c->in_length, IN_BYTES - c->in_length, 0);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	c->in_length += got;
	uint32_t done = 0;
	for (;;) {
		const uint8_t *packet = c->in + done;
		uint32_t here = c->in_length - done, length = 0, head = 1, shift = 0;
		while (head < here && packet[head] & 128)
			length |= (packet[head++] & 127u) << shift, shift += 7;
		if (head >= here)
			break;
		length |= (uint32_t)packet[head++] << shift;
		if (here < head + length)
			break;
		take_packet(c, packet, head, head + length);
		done += head + length;
	}
	c->in_length -= done;
	memmove(c->in, c->in + done, c->in_length);
	if (c->acks_length > 0)
		send_acks(c);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll_fd = epoll_create1(0);
	at.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (argc != 2 || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) {
		perror("mqtt-floor PORT");
		return 1;
	}
	socklen_t length = sizeof at;
	getsockname(listener, (struct sockaddr *)&at, &length);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = NULL }, events[EVENTS];
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &want);
	for (;;) {
		int ready = epoll_wait(poll_fd, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;
			if (c) {
				if (!receive(c))
					leave(c);
				continue;
			}
			for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				c = calloc(1, sizeof *c);
				c->fd = fd;
				want.data.ptr = c;
				epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &want);
			}
		}
		for (int s = 0; s < 3; s++)
			if (sets[s].length > 0)
				send_set(&sets[s]);
	}
}
