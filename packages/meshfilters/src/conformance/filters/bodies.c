/* Bodies and trailers: what is readable and writable, what stopping keeps, and the limit of what is kept. */
#include "kit.h"

static char *value;
static size_t size;
static u32 calls;

#define GET(buffer, start, most) proxy_get_buffer_bytes(buffer, start, most, &value, &size)

/* Sizes and ends of every call, as `4,8,8+end`. */
static void seen(size_t n, u32 end)
{
	number("body", n);
	if (end)
		put("+end", 4);
}

static u32 request_headers(u32 context, u32 count, u32 end)
{
	read_check(), calls = 0;
	if (begins("early-")) {
		number("read", GET(REQUEST_BODY, 0, 100)), number("size", size);
		answer();
		return PAUSE;
	}
	if (begins("held-heads"))
		return PAUSE;
	if (!begins("response-") && !begins("trailers-"))
		proxy_remove_header_map_value(REQUEST_HEADERS, S("content-length"));
	return CONTINUE;
}

/* Reading and wrong arguments, of a whole body of 9 bytes (`123456789`); true when it was one of these. */
static int reading(u32 buffer)
{
	value = 0, size = 0;
	if (is("whole")) {
		number("status", GET(buffer, 0, 100)), text("value", value, size);
	} else if (is("part")) {
		number("status", GET(buffer, 2, 3)), text("value", value, size);
	} else if (is("clipped")) {
		number("status", GET(buffer, 7, 100)), text("value", value, size);
	} else if (is("beyond")) {
		number("status", GET(buffer, 100, 1)), number("size", size);
	} else if (is("overflow")) {
		number("status", GET(buffer, 10, 0xffffffff)), number("size", size);
	} else if (is("nothing")) {
		number("status", GET(buffer, 0, 0)), number("size", size);
	} else if (is("unknown-buffer")) {
		u32 flags;
		number("get", GET(9, 0, 1)), number("set", proxy_set_buffer_bytes(9, 0, 0, S("x"))),
			number("size", proxy_get_buffer_status(9, &size, &flags));
	} else if (is("told-size")) {
		u32 flags = 9;
		number("status", proxy_get_buffer_status(buffer, &size, &flags)), number("size", size), number("flags", flags);
	} else if (is("wrong-pointers")) {
		number("value", proxy_get_buffer_bytes(buffer, 0, 9, NOWHERE, &size));
		number("size", proxy_get_buffer_bytes(buffer, 0, 9, &value, NOWHERE));
		number("set", proxy_set_buffer_bytes(buffer, 0, 0, NOWHERE, 32));
	} else if (is("immutable")) {
		number("set", proxy_set_buffer_bytes(PLUGIN_CONFIGURATION, 0, 0, S("x")));
	} else
		return 0;
	return 1;
}

/* Changes a whole body; true when it was one of these. */
static int writing(u32 buffer, size_t n)
{
	if (is("replace"))
		number("status", proxy_set_buffer_bytes(buffer, 0, n, S("new")));
	else if (is("replace-more"))
		number("status", proxy_set_buffer_bytes(buffer, 0, 0xffffffff, S("new")));
	else if (is("prepend"))
		number("status", proxy_set_buffer_bytes(buffer, 0, 0, S(">>")));
	else if (is("append"))
		number("status", proxy_set_buffer_bytes(buffer, n, 0, S("<<")));
	else if (is("append-far"))
		number("status", proxy_set_buffer_bytes(buffer, 0xffffffff, 0, S("<<")));
	else if (is("inject"))
		number("status", proxy_set_buffer_bytes(buffer, 3, 0, S("--")));
	else if (is("middle"))
		number("status", proxy_set_buffer_bytes(buffer, 3, 3, S("----")));
	else if (is("front"))
		number("status", proxy_set_buffer_bytes(buffer, 0, 3, S("-")));
	else if (is("empty"))
		number("status", proxy_set_buffer_bytes(buffer, 0, n, 0, 0));
	else if (is("reread")) {
		proxy_set_buffer_bytes(buffer, 0, n, S("new"));
		number("status", GET(buffer, 0, 100)), text("value", value, size);
	} else
		return 0;
	return 1;
}

EXPORT(proxy_on_request_body) u32 request_body(u32 context, size_t n, u32 end)
{
	renew(), calls++;
	if (begins("response-") || begins("trailers-"))
		return CONTINUE;
	if (is("sizes-continue") || is("sizes-buffer") || is("sizes-watermark") || is("sizes-lost")) {
		seen(n, end);
		if (end) {
			if (is("sizes-lost"))
				return CONTINUE;
			answer();
			return PAUSE;
		}
		return is("sizes-continue") ? 0 : is("sizes-buffer") ? 1 : is("sizes-watermark") ? 2 : 3;
	}
	if (begins("held-heads"))
		return CONTINUE;
	if (is("stream-upper")) {
		static char upper[256];
		GET(REQUEST_BODY, 0, sizeof upper);
		for (size_t i = 0; i < size; i++)
			upper[i] = value[i] >= 'a' && value[i] <= 'z' ? value[i] - 32 : value[i];
		if (n > 0)
			proxy_set_buffer_bytes(REQUEST_BODY, 0, n, upper, size);
		return CONTINUE;
	}
	if (!end)
		return PAUSE;
	if (is("limit") || is("kept"))
		return CONTINUE;
	if (is("kept-2"))
		return 2;
	if (writing(REQUEST_BODY, n)) {
		if (!is("reread"))
			return CONTINUE;
	} else if (!reading(REQUEST_BODY))
		text("unknown-check", check, check_size);
	answer();
	return PAUSE;
}

EXPORT(proxy_on_request_trailers) u32 request_trailers(u32 context, u32 count)
{
	renew();
	if (!begins("trailers-"))
		return CONTINUE;
	if (is("trailers-read")) {
		number("count", count), number("status", proxy_get_header_map_value(REQUEST_TRAILERS, S("x-trailer"), &value, &size)),
			text("value", value, size);
		number("missing", proxy_get_header_map_value(REQUEST_TRAILERS, S("x-nope"), &value, &size));
		answer();
		return PAUSE;
	}
	if (is("trailers-change")) {
		proxy_replace_header_map_value(REQUEST_TRAILERS, S("x-trailer"), S("new")),
			proxy_add_header_map_value(REQUEST_TRAILERS, S("x-more"), S("m"));
		return CONTINUE;
	}
	return CONTINUE;
}

static u32 response_headers(u32 context, u32 count, u32 end)
{
	if (begins("response-")) {
		proxy_remove_header_map_value(RESPONSE_HEADERS, S("content-length"));
		memcpy(check, check + 9, check_size -= 9);
		calls = 1000; /* the answer's turn */
	} else
		calls = 0;
	return CONTINUE;
}

EXPORT(proxy_on_response_body) u32 response_body(u32 context, size_t n, u32 end)
{
	renew();
	if (calls < 1000)
		return CONTINUE;
	if (is("sizes-buffer")) {
		seen(n, end);
		if (end)
			proxy_set_buffer_bytes(RESPONSE_BODY, 0, n, report, report_size);
		return end ? CONTINUE : PAUSE;
	}
	if (is("lost"))
		return end ? CONTINUE : 3;
	if (is("kept"))
		return 2 * !end;
	if (!end)
		return PAUSE;
	if (is("limit"))
		return CONTINUE;
	if (writing(RESPONSE_BODY, n)) {
		if (!is("reread"))
			return CONTINUE;
	} else if (!reading(RESPONSE_BODY))
		text("unknown-check", check, check_size);
	proxy_set_buffer_bytes(RESPONSE_BODY, 0, n, report, report_size);
	return CONTINUE;
}

EXPORT(proxy_on_response_trailers) u32 response_trailers(u32 context, u32 count)
{
	renew();
	if (is("trailers-response")) {
		number("count", count), number("status", proxy_get_header_map_value(RESPONSE_TRAILERS, S("x-trailer"), &value, &size)),
			text("value", value, size);
		proxy_replace_header_map_value(RESPONSE_TRAILERS, S("x-trailer"), report, report_size);
	}
	return CONTINUE;
}

ON_HEADERS(proxy_on_request_headers, request_headers)
ON_HEADERS(proxy_on_response_headers, response_headers)
