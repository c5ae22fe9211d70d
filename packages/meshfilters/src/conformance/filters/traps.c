/* Ends badly in the callback that x-check names: by a trap, by a loop without end, or by recursion without end. */
#include "kit.h"

static void fall(const char *phase)
{
	static volatile u32 turns;
	if (check_size > length(phase) && equal(check, length(phase), phase, length(phase)) && check[length(phase)] == '!') {
		if (check[length(phase) + 1] == 't')
			__builtin_trap();
		for (;;)
			turns++;
	}
}
static u32 stream;

static u32 request_headers(u32 context, u32 count, u32 end)
{
	read_check(), stream = context, fall("request-headers");
	if (begins("tick!")) {
		proxy_set_tick_period_milliseconds(10);
		return PAUSE;
	}
	if (is("alive")) {
		number("alive", 1), answer();
		return PAUSE;
	}
	return CONTINUE;
}
static u32 response_headers(u32 context, u32 count, u32 end)
{
	fall("response-headers");
	return CONTINUE;
}
EXPORT(proxy_on_request_body) u32 request_body(u32 context, size_t n, u32 end)
{
	renew(), fall("request-body");
	return CONTINUE;
}
EXPORT(proxy_on_request_trailers) u32 request_trailers(u32 context, u32 n)
{
	renew(), fall("request-trailers");
	return CONTINUE;
}
EXPORT(proxy_on_response_body) u32 response_body(u32 context, size_t n, u32 end)
{
	renew(), fall("response-body");
	return CONTINUE;
}
EXPORT(proxy_on_response_trailers) u32 response_trailers(u32 context, u32 n)
{
	renew(), fall("response-trailers");
	return CONTINUE;
}
EXPORT(proxy_on_log) void on_log(u32 context)
{
	renew(), fall("log");
}
EXPORT(proxy_on_done) u32 on_done(u32 context)
{
	renew(), fall("done");
	return 1;
}
EXPORT(proxy_on_delete) void on_delete(u32 context)
{
	renew(), fall("delete");
}
EXPORT(proxy_on_tick) void tick(u32 context)
{
	renew(), fall("tick");
}

ON_HEADERS(proxy_on_request_headers, request_headers)
ON_HEADERS(proxy_on_response_headers, response_headers)
