/* mqtt-load: one thread that plays many MQTT clients and prints one JSON line of what it saw. mqtt.sh and its siblings compile it.
 *
 *   mqtt-load MODE [--option value]...
 *
 *   fanout, fanin   publishers keep --window messages outstanding each; outstanding means not yet with every subscriber (mqtt-load-fan.c)
 *   feedback        rounds at scheduled times: every node publishes, a controller answers when it has all, every node gets the answer
 *   soak            a fixed rate, sequence numbers: what was lost, repeated or overtaken, and the broker's memory each second
 *   idle, retain, subscriptions, resume   what it takes to hold so many of them (mqtt-load-capacity.c)
 *
 * Connections are non-blocking from the start. Where send times are scheduled, latency runs from the time a message was due, whatever
 * the broker does, so that a stall is charged to all that it delayed. The generator tells its own CPU time; "saturated" is true when it
 * had less than a twentieth of its time left: then the figures are its limit and not the broker's.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "mqtt-load.h"

struct options options = {
	.address = "127.0.0.1",
	.port = 1883,
	.version = 4,
	.publishers = 1,
	.subscribers = 1,
	.nodes = 64,
	.window = 1,
	.payload_bytes = 64,
	.count = 1000,
	.rate = 100,
	.seconds = 3,
	.warm_up_seconds = 1,
	.settle_seconds = 0.2,
	.patience_seconds = 10,
};

static const struct mode {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "fanout", run_fan }, { "fanin", run_fan },	 { "feedback", run_feedback },		 { "soak", run_soak },
	{ "idle", run_idle },  { "retain", run_retain }, { "subscriptions", run_subscriptions }, { "resume", run_resume },
};

static const struct option names[] = {
	{ "address", 1, NULL, 'a' },	{ "port", 1, NULL, 'p' },	{ "version", 1, NULL, 'v' },	 { "qos", 1, NULL, 'q' },
	{ "publishers", 1, NULL, 'P' }, { "nodes", 1, NULL, 'n' },	{ "subscribers", 1, NULL, 'S' }, { "window", 1, NULL, 'w' },
	{ "payload", 1, NULL, 'l' },	{ "properties", 1, NULL, 'u' }, { "count", 1, NULL, 'c' },	 { "rate", 1, NULL, 'r' },
	{ "seconds", 1, NULL, 's' },	{ "warm-up", 1, NULL, 'W' },	{ "broker-pid", 1, NULL, 'B' },	 { "since-ns", 1, NULL, 'T' },
	{ "settle", 1, NULL, 'e' },	{ "patience", 1, NULL, 'd' },	{ "subscribed", 0, NULL, 'b' },	 { NULL, 0, NULL, 0 },
};

static int usage(void)
{
	fprintf(stderr, "usage: mqtt-load MODE [--option value]...; modes:");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		fprintf(stderr, " %s", modes[i].name);
	fprintf(stderr, "; options:");
	for (const struct option *name = names; name->name; name++)
		fprintf(stderr, " --%s", name->name);
	fprintf(stderr, "\n");
	return 64;
}

static void read_option(int letter, const char *value)
{
	struct options *o = &options;
	switch (letter) {
	case 'a':
		o->address = value;
		break;
	case 'p':
		o->port = atoi(value);
		break;
	case 'v':
		o->version = atoi(value);
		break;
	case 'q':
		o->mixed = strcmp(value, "mixed") == 0, o->qos = o->mixed ? 2 : atoi(value);
		break;
	case 'P':
		o->publishers = atoi(value);
		break;
	case 'S':
		o->subscribers = atoi(value);
		break;
	case 'n':
		o->nodes = atoi(value);
		break;
	case 'w':
		o->window = atoi(value);
		break;
	case 'l':
		o->payload_bytes = atoi(value);
		break;
	case 'u':
		o->user_properties = atoi(value);
		break;
	case 'c':
		o->count = atoi(value);
		break;
	case 'r':
		o->rate = atof(value);
		break;
	case 's':
		o->seconds = atof(value);
		break;
	case 'W':
		o->warm_up_seconds = atof(value);
		break;
	case 'B':
		o->broker_pid = atoi(value);
		break;
	case 'T':
		o->since_ns = atoll(value);
		break;
	case 'e':
		o->settle_seconds = atof(value);
		break;
	case 'd':
		o->patience_seconds = atof(value);
		break;
	case 'b':
		o->subscribed = true;
		break;
	}
}

int main(int argc, char **argv)
{
	int letter;
	if (argc < 2)
		return usage();
	options.mode = argv[1];
	while ((letter = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1) {
		if (letter == '?')
			return usage();
		read_option(letter, optarg);
	}
	struct options *o = &options;
	if (o->payload_bytes < 16 || o->payload_bytes > 65536 || o->publishers < 1 || o->subscribers < 1 || o->window < 1 || o->rate <= 0 ||
	    o->nodes < 1 || (o->version != 4 && o->version != 5) || o->qos < 0 || o->qos > 2)
		die("an option is out of range; payloads are 16 to 65536 bytes, versions 4 and 5");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i].name, o->mode) == 0) {
			modes[i].run();
			return 0;
		}
	}
	return usage();
}
