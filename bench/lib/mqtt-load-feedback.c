/* Mode feedback of mqtt-load: what a control loop over MQTT does, at --rate rounds a second, whatever the broker manages.
 *
 * At its due time each of --nodes publishes its state to status/<node>; a controller subscribed to status/+ publishes one answer to
 * control/all as soon as it has all states of the round; every node is subscribed to that. Three times:
 *
 *   collectToDistribute   of each node, from its own write until it has the answer; a round that began late counts from as much earlier
 *   fromDue               of each node, from when the round was due: with it the time this generator took to write for the nodes before it
 *   round                 from when it was due until the last node has the answer
 *
 * The generator polls without sleeping, so that no wake-up of its own CPU is in the times; turns in which nothing came are no work. */
#include <stdlib.h>
#include <string.h>
#include "mqtt-load.h"

enum { ROUNDS_KEPT = 1024, MOST_AHEAD = 256, TURNS_AFTER_ROUND = 4, DRAIN_NS = 1000000000 };

struct round {
	int64_t due_ns;
	int collected, distributed;
	bool counted;
};

struct stamp {
	uint32_t round, node;
	int64_t reserved;
};

static struct client **nodes, *controller;
static char (*topics)[32];
static struct round *rounds;
static int64_t *write_due_ns; /* [round % ROUNDS_KEPT][node]: when it was written, less what the round was late */
static uint8_t *payload;
static int64_t completed, bad;
static struct histogram collect_to_distribute, from_due, by_round;

static void collect(const struct stamp *stamp)
{
	struct round *round = &rounds[stamp->round % ROUNDS_KEPT];
	if (++round->collected < options.nodes)
		return;
	memcpy(payload, stamp, sizeof *stamp);
	put_publish(controller, "control/all", options.qos, false, payload, options.payload_bytes);
	flush(controller);
}

static void distribute(const struct client *node, const struct stamp *stamp, int64_t now)
{
	struct round *round = &rounds[stamp->round % ROUNDS_KEPT];
	bool last = ++round->distributed == options.nodes;
	completed += last;
	if (!round->counted)
		return;
	record(&from_due, now - round->due_ns);
	record(&collect_to_distribute, now - write_due_ns[(int64_t)(stamp->round % ROUNDS_KEPT) * options.nodes + node->index]);
	if (last)
		record(&by_round, now - round->due_ns);
}

static void take(struct client *client, const struct message *message)
{
	struct stamp stamp;
	if (message->length != (uint32_t)options.payload_bytes) {
		bad++;
		return;
	}
	memcpy(&stamp, message->payload, sizeof stamp);
	if (client == controller)
		collect(&stamp);
	else
		distribute(client, &stamp, message->now);
}

static struct client *connect_one(const char *id, int index, const char *filter)
{
	struct client *client = open_client(id, index, true);
	if (!client)
		die("nobody accepts at %s:%d", options.address, options.port);
	subscribe(client, &filter, 1, options.qos);
	watch(client);
	return client;
}

static void connect_all(void)
{
	char id[32];
	nodes = calloc(options.nodes, sizeof *nodes);
	topics = calloc(options.nodes, sizeof *topics);
	rounds = calloc(ROUNDS_KEPT, sizeof *rounds);
	write_due_ns = calloc((int64_t)ROUNDS_KEPT * options.nodes, sizeof *write_due_ns);
	payload = calloc(1, options.payload_bytes);
	for (int i = 0; i < options.nodes; i++) {
		snprintf(id, sizeof id, "node-%d", i);
		snprintf(topics[i], sizeof topics[i], "status/%d", i);
		nodes[i] = connect_one(id, i, "control/all");
	}
	controller = connect_one("controller", -1, "status/+");
}

static void start_round(uint32_t number, int64_t due_ns, bool counted)
{
	uint8_t own[options.payload_bytes];
	int64_t late_ns = now_ns() - due_ns;
	rounds[number % ROUNDS_KEPT] = (struct round){ .due_ns = due_ns, .counted = counted };
	memset(own, 0, sizeof own);
	for (int i = 0; i < options.nodes; i++) {
		struct stamp stamp = { .round = number, .node = i };
		memcpy(own, &stamp, sizeof stamp);
		put_publish(nodes[i], topics[i], options.qos, false, own, options.payload_bytes);
		write_due_ns[(int64_t)(number % ROUNDS_KEPT) * options.nodes + i] = now_ns() - late_ns;
		flush(nodes[i]);
	}
}

void run_feedback(void)
{
	on_message = take;
	connect_all();
	int64_t period = 1e9 / options.rate, begin = now_ns() + (int64_t)(options.settle_seconds * 1e9), now;
	int64_t number = 0, first = options.warm_up_seconds * options.rate, last = first + options.seconds * options.rate, late = 0;
	while ((now = now_ns()) < begin + last * period + DRAIN_NS && (number < last || completed < number)) {
		/* Not further ahead of the broker than MOST_AHEAD: then rounds begin late, and are timed from when they were due. */
		if (number < last && now >= begin + number * period && number - completed < MOST_AHEAD) {
			if (number == first)
				begin_window();
			start_round(number, begin + number * period, number >= first);
			late += now_ns() > begin + (number + 1) * period;
			if (++number == last)
				end_window();
			/* A generator that is late reads between its rounds all the same. */
			for (int turns = 0; turns < TURNS_AFTER_ROUND && run_turn(0) > 0;)
				turns++;
			continue;
		}
		if (run_turn(0) == 0)
			note_idle(now_ns() - now);
	}
	if (number < last)
		end_window();
	printf("{\"mode\":\"feedback\",\"version\":%d,\"qos\":%d,\"nodes\":%d,\"rate\":%g,\"payloadBytes\":%d,", options.version,
	       options.qos, options.nodes, options.rate, options.payload_bytes);
	print_window((double)(number > first ? number - first : 0) * options.nodes * 2);
	print_times("collectToDistribute", &collect_to_distribute);
	print_times("round", &by_round);
	print_times("fromDue", &from_due);
	printf("\"inAll\":%lld,\"rounds\":%lld,\"unstarted\":%lld,\"unfinished\":%lld,\"lateStarts\":%lld,\"bad\":%lld}\n",
	       (long long)number * options.nodes * 2, (long long)number, (long long)(last - number), (long long)(number - completed),
	       (long long)late, (long long)bad);
}
