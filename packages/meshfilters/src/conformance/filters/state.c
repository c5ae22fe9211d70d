/* What outlives a stream: configuration, properties, shared data, queues, metrics, timers, contexts, logs, clocks, foreign functions. */
#include "kit.h"

static u32 root, stream, roots_parent = 99, streams_parent;
static char order[64], configuration[64], vm_configuration[64];
static size_t order_size, configuration_size, vm_configuration_size, told_size;
static u32 ticks, waiting_queue;
static char *value;
static size_t size;

static void happened(const char *what)
{
	if (order_size + 16 > sizeof order)
		return;
	if (order_size > 0)
		order[order_size++] = ',';
	memcpy(order + order_size, what, length(what)), order_size += length(what);
}
EXPORT(proxy_on_context_create) void context_create(u32 context, u32 parent)
{
	renew();
	if (root == 0)
		root = context, roots_parent = parent, happened("create");
	else
		streams_parent = parent;
}
EXPORT(proxy_on_vm_start) u32 vm_start(u32 context, size_t n)
{
	renew(), happened("vm-start");
	if (proxy_get_buffer_bytes(VM_CONFIGURATION, 0, n, &value, &size) == 0 && size <= sizeof vm_configuration)
		memcpy(vm_configuration, value, vm_configuration_size = size);
	return 1;
}
EXPORT(proxy_on_configure) u32 configure(u32 context, size_t n)
{
	renew(), happened("configure");
	told_size = n;
	if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, n, &value, &size) == 0 && size <= sizeof configuration)
		memcpy(configuration, value, configuration_size = size);
	return 1;
}

static void property(const char *what, const char *path, size_t n)
{
	value = 0, size = 0;
	number("status", proxy_get_property(path, n, &value, &size));
	text(what, value, size);
}
static void properties(void)
{
	if (is("property-path"))
		property("value", S("request\0path"));
	else if (is("property-url-path"))
		property("value", S("request\0url_path"));
	else if (is("property-method"))
		property("value", S("request\0method"));
	else if (is("property-host"))
		property("value", S("request\0host"));
	else if (is("property-header"))
		property("value", S("request\0headers\0x-one"));
	else if (is("property-protocol"))
		property("value", S("request\0protocol"));
	else if (is("property-query"))
		property("value", S("request\0query"));
	else if (is("property-source")) {
		number("status", proxy_get_property(S("source\0address"), &value, &size)), text("is", value, size < 10 ? size : 10);
	} else if (is("property-source-port")) {
		number("status", proxy_get_property(S("source\0port"), &value, &size)), number("size", size);
	} else if (is("property-time")) {
		number("status", proxy_get_property(S("request\0time"), &value, &size)), number("size", size);
	} else if (is("property-root-id"))
		property("value", S("plugin_root_id"));
	else if (is("property-trailing"))
		property("value", S("request\0method\0"));
	else if (is("property-missing")) {
		number("status", proxy_get_property(S("no\0such\0thing"), &value, &size));
	} else if (is("property-pointers")) {
		number("path", proxy_get_property(NOWHERE, 32, &value, &size)),
			number("value", proxy_get_property(S("request\0path"), NOWHERE, &size));
		number("set", proxy_set_property(S("mine"), NOWHERE, 32));
	} else if (is("property-set")) {
		number("set", proxy_set_property(S("mine"), S("v")));
		number("get", proxy_get_property(S("mine"), &value, &size)), text("value", value, size);
	}
}
static void shared(void)
{
	u32 cas = 0, later = 0;
	proxy_set_shared_data(S("key"), S("first"), 0);
	if (is("shared-missing")) {
		number("status", proxy_get_shared_data(S("no-such-key"), &value, &size, &cas));
	} else if (is("shared-get")) {
		number("status", proxy_get_shared_data(S("key"), &value, &size, &cas)), text("value", value, size), number("cas", cas != 0);
	} else if (is("shared-cas")) {
		proxy_get_shared_data(S("key"), &value, &size, &cas);
		number("match", proxy_set_shared_data(S("key"), S("second"), cas)),
			number("stale", proxy_set_shared_data(S("key"), S("third"), cas));
		proxy_get_shared_data(S("key"), &value, &size, &later);
		text("value", value, size), number("changed", cas != later);
	} else if (is("shared-no-cas")) {
		number("set", proxy_set_shared_data(S("key"), S("fourth"), 0));
	} else if (is("shared-empty")) {
		number("set", proxy_set_shared_data(S("empty"), 0, 0, 0));
		size = 9, number("get", proxy_get_shared_data(S("empty"), &value, &size, &cas)), number("size", size);
	} else if (is("shared-binary")) {
		proxy_set_shared_data(S("a\0b"), S("c\0d"), 0);
		number("get", proxy_get_shared_data(S("a\0b"), &value, &size, &cas)), number("size", size),
			number("prefix", proxy_get_shared_data(S("a"), &value, &size, &cas));
	} else if (is("shared-pointers")) {
		number("key", proxy_get_shared_data(NOWHERE, 32, &value, &size, &cas)),
			number("value", proxy_get_shared_data(S("key"), NOWHERE, &size, &cas));
		number("set", proxy_set_shared_data(S("key"), NOWHERE, 32, 0));
	}
}
/* True when the answer comes later. */
static int queues(void)
{
	u32 queue = 0, again = 0;
	if (is("queue-unknown")) {
		number("enqueue", proxy_enqueue_shared_queue(4711, S("x"))),
			number("dequeue", proxy_dequeue_shared_queue(4711, &value, &size));
		number("resolve", proxy_resolve_shared_queue(S(""), S("no-such-queue"), &queue));
	} else if (is("queue-order")) {
		proxy_register_shared_queue(S("order"), &queue);
		number("enqueue", proxy_enqueue_shared_queue(queue, S("a"))), proxy_enqueue_shared_queue(queue, S("b"));
		number("dequeue", proxy_dequeue_shared_queue(queue, &value, &size)), text("first", value, size);
		proxy_dequeue_shared_queue(queue, &value, &size), text("second", value, size);
		number("empty", proxy_dequeue_shared_queue(queue, &value, &size));
	} else if (is("queue-again")) {
		number("register", proxy_register_shared_queue(S("again"), &queue)), proxy_register_shared_queue(S("again"), &again);
		number("same", queue == again);
		number("resolve", proxy_resolve_shared_queue(S("kit-state"), S("again"), &again)), number("resolved", queue == again);
	} else if (is("queue-pointers")) {
		number("name", proxy_register_shared_queue(NOWHERE, 32, &queue)),
			number("id", proxy_register_shared_queue(S("p"), NOWHERE));
	} else if (is("queue-ready")) {
		proxy_set_effective_context(root);
		proxy_register_shared_queue(S("ready"), &waiting_queue);
		proxy_enqueue_shared_queue(waiting_queue, S("item"));
		return 1;
	}
	return 0;
}
static void metrics(void)
{
	u32 counter = 0, gauge = 0, histogram = 0, again = 0;
	u64 v = 99, before = 0;
	proxy_define_metric(0, S("kit_counter"), &counter), proxy_define_metric(1, S("kit_gauge"), &gauge),
		proxy_define_metric(2, S("kit_histogram"), &histogram);
	if (is("metric-counter")) {
		proxy_get_metric(counter, &before);
		number("add", proxy_increment_metric(counter, 2)), number("get", proxy_get_metric(counter, &v)),
			number("value", v - before);
	} else if (is("metric-counter-down")) {
		number("status", proxy_increment_metric(counter, -1));
	} else if (is("metric-gauge")) {
		number("set", proxy_record_metric(gauge, 7)), number("add", proxy_increment_metric(gauge, -2)),
			number("get", proxy_get_metric(gauge, &v)), number("value", v);
	} else if (is("metric-histogram")) {
		number("record", proxy_record_metric(histogram, 3));
	} else if (is("metric-again")) {
		number("define", proxy_define_metric(1, S("kit_gauge"), &again)), proxy_record_metric(gauge, 11),
			proxy_get_metric(again, &v), number("value", v);
	} else if (is("metric-unknown")) {
		number("type", proxy_define_metric(3, S("x"), &again)), number("add", proxy_increment_metric(1000004, 1)),
			number("record", proxy_record_metric(1000004, 1));
		number("get", proxy_get_metric(1000004, &v));
	} else if (is("metric-pointers")) {
		number("name", proxy_define_metric(0, NOWHERE, 32, &again)), number("id", proxy_define_metric(0, S("p"), NOWHERE)),
			number("get", proxy_get_metric(counter, NOWHERE));
	}
}

static u32 request_headers(u32 context, u32 count, u32 end)
{
	u64 now = 0, then = 0;
	u32 level = 99;
	read_check(), stream = context;
	if (is("start-order"))
		text("order", order, order_size);
	else if (is("contexts")) {
		number("root", roots_parent), number("stream", streams_parent == root), number("other", context != root);
	} else if (is("configuration")) {
		text("value", configuration, configuration_size), number("told", told_size);
	} else if (is("vm-configuration"))
		text("value", vm_configuration, vm_configuration_size);
	else if (begins("property-"))
		properties();
	else if (begins("shared-"))
		shared();
	else if (begins("queue-")) {
		if (queues())
			return PAUSE;
	} else if (begins("metric-"))
		metrics();
	else if (is("tick")) {
		ticks = 0, number("status", proxy_set_tick_period_milliseconds(10));
		return PAUSE;
	} else if (is("tick-count"))
		number("ticks", ticks);
	else if (is("log")) {
		for (u32 i = 0; i < 6; i++)
			number("status", proxy_log(i, S("from the kit")));
	} else if (is("log-unknown"))
		number("status", proxy_log(6, S("from the kit")));
	else if (is("log-pointer"))
		number("status", proxy_log(2, NOWHERE, 32));
	else if (is("log-level")) {
		number("status", proxy_get_log_level(&level)), number("known", level <= 5), number("pointer", proxy_get_log_level(NOWHERE));
	} else if (is("clock")) {
		number("status", proxy_get_current_time_nanoseconds(&now)), proxy_get_current_time_nanoseconds(&then);
		number("after-2024", now > 1704067200000000000ull), number("not-back", then >= now),
			number("pointer", proxy_get_current_time_nanoseconds(NOWHERE));
	} else if (is("effective")) {
		number("unknown", proxy_set_effective_context(424242)), number("root", proxy_set_effective_context(root)),
			number("stream", proxy_set_effective_context(context));
	} else if (is("effective-root")) {
		proxy_set_effective_context(root),
			number("headers", proxy_get_header_map_value(REQUEST_HEADERS, S("x-check"), &value, &size)),
			proxy_set_effective_context(context);
	} else if (is("done"))
		number("status", proxy_done());
	else if (is("foreign-unknown"))
		number("status", proxy_call_foreign_function(S("no_such_function"), 0, 0, &value, &size));
	else if (is("foreign-pointer"))
		number("status", proxy_call_foreign_function(NOWHERE, 32, 0, 0, &value, &size));
	else if (is("call-status")) {
		level = 99, number("status", proxy_get_status(&level, &value, &size)),
		number("pointer", proxy_get_status(NOWHERE, &value, &size));
	} else if (is("grow")) {
		number("granted", lend(64 << 20) != 0);
	} else
		text("unknown-check", check, check_size);
	answer();
	return PAUSE;
}

EXPORT(proxy_on_tick) void tick(u32 context)
{
	renew();
	if (++ticks < 3)
		return;
	number("off", proxy_set_tick_period_milliseconds(0));
	number("root", context == root);
	proxy_set_effective_context(stream), answer();
}
EXPORT(proxy_on_queue_ready) void queue_ready(u32 context, u32 queue)
{
	renew();
	if (queue != waiting_queue)
		return;
	number("root", context == root), number("status", proxy_dequeue_shared_queue(queue, &value, &size)), text("value", value, size);
	proxy_set_effective_context(stream), answer();
}

ON_HEADERS(proxy_on_request_headers, request_headers)
