/* Stopping, going on, closing, answers of the filter's own in every phase, and the end of a stream. */
#include "kit.h"

static u32 root, stream;
static char *value;
static size_t size;
/* What the last streams' ends were, for the request that asks. */
static char ends[256];
static size_t ends_size;
static u32 logged_stream;

#if ABI == 10
#define GO_ON(which) ((which) ? proxy_continue_response() : proxy_continue_request())
#else
#define GO_ON(which) proxy_continue_stream(which)
#endif

EXPORT(proxy_on_context_create) void context_create(u32 context, u32 parent)
{
	renew();
	if (parent == 0)
		root = context;
}

/* An answer that names its phase. */
static void local(const char *phase)
{
	report_size = 0, text("phase", phase, length(phase));
	proxy_send_local_response(418, S("kit"), report, report_size,
				  S("\x01\0\0\0\x07\0\0\0\x01\0\0\0x-local\0"
				    "1\0"),
				  (u32)-1);
}

static u32 request_headers(u32 context, u32 count, u32 end)
{
	read_check(), stream = context;
	if (is("end-of-another"))
		ends_size = 0, logged_stream = context;
	if (is("what-ended")) {
		text("order", ends, ends_size);
		answer();
		return PAUSE;
	}
	if (is("stop-request") || is("stop-for-ever") || is("stop-local") || is("stop-body")) {
		if (!is("stop-for-ever"))
			proxy_set_tick_period_milliseconds(20);
		return PAUSE;
	}
	if (is("continue-in-callback")) {
		number("status", GO_ON(0));
		return PAUSE;
	}
#if ABI != 10
	if (is("unknown-stream")) {
		number("continue", proxy_continue_stream(9)), number("close", proxy_close_stream(9));
		answer();
		return PAUSE;
	}
	if (is("close-request")) {
		proxy_close_stream(0);
		return PAUSE;
	}
#endif
	if (is("not-stopped")) {
		number("status", GO_ON(0));
		return CONTINUE;
	}
	if (is("local-request-headers")) {
		local("request-headers");
		return PAUSE;
	}
	if (is("local-and-continue")) {
		local("request-headers");
		return CONTINUE;
	}
	if (is("local-empty")) {
		proxy_send_local_response(204, 0, 0, 0, 0, 0, 0, (u32)-1);
		return PAUSE;
	}
	if (is("local-grpc")) {
		proxy_send_local_response(200, S("no"), S("denied"), 0, 0, 7);
		return PAUSE;
	}
	if (is("local-wrong-pointers")) {
		number("details", proxy_send_local_response(200, NOWHERE, 32, 0, 0, 0, 0, (u32)-1)),
			number("body", proxy_send_local_response(200, 0, 0, NOWHERE, 32, 0, 0, (u32)-1));
		number("headers", proxy_send_local_response(200, 0, 0, 0, 0, NOWHERE, 32, (u32)-1));
		answer();
		return PAUSE;
	}
	return CONTINUE;
}

EXPORT(proxy_on_request_body) u32 request_body(u32 context, size_t n, u32 end)
{
	renew();
	if (is("local-request-body")) {
		local("request-body");
		return PAUSE;
	}
	return CONTINUE;
}

EXPORT(proxy_on_request_trailers) u32 request_trailers(u32 context, u32 count)
{
	renew();
	if (is("local-request-trailers")) {
		local("request-trailers");
		return PAUSE;
	}
	if (is("stop-request-trailers")) {
		proxy_set_tick_period_milliseconds(20);
		return PAUSE;
	}
	return CONTINUE;
}

static u32 response_headers(u32 context, u32 count, u32 end)
{
	proxy_replace_header_map_value(RESPONSE_HEADERS, S("x-own-callback"), S("1"));
	if (is("local-response-headers")) {
		local("response-headers");
		check_size = 0;
		return PAUSE;
	}
	if (is("stop-response")) {
		proxy_set_tick_period_milliseconds(20);
		return PAUSE;
	}
#if ABI != 10
	if (is("close-response")) {
		proxy_close_stream(1);
		return PAUSE;
	}
#endif
	return CONTINUE;
}

EXPORT(proxy_on_response_body) u32 response_body(u32 context, size_t n, u32 end)
{
	renew();
	if (is("stop-response-body") && end) {
		proxy_set_tick_period_milliseconds(20);
		return PAUSE;
	}
	if (is("stop-response-body"))
		return PAUSE;
	return CONTINUE;
}

EXPORT(proxy_on_tick) void tick(u32 context)
{
	renew();
	proxy_set_tick_period_milliseconds(0);
	proxy_set_effective_context(stream);
	if (is("stop-local"))
		local("tick");
	else
		GO_ON(is("stop-response") || is("stop-response-body") ? 1 : 0);
}

static void ended(u32 context, const char *what)
{
	if (context != logged_stream || ends_size + 8 > sizeof ends)
		return;
	if (ends_size > 0)
		ends[ends_size++] = ',';
	memcpy(ends + ends_size, what, length(what)), ends_size += length(what);
}
EXPORT(proxy_on_done) u32 on_done(u32 context)
{
	renew(), ended(context, "done");
	return 1;
}
EXPORT(proxy_on_log) void on_log(u32 context)
{
	renew(), ended(context, "log");
	if (context != logged_stream)
		return;
	if (proxy_get_header_map_value(REQUEST_HEADERS, S("x-check"), &value, &size) == 0)
		ended(context, "request");
	if (proxy_get_header_map_value(RESPONSE_HEADERS, S(":status"), &value, &size) == 0)
		ended(context, "answer");
}
EXPORT(proxy_on_delete) void on_delete(u32 context)
{
	renew(), ended(context, "delete");
}

ON_HEADERS(proxy_on_request_headers, request_headers)
ON_HEADERS(proxy_on_response_headers, response_headers)
