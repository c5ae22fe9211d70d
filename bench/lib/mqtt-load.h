/* What the files of mqtt-load share: its options, a client's connection, and figures. The whole is described in mqtt-load.c. */
#ifndef MQTT_LOAD_H
#define MQTT_LOAD_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct options {
	const char *mode, *address;
	int port, version; /* 4 is MQTT 3.1.1, 5 is 5.0 */
	int qos; /* of publishers and subscribers; with `mixed` publishers use 2, subscribers 0, 1 and 2 in turn */
	bool mixed, subscribed;
	int publishers, subscribers, nodes, window, payload_bytes, user_properties;
	int count; /* connections, retained messages or subscriptions to make */
	double rate, seconds, warm_up_seconds; /* rate: rounds or messages a second */
	double settle_seconds; /* feedback: between the last connection and the first round */
	double patience_seconds; /* soak: how long the last messages may take */
	int broker_pid;
	int64_t since_ns; /* mode resume: CLOCK_REALTIME of the broker's start */
};
extern struct options options;

struct client {
	int fd, index;
	bool watched, waiting; /* by epoll; for EPOLLOUT */
	uint8_t *in, *out;
	uint32_t in_length, in_capacity, out_length, out_sent, out_capacity;
	uint16_t packet_id;
	int64_t unacknowledged; /* PUBLISHes of QoS 1 and 2 whose PUBACK or PUBCOMP is not here */
	int awaited; /* packet type that set-up waits for */
	uint8_t answer[64]; /* beginning of its variable header */
	bool session_present;
};

/* A PUBLISH that has come in; `now` is when the bytes were read. */
struct message {
	const uint8_t *payload;
	uint32_t length;
	int64_t now;
	bool duplicate;
};

/* mqtt-load-wire.c: MQTT over non-blocking sockets of one epoll, so that sockhijack may redirect them. */
extern void (*on_message)(struct client *client, const struct message *message);
struct client *open_client(const char *id, int index, bool clean); /* NULL with errno when nobody accepts */
void shrink(struct client *client); /* gives its buffers back: it is only held */
void subscribe(struct client *client, const char *const *filters, int count, int qos);
void watch(struct client *client); /* from here on run_turn() serves it */
void put_publish(struct client *client, const char *topic, int qos, bool retain, const void *payload, uint32_t length);
bool ping(struct client *client); /* whether it is answered within 5 s; only for clients that are not watched */
void flush(struct client *client);
int run_turn(int64_t wait_ns); /* waits for events and serves them; how many there were */
int64_t now_ns(void);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* mqtt-load-figures.c: times, CPU time and memory. */
enum { BUCKETS = 64 * 40 };
struct histogram {
	int64_t buckets[BUCKETS], count, most_ns;
	double sum_ns;
};
void record(struct histogram *histogram, int64_t ns);
double quantile_us(const struct histogram *histogram, double share);
void print_times(const char *name, const struct histogram *histogram); /* "name":{"p50Us":…}, */
void begin_window(void); /* from here CPU time and `seconds` count */
void end_window(void);
double window_seconds(void);
double broker_cpu_seconds(void);
void print_window(double operations); /* "seconds":…,"brokerUsPerOperation":…, */
void note_idle(int64_t ns); /* time of a turn that only waited, where the generator polls without sleeping */
double resident_kib(void); /* the broker's, its descendants included */

/* The modes. */
void run_fan(void); /* mqtt-load-fan.c */
void run_feedback(void); /* mqtt-load-feedback.c */
void run_soak(void); /* mqtt-load-soak.c */
void run_idle(void), run_retain(void), run_subscriptions(void), run_resume(void); /* mqtt-load-capacity.c */

#endif
