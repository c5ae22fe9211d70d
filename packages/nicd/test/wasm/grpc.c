// Asks service echo by gRPC before a request goes on, and tags the request with what came back.
#include "filter.h"
IMPORT(proxy_grpc_stream)(const char *up, size_t un, const char *s, size_t sn, const char *m, size_t mn, const char *md, size_t mdn, u32 *id);
IMPORT(proxy_grpc_send)(u32 id, const char *message, size_t n, u32 last);
static u32 waiting;
static char got[256];
static size_t got_length;
EXPORT(proxy_on_request_headers) u32 request(u32 context, u32 n, u32 last) {
  static char metadata[128];
  const char *const texts[] = {"x-from", "filter"};
  u32 id;
  size_t size = pairs(metadata, texts, 1);
  waiting = context;
  got_length = 0;
  if (has("x-stream", "1")) {
    if (proxy_grpc_stream(S("echo"), S("test.Echo"), S("Talk"), metadata, size, &id)) return CONTINUE;
    proxy_grpc_send(id, S("one"), 0);
    proxy_grpc_send(id, S("two"), 1);
    return STOP;
  }
  if (proxy_grpc_call(S("echo"), S("test.Echo"), S("Say"), metadata, size, S("hello"), 30000, &id)) {
    proxy_add_header_map_value(REQUEST_HEADERS, S("x-code"), S("refused"));
    return CONTINUE;
  }
  return STOP;
}
EXPORT(proxy_on_grpc_receive) void received(u32 root, u32 id, u32 size) {
  char *bytes = 0;
  size_t n = 0;
  proxy_get_buffer_bytes(GRPC_MESSAGE, 0, size, &bytes, &n);
  if (got_length + n > sizeof got) return;
  memcpy(got + got_length, bytes, n);
  got_length += n;
}
EXPORT(proxy_on_grpc_close) void closed(u32 root, u32 id, u32 status) {
  char code = '0' + status % 10;
  proxy_set_effective_context(waiting);
  proxy_add_header_map_value(REQUEST_HEADERS, S("x-got"), got, got_length);
  proxy_add_header_map_value(REQUEST_HEADERS, S("x-code"), &code, 1);
  proxy_continue_stream(0);
}
