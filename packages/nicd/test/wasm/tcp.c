// Makes a client's bytes upper-case, puts ! behind what the server says, and closes on bytes that begin with q.
#include "filter.h"
EXPORT(proxy_on_new_connection) u32 connection(u32 context) {
  say("new connection");
  return CONTINUE;
}
EXPORT(proxy_on_downstream_data) u32 down(u32 context, u32 size, u32 last) {
  char *bytes = 0;
  size_t n = 0;
  if (size == 0) return CONTINUE;
  proxy_get_buffer_bytes(DOWNSTREAM, 0, size, &bytes, &n);
  if (bytes[0] == 'q') {
    proxy_close_stream(2);
    return STOP;
  }
  if (bytes[0] == 't') __builtin_trap();
  // It waits for a whole line.
  if (bytes[n - 1] != '\n') return STOP;
  for (size_t i = 0; i < n; i++)
    if (bytes[i] >= 'a' && bytes[i] <= 'z') bytes[i] -= 32;
  proxy_set_buffer_bytes(DOWNSTREAM, 0, size, bytes, n);
  return CONTINUE;
}
EXPORT(proxy_on_upstream_data) u32 up(u32 context, u32 size, u32 last) {
  if (size > 0) proxy_set_buffer_bytes(UPSTREAM, size, 0, S("!"));
  return CONTINUE;
}
EXPORT(proxy_on_downstream_connection_close) void closed(u32 context, u32 peer) { say("client closed"); }
