/* HTTP call-outs. The request waits for them, and their outcome is its answer. */
#include "kit.h"

static u32 root, stream, called;
static char *value;
static size_t size;

/* Serialised maps, written out; the lengths stand before the texts. */
#define GET_ECHO                                                                                                                           \
	"\x04\0\0\0"                                                                                                                       \
	"\x07\0\0\0\x03\0\0\0"                                                                                                             \
	"\x05\0\0\0\x05\0\0\0"                                                                                                             \
	"\x0a\0\0\0\x04\0\0\0"                                                                                                             \
	"\x08\0\0\0\x04\0\0\0"                                                                                                             \
	":method\0GET\0"                                                                                                                   \
	":path\0/call\0"                                                                                                                   \
	":authority\0call\0"                                                                                                               \
	"x-answer\0call\0"
#define POST_ECHO                                                                                                                          \
	"\x04\0\0\0"                                                                                                                       \
	"\x07\0\0\0\x04\0\0\0"                                                                                                             \
	"\x05\0\0\0\x05\0\0\0"                                                                                                             \
	"\x0a\0\0\0\x04\0\0\0"                                                                                                             \
	"\x08\0\0\0\x04\0\0\0"                                                                                                             \
	":method\0POST\0"                                                                                                                  \
	":path\0/call\0"                                                                                                                   \
	":authority\0call\0"                                                                                                               \
	"x-answer\0body\0"
#define GET_SLOW                                                                                                                           \
	"\x04\0\0\0"                                                                                                                       \
	"\x07\0\0\0\x03\0\0\0"                                                                                                             \
	"\x05\0\0\0\x05\0\0\0"                                                                                                             \
	"\x0a\0\0\0\x04\0\0\0"                                                                                                             \
	"\x08\0\0\0\x05\0\0\0"                                                                                                             \
	":method\0GET\0"                                                                                                                   \
	":path\0/call\0"                                                                                                                   \
	":authority\0call\0"                                                                                                               \
	"x-answer\0never\0"
#define GET_RESET                                                                                                                          \
	"\x04\0\0\0"                                                                                                                       \
	"\x07\0\0\0\x03\0\0\0"                                                                                                             \
	"\x05\0\0\0\x05\0\0\0"                                                                                                             \
	"\x0a\0\0\0\x04\0\0\0"                                                                                                             \
	"\x08\0\0\0\x05\0\0\0"                                                                                                             \
	":method\0GET\0"                                                                                                                   \
	":path\0/call\0"                                                                                                                   \
	":authority\0call\0"                                                                                                               \
	"x-answer\0reset\0"
#define NO_PATH                                                                                                                            \
	"\x02\0\0\0"                                                                                                                       \
	"\x07\0\0\0\x03\0\0\0"                                                                                                             \
	"\x0a\0\0\0\x04\0\0\0"                                                                                                             \
	":method\0GET\0"                                                                                                                   \
	":authority\0call\0"
/* Without the NUL that the compiler puts behind a literal. */
#define CALL(upstream, map, body, timeout) proxy_http_call(S(upstream), map, sizeof(map) - 1, S(body), 0, 0, timeout, &called)

EXPORT(proxy_on_context_create) void context_create(u32 context, u32 parent)
{
	renew();
	if (parent == 0)
		root = context;
}

static u32 request_headers(u32 context, u32 count, u32 end)
{
	u32 sent = 0;
	read_check(), stream = context;
	if (is("call"))
		sent = CALL("upstream", GET_ECHO, "", 2000);
	else if (is("call-body"))
		sent = CALL("upstream", POST_ECHO, "question", 2000);
	else if (is("call-timeout"))
		sent = CALL("upstream", GET_SLOW, "", 100);
	else if (is("call-reset"))
		sent = CALL("upstream", GET_RESET, "", 2000);
	else if (is("call-refused"))
		sent = CALL("closed", GET_ECHO, "", 2000);
	else if (is("call-local-after"))
		sent = CALL("upstream", GET_ECHO, "", 2000);
	else if (is("call-and-continue")) {
		CALL("upstream", GET_ECHO, "", 2000);
		return CONTINUE;
	} else {
		if (is("call-unknown"))
			number("status", CALL("no-such-upstream", GET_ECHO, "", 100));
		else if (is("call-no-path"))
			number("status", CALL("upstream", NO_PATH, "", 100));
		else if (is("call-bad-map"))
			number("status", proxy_http_call(S("upstream"), S("\x09\0\0\0\x01"), 0, 0, 0, 0, 100, &called));
		else if (is("call-pointers")) {
			number("upstream", proxy_http_call(NOWHERE, 32, S(GET_ECHO), 0, 0, 0, 0, 100, &called)),
				number("headers", proxy_http_call(S("upstream"), NOWHERE, 32, 0, 0, 0, 0, 100, &called));
			number("body", proxy_http_call(S("upstream"), S(GET_ECHO), NOWHERE, 32, 0, 0, 100, &called));
		} else
			text("unknown-check", check, check_size);
		answer();
		return PAUSE;
	}
	if (sent == 0)
		return PAUSE;
	number("not-sent", sent), answer();
	return PAUSE;
}

EXPORT(proxy_on_http_call_response) void call_response(u32 context, u32 call, u32 headers, size_t body, u32 trailers)
{
	renew();
	if (is("call-and-continue"))
		return;
	number("root", context == root), number("id", call == called), number("answered", headers > 0);
	if (is("call-local-after")) {
		report_size = 0, number("headers", proxy_get_header_map_value(CALL_HEADERS, S("x-called"), &value, &size));
		number("later", 1);
		proxy_set_effective_context(stream);
		proxy_send_local_response(403, S("kit"), report, report_size, 0, 0, (u32)-1);
		return;
	}
	if (headers > 0) {
		proxy_get_header_map_value(CALL_HEADERS, S(":status"), &value, &size), text("status", value, size);
		if (equal(value, size, S("200"))) {
			proxy_get_buffer_bytes(CALL_BODY, 0, body, &value, &size), text("body", value, size);
			number("missing", proxy_get_header_map_value(CALL_HEADERS, S("x-nope"), &value, &size));
		}
	}
	proxy_set_effective_context(stream);
	answer();
}

ON_HEADERS(proxy_on_request_headers, request_headers)
