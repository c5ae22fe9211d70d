/*
 * The inner loop of mqttnic's epoll data plane: reads what came on all sockets in one call, and writes what a turn made in another, so that
 * the way between JavaScript and the kernel is gone once a turn and not once a client. It knows sockets and bytes, nothing of MQTT.
 *
 * A connection's number is its file descriptor. Parts of a turn are kept as pointers into the caller's buffers until plane_flush(), which
 * gives each connection all of its parts, in order, in one sendmsg(); what the kernel does not take is copied.
 * src/data-plane/epoll-library.ts mirrors this file, which is past 300 lines since one loop works on all of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { EVENT_DATA, EVENT_DRAINED, EVENT_CLOSED };
enum { BATCH = 512, READ_BYTES = 65536, MOST_PARTS = 256, NONE = -1 };

/* One part of a turn for one connection: `parts` of a connection are a list, in order. */
struct part {
	const uint8_t *bytes;
	uint32_t length;
	int32_t next;
};

struct connection {
	uint32_t generation; /* of this number: an event for a socket closed meanwhile must not reach the next one */
	uint8_t open, paused, closing, dirty, writable_wanted;
	int32_t first, last; /* parts of this turn */
	uint8_t *waiting; /* what the kernel did not take, from waiting_from on */
	uint32_t waiting_from, waiting_end, waiting_capacity;
};

struct route {
	int32_t *members;
	int32_t count;
	int32_t next_free;
};

/* What a connection is closed with, told at the next poll. */
struct closed {
	int32_t id, why;
};

struct plane {
	int epoll;
	uint32_t capacity;
	uint32_t *waiting_bytes, *dropped; /* the caller's, at [id] */
	uint32_t drop_above;
	struct connection *connections;
	struct route *routes;
	int32_t route_count, route_capacity, free_route;
	struct part *parts;
	int32_t part_count, part_capacity;
	int32_t *dirty;
	int32_t dirty_count, dirty_capacity;
	struct closed *closed;
	int32_t closed_count, closed_capacity;
	int32_t *drained;
	int32_t drained_count, drained_capacity;
	uint64_t sent_bytes, sends;
};

/* Memory that cannot be had ends the process: no caller could go on. */
static void *grown(void *old, int32_t *capacity, int32_t wanted, size_t size)
{
	if (wanted <= *capacity)
		return old;
	int32_t next = *capacity ? *capacity * 2 : 64;
	while (next < wanted)
		next *= 2;
	void *made = realloc(old, (size_t)next * size);
	if (!made)
		abort();
	*capacity = next;
	return made;
}

struct plane *plane_open(uint32_t *waiting_bytes, uint32_t *dropped, uint32_t capacity)
{
	struct plane *plane = calloc(1, sizeof *plane);
	if (!plane)
		return NULL;
	plane->connections = calloc(capacity, sizeof *plane->connections); /* pages that no connection uses are never touched */
	plane->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!plane->connections || plane->epoll < 0) {
		if (plane->epoll >= 0)
			close(plane->epoll);
		free(plane->connections);
		free(plane);
		return NULL;
	}
	plane->capacity = capacity;
	plane->waiting_bytes = waiting_bytes;
	plane->dropped = dropped;
	plane->free_route = NONE;
	return plane;
}

int plane_epoll(struct plane *plane)
{
	return plane->epoll;
}

void plane_drop_above(struct plane *plane, uint32_t bytes)
{
	plane->drop_above = bytes;
}

static int watch(struct plane *plane, int id, int operation)
{
	struct connection *connection = &plane->connections[id];
	uint32_t events = (connection->paused && !connection->closing ? 0 : EPOLLIN) | (connection->writable_wanted ? EPOLLOUT : 0);
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)connection->generation << 32 | (uint32_t)id };
	return epoll_ctl(plane->epoll, operation, id, &event);
}

/* Takes a connected, non-blocking socket over. Gives 0, or an errno: then it is the caller's still. */
int plane_add(struct plane *plane, int fd)
{
	if ((uint32_t)fd >= plane->capacity)
		return EMFILE;
	struct connection *connection = &plane->connections[fd];
	uint32_t generation = connection->generation + 1;
	memset(connection, 0, sizeof *connection);
	connection->generation = generation;
	connection->open = 1;
	connection->first = connection->last = NONE;
	plane->waiting_bytes[fd] = 0;
	plane->dropped[fd] = 0;
	if (watch(plane, fd, EPOLL_CTL_ADD) == 0)
		return 0;
	connection->open = 0;
	return errno;
}

/* Closes the socket; told at the next poll. */
static void end(struct plane *plane, int id, int why)
{
	struct connection *connection = &plane->connections[id];
	if (!connection->open)
		return;
	connection->open = 0;
	free(connection->waiting);
	connection->waiting = NULL;
	connection->first = connection->last = NONE;
	plane->waiting_bytes[id] = 0;
	plane->closed = grown(plane->closed, &plane->closed_capacity, plane->closed_count + 1, sizeof *plane->closed);
	plane->closed[plane->closed_count++] = (struct closed){ id, why };
	close(id); /* takes it out of the epoll as well */
}

static void want_writable(struct plane *plane, int id, int wanted)
{
	if (plane->connections[id].writable_wanted == wanted)
		return;
	plane->connections[id].writable_wanted = wanted;
	watch(plane, id, EPOLL_CTL_MOD);
}

static void keep(struct plane *plane, int id, const uint8_t *bytes, uint32_t length)
{
	struct connection *connection = &plane->connections[id];
	if (connection->waiting_from > 0 && connection->waiting_end + length > connection->waiting_capacity) {
		memmove(connection->waiting, connection->waiting + connection->waiting_from,
			connection->waiting_end - connection->waiting_from);
		connection->waiting_end -= connection->waiting_from;
		connection->waiting_from = 0;
	}
	if (connection->waiting_end + length > connection->waiting_capacity) {
		uint32_t capacity = connection->waiting_capacity ? connection->waiting_capacity : 4096;
		while (capacity < connection->waiting_end + length)
			capacity *= 2;
		uint8_t *made = realloc(connection->waiting, capacity);
		if (!made)
			abort();
		connection->waiting = made;
		connection->waiting_capacity = capacity;
	}
	memcpy(connection->waiting + connection->waiting_end, bytes, length);
	connection->waiting_end += length;
	plane->waiting_bytes[id] = connection->waiting_end - connection->waiting_from;
}

/* The socket takes bytes again. */
static void write_waiting(struct plane *plane, int id)
{
	struct connection *connection = &plane->connections[id];
	uint32_t length = connection->waiting_end - connection->waiting_from;
	ssize_t sent = length ? send(id, connection->waiting + connection->waiting_from, length, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(plane, id, errno);
		return;
	}
	plane->sent_bytes += (uint64_t)sent;
	plane->sends++;
	connection->waiting_from += (uint32_t)sent;
	plane->waiting_bytes[id] = length - (uint32_t)sent;
	if ((uint32_t)sent < length)
		return;
	free(connection->waiting);
	connection->waiting = NULL;
	connection->waiting_from = connection->waiting_end = connection->waiting_capacity = 0;
	want_writable(plane, id, 0);
	if (connection->closing) {
		shutdown(id, SHUT_WR);
		return;
	}
	plane->drained = grown(plane->drained, &plane->drained_capacity, plane->drained_count + 1, sizeof *plane->drained);
	plane->drained[plane->drained_count++] = id;
}

#define TELL(kind, id, a, b)                                                                                                               \
	(events[told * 4] = (kind), events[told * 4 + 1] = (id), events[told * 4 + 2] = (a), events[told * 4 + 3] = (b), told++)

/*
 * What has happened without a socket being ready: sockets that took all that waited, and those that were closed. To be told before a number
 * that was closed is added again. `events` is as that of plane_poll.
 */
int plane_news(struct plane *plane, int32_t *events, int32_t most)
{
	int32_t told = 0;
	int32_t kept = 0;
	for (int32_t index = 0; index < plane->drained_count; index++) {
		if (told >= most)
			plane->drained[kept++] = plane->drained[index];
		else if (plane->connections[plane->drained[index]].open)
			TELL(EVENT_DRAINED, plane->drained[index], 0, 0);
	}
	plane->drained_count = kept;
	kept = 0;
	for (int32_t index = 0; index < plane->closed_count; index++) {
		if (told >= most)
			plane->closed[kept++] = plane->closed[index];
		else
			TELL(EVENT_CLOSED, plane->closed[index].id, plane->closed[index].why, 0);
	}
	plane->closed_count = kept;
	return told;
}

/*
 * Reads from all sockets that have something, never waiting. `events` holds int32[4 * most]: kind, id, and for data its place in `io`, for
 * a close its errno (0 for an end in order). Gives how many there are; what did not fit is told by the next call.
 */
int plane_poll(struct plane *plane, uint8_t *io, uint32_t io_bytes, int32_t *events, int32_t most)
{
	struct epoll_event ready[BATCH];
	int32_t told = 0;
	uint32_t at = 0;
	int count = epoll_wait(plane->epoll, ready, BATCH, 0);
	for (int index = 0; index < count && told < most - 1; index++) {
		int id = (int)(uint32_t)ready[index].data.u64;
		struct connection *connection = &plane->connections[id];
		if (!connection->open || connection->generation != (uint32_t)(ready[index].data.u64 >> 32))
			continue;
		if (ready[index].events & EPOLLOUT)
			write_waiting(plane, id);
		if (!connection->open || !(ready[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			continue;
		if (connection->paused && !connection->closing) {
			if (ready[index].events & (EPOLLHUP | EPOLLERR))
				end(plane, id, 0);
			continue;
		}
		if (io_bytes - at < READ_BYTES)
			break;
		ssize_t got = recv(id, io + at, READ_BYTES, MSG_DONTWAIT);
		if (got > 0 && connection->closing) {
			/* Thrown away: a close with bytes unread would reset the connection, and with it take what was said last. */
		} else if (got > 0) {
			TELL(EVENT_DATA, id, (int32_t)at, (int32_t)got);
			at += (uint32_t)got;
		} else if (got == 0) {
			end(plane, id, 0);
		} else if (errno != EAGAIN && errno != EINTR) {
			end(plane, id, errno);
		}
	}
	return told + plane_news(plane, events + told * 4, most - told);
}

/* Whether the next poll has something to tell although no socket is ready. */
int plane_has_news(struct plane *plane)
{
	return plane->closed_count > 0 || plane->drained_count > 0;
}

int plane_route(struct plane *plane, const int32_t *ids, int32_t count)
{
	int32_t number = plane->free_route;
	if (number == NONE) {
		plane->routes = grown(plane->routes, &plane->route_capacity, plane->route_count + 1, sizeof *plane->routes);
		number = plane->route_count++;
	} else {
		plane->free_route = plane->routes[number].next_free;
	}
	int32_t *members = malloc(count ? (size_t)count * sizeof *members : 1);
	if (!members)
		abort();
	memcpy(members, ids, (size_t)count * sizeof *members);
	plane->routes[number] = (struct route){ .members = members, .count = count, .next_free = NONE };
	return number;
}

void plane_unroute(struct plane *plane, int32_t number)
{
	free(plane->routes[number].members);
	plane->routes[number] = (struct route){ .next_free = plane->free_route };
	plane->free_route = number;
}

static void add_part(struct plane *plane, int32_t id, const uint8_t *bytes, uint32_t length, uint32_t messages, int droppable)
{
	struct connection *connection = &plane->connections[id];
	if (!connection->open || connection->closing)
		return;
	if (droppable && plane->waiting_bytes[id] > plane->drop_above) {
		plane->dropped[id] += messages;
		return;
	}
	if (connection->last != NONE) {
		struct part *last = &plane->parts[connection->last];
		if (last->bytes + last->length == bytes) { /* they follow each other in memory: one part */
			last->length += length;
			return;
		}
	}
	plane->parts = grown(plane->parts, &plane->part_capacity, plane->part_count + 1, sizeof *plane->parts);
	int32_t number = plane->part_count++;
	plane->parts[number] = (struct part){ bytes, length, NONE };
	if (connection->last == NONE)
		connection->first = number;
	else
		plane->parts[connection->last].next = number;
	connection->last = number;
	if (connection->dirty)
		return;
	connection->dirty = 1;
	plane->dirty = grown(plane->dirty, &plane->dirty_capacity, plane->dirty_count + 1, sizeof *plane->dirty);
	plane->dirty[plane->dirty_count++] = id;
}

/* `parts` is int32[5 * count]: route, or -1 - id for one connection; start and end in `slab`; messages; whether they may be dropped. */
void plane_queue(struct plane *plane, const uint8_t *slab, const int32_t *parts, int32_t count)
{
	for (int32_t index = 0; index < count; index++, parts += 5) {
		const uint8_t *bytes = slab + parts[1];
		uint32_t length = (uint32_t)(parts[2] - parts[1]);
		if (parts[0] < 0) {
			add_part(plane, -1 - parts[0], bytes, length, (uint32_t)parts[3], parts[4]);
			continue;
		}
		const struct route *route = &plane->routes[parts[0]];
		for (int32_t member = 0; member < route->count; member++)
			add_part(plane, route->members[member], bytes, length, (uint32_t)parts[3], parts[4]);
	}
}

/* What the kernel did not take of a connection's parts, `sent` bytes of which are gone, waits. */
static void keep_rest(struct plane *plane, int id, size_t sent)
{
	for (int32_t number = plane->connections[id].first; number != NONE; number = plane->parts[number].next) {
		const struct part *part = &plane->parts[number];
		if (sent >= part->length) {
			sent -= part->length;
			continue;
		}
		keep(plane, id, part->bytes + sent, part->length - (uint32_t)sent);
		sent = 0;
	}
	want_writable(plane, id, 1);
}

static void write_parts(struct plane *plane, int id)
{
	struct connection *connection = &plane->connections[id];
	while (connection->first != NONE) {
		if (plane->waiting_bytes[id] > 0) {
			keep_rest(plane, id, 0);
			break;
		}
		struct iovec vector[MOST_PARTS];
		struct msghdr message = { .msg_iov = vector };
		size_t length = 0;
		int32_t number = connection->first;
		for (; number != NONE && message.msg_iovlen < MOST_PARTS; number = plane->parts[number].next) {
			vector[message.msg_iovlen++] = (struct iovec){ (void *)plane->parts[number].bytes, plane->parts[number].length };
			length += plane->parts[number].length;
		}
		ssize_t sent = message.msg_iovlen == 1 ? send(id, vector[0].iov_base, length, MSG_DONTWAIT | MSG_NOSIGNAL)
						       : sendmsg(id, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			/* The other end may have said why before it went: what it sent is read first, and then its end. */
			if (errno != EPIPE && errno != ECONNRESET)
				end(plane, id, errno);
			break;
		}
		if (sent < 0)
			sent = 0;
		plane->sends++;
		plane->sent_bytes += (uint64_t)sent;
		if ((size_t)sent < length) {
			keep_rest(plane, id, (size_t)sent);
			break;
		}
		connection->first = number;
	}
	connection->first = connection->last = NONE;
}

/* Gives each connection its parts. The caller's buffers are free again when it returns. */
void plane_flush(struct plane *plane)
{
	for (int32_t index = 0; index < plane->dirty_count; index++) {
		int id = plane->dirty[index];
		plane->connections[id].dirty = 0;
		if (!plane->connections[id].open)
			continue;
		write_parts(plane, id);
		if (plane->connections[id].open && plane->connections[id].closing && plane->waiting_bytes[id] == 0)
			shutdown(id, SHUT_WR);
	}
	plane->dirty_count = plane->part_count = 0;
}

/*
 * Closes: at once, or when what waits has left and the other end has closed too. No part is taken any more, and nothing that comes is told;
 * the caller sees to it that it does not take for ever.
 */
void plane_close(struct plane *plane, int id, int at_once)
{
	struct connection *connection = &plane->connections[id];
	if (!connection->open)
		return;
	if (at_once) {
		end(plane, id, 0);
		return;
	}
	if (connection->closing)
		return;
	connection->closing = 1;
	watch(plane, id, EPOLL_CTL_MOD);
	if (plane->waiting_bytes[id] == 0 && connection->first == NONE)
		shutdown(id, SHUT_WR);
}

void plane_pause(struct plane *plane, int id, int paused)
{
	struct connection *connection = &plane->connections[id];
	if (!connection->open || connection->paused == paused)
		return;
	connection->paused = (uint8_t)paused;
	watch(plane, id, EPOLL_CTL_MOD);
}

void plane_counts(struct plane *plane, uint64_t counts[2])
{
	counts[0] = plane->sent_bytes;
	counts[1] = plane->sends;
}

/* Closes all sockets and gives all memory back. */
void plane_stop(struct plane *plane)
{
	for (uint32_t id = 0; id < plane->capacity; id++)
		if (plane->connections[id].open)
			end(plane, (int)id, 0);
	for (int32_t number = 0; number < plane->route_count; number++)
		free(plane->routes[number].members);
	close(plane->epoll);
	free(plane->connections);
	free(plane->routes);
	free(plane->parts);
	free(plane->dirty);
	free(plane->closed);
	free(plane->drained);
	free(plane);
}
