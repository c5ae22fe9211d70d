// Changes bodies: what header x-body says is done with both of them.
#include "filter.h"
static int mode;
enum { UPPER, WHOLE, PIECES, LOSE, LOCAL };
static int mode_of(void) {
  if (has("x-body", "whole")) return WHOLE;
  if (has("x-body", "pieces")) return PIECES;
  if (has("x-body", "lose")) return LOSE;
  if (has("x-body", "local")) return LOCAL;
  return UPPER;
}
static u32 body(u32 which, u32 size, u32 last, u32 trailers) {
  char *bytes = 0;
  size_t n = 0;
  if (mode == LOCAL && which == REQUEST_BODY) {
    proxy_send_local_response(403, S("no"), S("no such body"), 0, 0, -1);
    return CONTINUE;
  }
  if (mode == LOSE) return last ? 0 : 3;
  if (mode == PIECES) {
    // Each piece is seen alone, kept, and goes on with the last one.
    proxy_set_buffer_bytes(which, 0, 0, S("<"));
    return last ? 0 : 2;
  }
  if (mode == WHOLE) {
    if (!last) return 1;
    proxy_set_buffer_bytes(which, 0, 0, S("begin "));
    proxy_set_buffer_bytes(which, size + 6, 0, S(" end"));
    return CONTINUE;
  }
  if (size > 0) {
    proxy_get_buffer_bytes(which, 0, size, &bytes, &n);
    for (size_t i = 0; i < n; i++)
      if (bytes[i] >= 'a' && bytes[i] <= 'z') bytes[i] -= 32;
    proxy_set_buffer_bytes(which, 0, size, bytes, n);
  }
  if (last && has("x-trailer", "add")) proxy_add_header_map_value(trailers, S("x-added"), S("behind"));
  return CONTINUE;
}
EXPORT(proxy_on_request_headers) u32 request(u32 context, u32 n, u32 last) {
  mode = mode_of();
  return CONTINUE;
}
EXPORT(proxy_on_request_body) u32 request_body(u32 context, u32 size, u32 last) { return body(REQUEST_BODY, size, last, REQUEST_TRAILERS); }
EXPORT(proxy_on_response_body) u32 response_body(u32 context, u32 size, u32 last) { return body(RESPONSE_BODY, size, last, RESPONSE_TRAILERS); }
EXPORT(proxy_on_request_trailers) u32 request_trailers(u32 context, u32 n) {
  proxy_add_header_map_value(REQUEST_TRAILERS, S("x-seen"), S("yes"));
  return CONTINUE;
}
EXPORT(proxy_on_response_trailers) u32 response_trailers(u32 context, u32 n) {
  proxy_add_header_map_value(RESPONSE_TRAILERS, S("x-seen"), S("yes"));
  return CONTINUE;
}
