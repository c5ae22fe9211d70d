/* gRPC call-outs: a call, a stream, and what cannot be reached. */
#include "kit.h"

static u32 stream, called, received, initial, trailing;
static char *value;
static size_t size;

static u32 request_headers(u32 context, u32 count, u32 end)
{
	u32 sent = 0;
	read_check(), stream = context, received = initial = trailing = 0;
	if (is("grpc-call"))
		sent = proxy_grpc_call(S("grpc"), S("kit.Kit"), S("Echo"), 0, 0, S("question"), 2000, &called);
	else if (is("grpc-status"))
		sent = proxy_grpc_call(S("grpc"), S("kit.Kit"), S("Fail"), 0, 0, S("question"), 2000, &called);
	else if (is("grpc-timeout"))
		sent = proxy_grpc_call(S("grpc"), S("kit.Kit"), S("Never"), 0, 0, S("question"), 100, &called);
	else if (is("grpc-stream")) {
		sent = proxy_grpc_stream(S("grpc"), S("kit.Kit"), S("Echo"), 0, 0, &called);
		number("send", proxy_grpc_send(called, S("one"), 0)), number("end", proxy_grpc_send(called, S("two"), 1));
	} else if (is("grpc-cancel")) {
		proxy_grpc_call(S("grpc"), S("kit.Kit"), S("Never"), 0, 0, S("question"), 2000, &called);
		number("cancel", proxy_grpc_cancel(called)), number("again", proxy_grpc_cancel(called));
		answer();
		return PAUSE;
	} else {
		if (is("grpc-unknown"))
			number("call", proxy_grpc_call(S("no-such-upstream"), S("s"), S("m"), 0, 0, S(""), 100, &called)),
				number("stream", proxy_grpc_stream(S("no-such-upstream"), S("s"), S("m"), 0, 0, &called));
		else
			text("unknown-check", check, check_size);
		answer();
		return PAUSE;
	}
	if (sent == 0)
		return PAUSE;
	number("not-sent", sent), answer();
	return PAUSE;
}
EXPORT(proxy_on_grpc_receive_initial_metadata) void receive_initial(u32 context, u32 call, u32 count)
{
	renew(), initial++;
}
EXPORT(proxy_on_grpc_receive_trailing_metadata) void receive_trailing(u32 context, u32 call, u32 count)
{
	renew(), trailing++;
}
EXPORT(proxy_on_grpc_receive) void receive(u32 context, u32 call, size_t n)
{
	renew(), received++;
	proxy_get_buffer_bytes(GRPC_MESSAGE, 0, n, &value, &size), text("message", value, size);
	/* Of a call the message is the end of what it wants. */
	if (is("grpc-call"))
		number("id", call == called), proxy_set_effective_context(stream), answer();
}
EXPORT(proxy_on_grpc_close) void closed(u32 context, u32 call, u32 code)
{
	renew();
	/* The end of an earlier call may come when the next request is here. */
	if (call != called || is("grpc-call") || is("grpc-cancel"))
		return;
	number("closed", code);
	if (is("grpc-status"))
		proxy_get_status(&code, &value, &size), text("text", value, size);
	proxy_set_effective_context(stream), answer();
}

ON_HEADERS(proxy_on_request_headers, request_headers)
