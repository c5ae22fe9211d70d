/* Modes of mqtt-load that make many of something and weigh the broker before and after.
 *
 *   idle           --count connections that say nothing, with --subscribed one subscription each; one in a hundred must answer a PINGREQ
 *   retain         --count retained messages, QoS 1 so that each is known to be stored; then some are asked for again
 *   subscriptions  --count wildcard filters of 100 sessions that stay; then publishes that match one of them, topics always new or the same
 * few resume         connects to a broker that is being started (--since-ns is when) until it accepts, and wants the first of those
 * sessions */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mqtt-load.h"

enum { SETTLE_US = 1500000, SESSIONS = 100, FILTERS_EACH_PACKET = 100, WINDOW = 500, ASKED = 1000 };
static const int64_t stall_ns = 5000000000;

static int64_t arrived;

static void count_message(struct client *client, const struct message *message)
{
	(void)client, (void)message;
	arrived++;
}

static struct client *connect_or_die(const char *kind, int index, bool clean)
{
	char id[48];
	snprintf(id, sizeof id, "%s-%d", kind, index);
	struct client *client = open_client(id, index, clean);
	if (!client)
		die("nobody accepts client %s at %s:%d", id, options.address, options.port);
	return client;
}

static double weigh(void)
{
	usleep(SETTLE_US);
	return resident_kib();
}

/* Until `done` is as great as `wanted`, or nothing more comes. */
static void serve_until(const int64_t *done, int64_t wanted)
{
	int64_t seen = *done, at = now_ns();
	while (*done < wanted && now_ns() - at < stall_ns) {
		run_turn(1000000);
		if (*done != seen)
			seen = *done, at = now_ns();
	}
}

void run_idle(void)
{
	struct client **held = calloc(options.count, sizeof *held);
	double before = weigh();
	int64_t begun = now_ns();
	char text[48];
	const char *filter = text;
	for (int i = 0; i < options.count; i++) {
		held[i] = connect_or_die("idle", i, true);
		snprintf(text, sizeof text, "idle/%d/command", i);
		if (options.subscribed)
			subscribe(held[i], &filter, 1, 0);
		shrink(held[i]);
	}
	double opened_seconds = (now_ns() - begun) / 1e9, after = weigh();
	int dead = 0, asked = 0;
	for (int i = 0; i < options.count; i += 100, asked++)
		dead += !ping(held[i]);
	printf("{\"mode\":\"idle\",\"count\":%d,\"subscribed\":%s,\"openSeconds\":%.3f,\"baseKib\":%.0f,\"heldKib\":%.0f,\"kibEach\":%.3f,"
	       "\"asked\":%d,\"unanswered\":%d}\n",
	       options.count, options.subscribed ? "true" : "false", opened_seconds, before, after, (after - before) / options.count, asked,
	       dead);
}

void run_retain(void)
{
	struct client *client = connect_or_die("retain", 0, true);
	double before = weigh();
	int64_t begun = now_ns();
	uint8_t *payload = calloc(1, options.payload_bytes);
	char topic[64];
	watch(client);
	for (int i = 0; i < options.count;) {
		for (; i < options.count && client->unacknowledged < WINDOW && !client->waiting; i++) {
			snprintf(topic, sizeof topic, "site/%d/device/%d/state", i / 1000, i % 1000);
			snprintf((char *)payload, options.payload_bytes, "%d", i);
			put_publish(client, topic, 1, true, payload, options.payload_bytes);
		}
		flush(client);
		run_turn(1000000);
	}
	while (client->unacknowledged > 0 && now_ns() - begun < 600000000000LL)
		run_turn(1000000);
	double seconds = (now_ns() - begun) / 1e9, after = weigh();
	/* All of one site: what is stored can be had. */
	const char *filter = "site/0/device/+/state";
	struct client *reader = connect_or_die("retain-reader", 0, true);
	on_message = count_message;
	subscribe(reader, &filter, 1, 0);
	watch(reader);
	int expected = options.count < ASKED ? options.count : ASKED;
	serve_until(&arrived, expected);
	printf("{\"mode\":\"retain\",\"count\":%d,\"payloadBytes\":%d,\"seconds\":%.3f,\"baseKib\":%.0f,\"heldKib\":%.0f,\"bytesEach\":%."
	       "1f,"
	       "\"asked\":%d,\"returned\":%lld,\"unacknowledged\":%lld}\n",
	       options.count, options.payload_bytes, seconds, before, after, (after - before) * 1024 / options.count, expected,
	       (long long)arrived, (long long)client->unacknowledged);
}

/* Half of the filters have + in the third level and # at the end, half + in the first level and the last. */
static void write_filter(char *text, size_t room, int i)
{
	snprintf(text, room, i % 2 == 0 ? "site/%d/+/%d/#" : "+/%d/device/%d/+", i % 1000, i / 1000);
}

static void write_topic(char *text, size_t room, int i, int64_t variant)
{
	if (i % 2 == 0)
		snprintf(text, room, "site/%d/kind-%lld/%d/state", i % 1000, (long long)variant, i / 1000);
	else
		snprintf(text, room, "plant-%lld/%d/device/%d/state", (long long)variant, i % 1000, i / 1000);
}

/* Publishes for --seconds with --window outstanding, each to one of the filters; broker µs for each. */
static void publish_matching(struct client *publisher, const char *name, bool always_new)
{
	uint8_t *payload = calloc(1, options.payload_bytes);
	char topic[64];
	int64_t published = 0, before = arrived;
	begin_window();
	int64_t end = now_ns() + (int64_t)(options.seconds * 1e9), at = now_ns(), seen = arrived;
	while (now_ns() < end && now_ns() - at < stall_ns) {
		for (; published - (arrived - before) < options.window; published++) {
			int64_t n = always_new ? published * 7919 : published % 16;
			write_topic(topic, sizeof topic, n % options.count, always_new ? published : 0);
			put_publish(publisher, topic, 0, false, payload, options.payload_bytes);
		}
		flush(publisher);
		run_turn(1000000);
		if (arrived != seen)
			seen = arrived, at = now_ns();
	}
	end_window();
	int64_t matched = arrived - before;
	serve_until(&arrived, before + published);
	printf("\"%s\":{\"published\":%lld,\"unmatched\":%lld,\"perSecond\":%.0f,\"brokerUsEach\":%.3f},", name, (long long)published,
	       (long long)(published - (arrived - before)), matched / window_seconds(),
	       matched > 0 ? broker_cpu_seconds() * 1e6 / matched : 0);
}

void run_subscriptions(void)
{
	char texts[FILTERS_EACH_PACKET][48];
	const char *filters[FILTERS_EACH_PACKET];
	struct client *sessions[SESSIONS];
	double before = weigh();
	int64_t begun = now_ns();
	for (int i = 0; i < SESSIONS; i++)
		sessions[i] = connect_or_die("session", i, false);
	for (int i = 0; i < options.count;) {
		int n = 0;
		struct client *session = sessions[i / FILTERS_EACH_PACKET % SESSIONS];
		for (; n < FILTERS_EACH_PACKET && i < options.count; n++, i++) {
			write_filter(texts[n], sizeof texts[n], i);
			filters[n] = texts[n];
		}
		subscribe(session, filters, n, 0);
	}
	double seconds = (now_ns() - begun) / 1e9, after = weigh();
	for (int i = 0; i < SESSIONS; i++)
		watch(sessions[i]);
	struct client *publisher = connect_or_die("matching", 0, true);
	watch(publisher);
	on_message = count_message;
	printf("{\"mode\":\"subscriptions\",\"count\":%d,\"sessions\":%d,\"subscribeSeconds\":%.3f,\"baseKib\":%.0f,\"heldKib\":%.0f,",
	       options.count, SESSIONS, seconds, before, after);
	publish_matching(publisher, "same", false);
	publish_matching(publisher, "new", true);
	printf("\"bytesEach\":%.1f}\n", (after - before) * 1024 / options.count);
}

void run_resume(void)
{
	struct client *client;
	struct timespec now;
	int64_t until = now_ns() + 60000000000LL;
	while (!(client = open_client("session-0", 0, false)) && now_ns() < until)
		usleep(2000);
	if (!client)
		die("nobody accepts at %s:%d within a minute", options.address, options.port);
	clock_gettime(CLOCK_REALTIME, &now);
	/* A publish that one of its subscriptions matches must come. */
	char topic[64];
	uint8_t payload[16] = { 0 };
	watch(client);
	on_message = count_message;
	write_topic(topic, sizeof topic, 0, 0);
	put_publish(client, topic, 0, false, payload, sizeof payload);
	flush(client);
	serve_until(&arrived, 1);
	printf("{\"mode\":\"resume\",\"seconds\":%.3f,\"sessionPresent\":%s,\"matched\":%s,\"heldKib\":%.0f}\n",
	       options.since_ns > 0 ? (now.tv_sec * 1000000000LL + now.tv_nsec - options.since_ns) / 1e9 : 0,
	       client->session_present ? "true" : "false", arrived > 0 ? "true" : "false", resident_kib());
}
