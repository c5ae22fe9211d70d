// Asks service auth before a request goes on; a request with x-stop: 3 lets its body be held meanwhile, with x-never it waits for ever. With x-late: 1 auth has 300 ms.
#include "filter.h"
static u32 waiting;
EXPORT(proxy_on_request_headers) u32 request(u32 context, u32 n, u32 last) {
  static char headers[512];
  const char *const texts[] = {":method", "GET", ":path", "/check", ":authority", "auth", "x-from", "filter"};
  u32 id;
  waiting = context;
  if (has("x-never", "1")) return STOP;
  if (has("x-to", "nobody")) {
    u32 status = proxy_http_call(S("nobody"), headers, pairs(headers, texts, 4), 0, 0, 0, 0, 1000, &id);
    proxy_add_header_map_value(REQUEST_HEADERS, S("x-status"), status == 2 ? "2" : "?", 1);
    return CONTINUE;
  }
  proxy_http_call(S("auth"), headers, pairs(headers, texts, 4), 0, 0, 0, 0, has("x-late", "1") ? 300 : 30000, &id);
  return has("x-stop", "3") ? 3 : STOP;
}
EXPORT(proxy_on_http_call_response) void answered(u32 root, u32 id, u32 heads, u32 size, u32 trailers) {
  char *body = 0;
  size_t n = 0;
  char *status = "none";
  size_t sn = 4;
  proxy_get_buffer_bytes(CALL_BODY, 0, size, &body, &n);
  proxy_get_header_map_value(CALL_HEADERS, S(":status"), &status, &sn);
  proxy_set_effective_context(waiting);
  if (n == 4 && memcmp(body, "trap", 4) == 0) __builtin_trap();
  if (n == 2 && memcmp(body, "no", 2) == 0) {
    proxy_send_local_response(401, S("denied"), S("denied"), 0, 0, -1);
    return;
  }
  proxy_add_header_map_value(REQUEST_HEADERS, S("x-auth"), body, n);
  proxy_add_header_map_value(REQUEST_HEADERS, S("x-auth-status"), status, sn);
  proxy_continue_stream(0);
}
