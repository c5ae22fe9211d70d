// Tags requests and answers; with a header x-do it answers itself, traps, spins or takes memory. Its tag is its configuration.
#include "filter.h"
static char *tag = "none";
static size_t tag_length = 4;
static u32 counter;
EXPORT(proxy_on_configure) u32 configure(u32 root, u32 size) {
  if (size > 0) proxy_get_buffer_bytes(PLUGIN_CONFIG, 0, size, &tag, &tag_length);
  proxy_define_metric(0, S("seen requests"), &counter);
  if (tag_length == 4 && memcmp(tag, "tick", 4) == 0) proxy_set_tick_period_milliseconds(20);
  return !(tag_length == 3 && memcmp(tag, "bad", 3) == 0);
}
#ifdef OTHER
#define TAG S("other")
#elif defined THIRD
#define TAG S("third")
#else
#define TAG tag, tag_length
#endif
#ifdef TRAPS_AT_CREATION
EXPORT(proxy_on_context_create) void create(u32 context, u32 root) {
  if (root != 0) __builtin_trap();
}
#endif
#ifdef TRAPS_AT_END
EXPORT(proxy_on_log) void logged(u32 context) { __builtin_trap(); }
#endif
EXPORT(proxy_on_tick) void tick(u32 root) { say("tick"); }
EXPORT(proxy_on_request_headers) u32 request(u32 context, u32 n, u32 last) {
  proxy_increment_metric(counter, 1);
#ifdef FAILING
  proxy_send_local_response(503, S(""), S("failing"), 0, 0, -1);
  return STOP;
#endif
  proxy_add_header_map_value(REQUEST_HEADERS, S("x-tag"), tag, tag_length);
  proxy_remove_header_map_value(REQUEST_HEADERS, S("x-remove"));
  if (has("x-do", "answer")) {
    static char headers[128];
    const char *const texts[] = {"x-own", "1", "set-cookie", "a=1", "set-cookie", "b=2"};
    proxy_send_local_response(418, S("teapot"), S("short and stout"), headers, pairs(headers, texts, 3), -1);
    return STOP;
  }
  if (has("x-do", "trap")) __builtin_trap();
  if (has("x-do", "spin")) for (volatile u32 i = 0;; i++) {}
  if (has("x-do", "hog")) {
    char *volatile taken = malloc(64 << 20);
    proxy_add_header_map_value(REQUEST_HEADERS, S("x-hog"), taken ? "granted" : "refused", 7);
  }
  if (has("x-do", "path")) proxy_replace_header_map_value(REQUEST_HEADERS, S(":path"), S("/changed"));
  if (has("x-do", "close")) proxy_close_stream(0);
  return CONTINUE;
}
EXPORT(proxy_on_response_headers) u32 response(u32 context, u32 n, u32 last) {
  char *value;
  size_t length;
  proxy_add_header_map_value(RESPONSE_HEADERS, S("x-answered"), TAG);
  if (proxy_get_property("source\0address", 14, &value, &length) == 0) proxy_add_header_map_value(RESPONSE_HEADERS, S("x-source"), value, length);
  if (proxy_get_property("plugin_name", 11, &value, &length) == 0) proxy_add_header_map_value(RESPONSE_HEADERS, S("x-plugin"), value, length);
  if (has("x-do", "answer-late")) proxy_send_local_response(503, S("late"), S("not this one"), 0, 0, -1);
  if (has("x-do", "trap-late")) __builtin_trap();
  return CONTINUE;
}
