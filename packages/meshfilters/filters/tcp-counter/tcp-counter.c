/*
 * tcp-counter: counts connections and bytes each way, and logs what a connection carried when it ends.
 */
#include <proxy_wasm.h>
#include <stdio.h>

PROXY_WASM_ABI_0_2_1

static uint32_t connections, open_now, sent, received;

PW_ON(vm_start)(uint32_t root, uint32_t size)
{
	proxy_define_metric(PW_COUNTER, "tcp_connections", 15, &connections);
	proxy_define_metric(PW_GAUGE, "tcp_open", 8, &open_now);
	proxy_define_metric(PW_COUNTER, "tcp_bytes_to_server", 19, &sent);
	proxy_define_metric(PW_COUNTER, "tcp_bytes_to_client", 19, &received);
	return true;
}

struct connection {
	uint32_t context;
	uint64_t to_server, to_client;
};

/* Open connections; one that finds no place is counted, but not logged. */
static struct connection places[256];

static struct connection *find(uint32_t context)
{
	for (size_t at = 0; at < 256; at++)
		if (places[at].context == context)
			return &places[at];
	return NULL;
}

PW_ON(new_connection)(uint32_t context)
{
	proxy_increment_metric(connections, 1);
	proxy_increment_metric(open_now, 1);
	struct connection *place = find(0);
	if (place != NULL)
		*place = (struct connection){ context, 0, 0 };
	return PW_CONTINUE;
}

PW_ON(downstream_data)(uint32_t context, uint32_t size, uint32_t end)
{
	struct connection *place = find(context);
	if (place != NULL)
		place->to_server += size;
	if (size > 0)
		proxy_increment_metric(sent, size);
	return PW_CONTINUE;
}

PW_ON(upstream_data)(uint32_t context, uint32_t size, uint32_t end)
{
	struct connection *place = find(context);
	if (place != NULL)
		place->to_client += size;
	if (size > 0)
		proxy_increment_metric(received, size);
	return PW_CONTINUE;
}

PW_ON_EVENT(log)(uint32_t context)
{
	struct connection *place = find(context);
	proxy_increment_metric(open_now, -1);
	if (place == NULL)
		return;
	char line[80];
	int length = snprintf(line, sizeof line, "%llu bytes to the server, %llu to the client", place->to_server, place->to_client);
	proxy_log(PW_INFO, line, length);
	place->context = 0;
}
