/* Modes fanout and fanin of mqtt-load: --publishers, each with a topic of its own, to --subscribers that get all of them; a closed loop.
 *
 * A publisher keeps --window messages outstanding, counted by deliveries: with S subscribers a message is done when S more have arrived
 * from that publisher. With --qos mixed publishers use QoS 2 and a third of the subscribers each has 0, 1 and 2. When nothing arrives for
 * STALL_NS the rest is counted as lost and the loop goes on: a broker may drop QoS 0. */
#include <stdlib.h>
#include <string.h>
#include "mqtt-load.h"

enum { STALL_NS = 500000000, SAMPLE_EVERY = 16, TURN_NS = 1000000 };

struct publisher {
	struct client *client;
	char topic[32];
	int64_t sent, delivered;
};

/* First bytes of each payload. */
struct stamp {
	uint32_t publisher, sequence;
	int64_t sent_ns;
};

static struct publisher *publishers;
static int64_t delivered, bad, lost;
static struct histogram times;
static bool measuring;

static void take(struct client *client, const struct message *message)
{
	struct stamp stamp;
	(void)client;
	if (message->length != (uint32_t)options.payload_bytes) {
		bad++;
		return;
	}
	memcpy(&stamp, message->payload, sizeof stamp);
	if (stamp.publisher >= (uint32_t)options.publishers) {
		bad++;
		return;
	}
	publishers[stamp.publisher].delivered++;
	delivered++;
	if (measuring && delivered % SAMPLE_EVERY == 0)
		record(&times, message->now - stamp.sent_ns);
}

static void connect_all(void)
{
	char id[32];
	const char *filter = options.publishers == 1 ? "bench/0/state" : "bench/+/state";
	for (int i = 0; i < options.subscribers; i++) {
		snprintf(id, sizeof id, "subscriber-%d", i);
		struct client *client = open_client(id, i, true);
		if (!client)
			die("nobody accepts at %s:%d", options.address, options.port);
		subscribe(client, &filter, 1, options.mixed ? i % 3 : options.qos);
		watch(client);
	}
	publishers = calloc(options.publishers, sizeof *publishers);
	for (int i = 0; i < options.publishers; i++) {
		struct publisher *p = &publishers[i];
		snprintf(id, sizeof id, "publisher-%d", i);
		snprintf(p->topic, sizeof p->topic, "bench/%d/state", i);
		p->client = open_client(id, i, true);
		if (!p->client)
			die("nobody accepts at %s:%d", options.address, options.port);
		watch(p->client);
	}
}

/* Publishes what the windows allow; whether anything was. */
static bool publish_all(uint8_t *payload)
{
	bool any = false;
	for (int i = 0; i < options.publishers; i++) {
		struct publisher *p = &publishers[i];
		int64_t credit = options.window - (p->sent - p->delivered / options.subscribers);
		if (credit <= 0 || p->client->waiting)
			continue;
		struct stamp stamp = { .publisher = i, .sent_ns = now_ns() };
		for (int64_t k = 0; k < credit; k++) {
			stamp.sequence = p->sent++;
			memcpy(payload, &stamp, sizeof stamp);
			put_publish(p->client, p->topic, options.qos, false, payload, options.payload_bytes);
		}
		flush(p->client);
		any = true;
	}
	return any;
}

static void forget_lost(void)
{
	for (int i = 0; i < options.publishers; i++) {
		lost += publishers[i].sent * options.subscribers - publishers[i].delivered;
		publishers[i].sent = publishers[i].delivered = 0;
	}
}

void run_fan(void)
{
	uint8_t *payload = calloc(1, options.payload_bytes);
	on_message = take;
	connect_all();
	int64_t measure_from = now_ns() + (int64_t)(options.warm_up_seconds * 1e9), end = measure_from + (int64_t)(options.seconds * 1e9);
	int64_t progress_at = now_ns(), seen = 0, before = 0, now;
	while ((now = now_ns()) < end) {
		if (!measuring && now >= measure_from) {
			measuring = true, before = delivered;
			begin_window();
		}
		run_turn(publish_all(payload) ? 0 : TURN_NS);
		if (delivered != seen) {
			seen = delivered, progress_at = now;
		} else if (now - progress_at > STALL_NS) {
			forget_lost();
			progress_at = now;
		}
	}
	end_window();
	printf("{\"mode\":\"%s\",\"version\":%d,\"qos\":%s%d%s,", options.mode, options.version, options.mixed ? "\"mixed up to " : "",
	       options.qos, options.mixed ? "\"" : "");
	printf("\"publishers\":%d,\"subscribers\":%d,\"window\":%d,\"payloadBytes\":%d,", options.publishers, options.subscribers,
	       options.window, options.payload_bytes);
	print_window(delivered - before);
	print_times("latency", &times);
	printf("\"inAll\":%lld,\"lost\":%lld,\"bad\":%lld}\n", (long long)delivered, (long long)lost, (long long)bad);
}
