/* Mode soak of mqtt-load: --rate messages a second over --publishers, each with a topic of its own that --subscribers / --publishers
 * subscribers have; QoS 1 or 2 is never ahead of the broker by more than --window unacknowledged messages a publisher.
 *
 * Each message has its publisher's number and a sequence number. A subscriber's connection stays, so the next number is the only right
 * one: a greater one means that some were lost (or overtaken, if they come later), a smaller one that it is repeated or late. After the
 * end the rest has --patience seconds to arrive. The broker's memory is noted each second. */
#include <stdlib.h>
#include <string.h>
#include "mqtt-load.h"

enum { TURN_NS = 200000, SECOND_NS = 1000000000 };

struct publisher {
	struct client *client;
	char topic[32];
	int64_t sent;
};

struct stamp {
	uint32_t publisher, sequence;
	int64_t due_ns;
};

static struct publisher *publishers;
static uint32_t *expected; /* of each subscriber */
static int64_t delivered, missing, repeated, bad, most_behind;
static struct histogram times;
static bool measuring;

static void take(struct client *client, const struct message *message)
{
	struct stamp stamp;
	if (message->length != (uint32_t)options.payload_bytes) {
		bad++;
		return;
	}
	memcpy(&stamp, message->payload, sizeof stamp);
	uint32_t *next = &expected[client->index];
	if (stamp.publisher != (uint32_t)(client->index % options.publishers)) {
		bad++;
		return;
	}
	if (stamp.sequence < *next) {
		repeated++;
		return;
	}
	missing += stamp.sequence - *next;
	*next = stamp.sequence + 1;
	delivered++;
	if (measuring)
		record(&times, message->now - stamp.due_ns);
}

static void connect_all(void)
{
	char text[32];
	const char *filter = text;
	expected = calloc(options.subscribers, sizeof *expected);
	publishers = calloc(options.publishers, sizeof *publishers);
	for (int i = 0; i < options.subscribers + options.publishers; i++) {
		int index = i % options.subscribers;
		bool subscriber = i < options.subscribers;
		snprintf(text, sizeof text, subscriber ? "soak-subscriber-%d" : "soak-publisher-%d", i);
		struct client *client = open_client(text, subscriber ? index : i - options.subscribers, true);
		if (!client)
			die("nobody accepts at %s:%d", options.address, options.port);
		if (subscriber) {
			snprintf(text, sizeof text, "soak/%d/state", index % options.publishers);
			subscribe(client, &filter, 1, options.qos);
		} else {
			struct publisher *p = &publishers[i - options.subscribers];
			p->client = client;
			snprintf(p->topic, sizeof p->topic, "soak/%d/state", i - options.subscribers);
		}
		watch(client);
	}
}

/* Publishes all that is due by now; how many are due and not sent. */
static int64_t publish_due(uint8_t *payload, int64_t begin, int64_t now)
{
	int64_t behind = 0;
	double own_rate = options.rate / options.publishers;
	for (int i = 0; i < options.publishers; i++) {
		struct publisher *p = &publishers[i];
		int64_t due = (now - begin) / 1e9 * own_rate, before = p->sent;
		while (p->sent < due && p->client->unacknowledged < options.window && !p->client->waiting) {
			struct stamp stamp = { .publisher = i, .sequence = p->sent, .due_ns = begin + (int64_t)(p->sent / own_rate * 1e9) };
			memcpy(payload, &stamp, sizeof stamp);
			put_publish(p->client, p->topic, options.qos, false, payload, options.payload_bytes);
			p->sent++;
		}
		if (p->sent > before)
			flush(p->client);
		behind += due - p->sent;
	}
	return behind;
}

void run_soak(void)
{
	uint8_t *payload = calloc(1, options.payload_bytes);
	int64_t samples = 0, unacknowledged = 0, wanted = 0, sent = 0, before = 0, after, now, next;
	double *memory = calloc((int64_t)options.seconds + 2, sizeof *memory);
	on_message = take;
	connect_all();
	int64_t begin = now_ns(), measure_from = begin + (int64_t)(options.warm_up_seconds * 1e9),
		end = measure_from + (int64_t)(options.seconds * 1e9);
	next = measure_from;
	while ((now = now_ns()) < end) {
		if (!measuring && now >= measure_from) {
			measuring = true, before = delivered;
			begin_window();
		}
		if (now >= next && samples < (int64_t)options.seconds + 2) {
			memory[samples++] = resident_kib();
			next += SECOND_NS;
		}
		int64_t behind = publish_due(payload, begin, now);
		if (behind > most_behind)
			most_behind = behind;
		run_turn(TURN_NS);
	}
	end_window();
	after = delivered;
	for (int i = 0; i < options.publishers; i++)
		sent += publishers[i].sent;
	for (int i = 0; i < options.subscribers; i++)
		wanted += publishers[i % options.publishers].sent;
	do {
		run_turn(TURN_NS);
		unacknowledged = 0;
		for (int i = 0; i < options.publishers; i++)
			unacknowledged += publishers[i].client->unacknowledged;
	} while (now_ns() < end + (int64_t)(options.patience_seconds * 1e9) &&
		 (delivered < wanted || (options.qos > 0 && unacknowledged > 0)));

	printf("{\"mode\":\"soak\",\"version\":%d,\"qos\":%d,\"publishers\":%d,\"subscribers\":%d,\"rate\":%g,\"payloadBytes\":%d,",
	       options.version, options.qos, options.publishers, options.subscribers, options.rate, options.payload_bytes);
	print_window(after - before);
	print_times("latency", &times);
	printf("\"sent\":%lld,\"wanted\":%lld,\"delivered\":%lld,\"lost\":%lld,\"gaps\":%lld,\"repeated\":%lld,\"unacknowledged\":%lld,",
	       (long long)sent, (long long)wanted, (long long)delivered, (long long)(wanted - delivered), (long long)missing,
	       (long long)repeated, (long long)unacknowledged);
	printf("\"mostBehind\":%lld,\"bad\":%lld,\"residentKib\":[", (long long)most_behind, (long long)bad);
	for (int64_t i = 0; i < samples; i++)
		printf("%s%.0f", i ? "," : "", memory[i]);
	printf("]}\n");
}
