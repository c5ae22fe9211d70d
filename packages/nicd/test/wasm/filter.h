// The imports of proxy-wasm 0.2.1 that these filters use.
#ifndef FILTER_H
#define FILTER_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef uint32_t u32;
typedef int64_t i64;
#define IMPORT(n) __attribute__((import_module("env"), import_name(#n))) extern u32 n
#define EXPORT(n) __attribute__((export_name(#n)))
IMPORT(proxy_log)(u32 level, const char *text, size_t n);
IMPORT(proxy_get_property)(const char *path, size_t pn, char **value, size_t *vn);
IMPORT(proxy_set_property)(const char *path, size_t pn, const char *value, size_t vn);
IMPORT(proxy_send_local_response)(u32 status, const char *details, size_t dn, const char *body, size_t bn, const char *headers, size_t hn, u32 grpc);
IMPORT(proxy_get_header_map_value)(u32 map, const char *key, size_t kn, char **value, size_t *vn);
IMPORT(proxy_add_header_map_value)(u32 map, const char *key, size_t kn, const char *value, size_t vn);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *key, size_t kn, const char *value, size_t vn);
IMPORT(proxy_remove_header_map_value)(u32 map, const char *key, size_t kn);
IMPORT(proxy_get_buffer_bytes)(u32 buffer, size_t start, size_t most, char **value, size_t *vn);
IMPORT(proxy_set_buffer_bytes)(u32 buffer, size_t start, size_t n, const char *value, size_t vn);
IMPORT(proxy_http_call)(const char *up, size_t un, const char *h, size_t hn, const char *b, size_t bn, const char *t, size_t tn, u32 timeout, u32 *id);
IMPORT(proxy_grpc_call)(const char *up, size_t un, const char *s, size_t sn, const char *m, size_t mn, const char *md, size_t mdn, const char *b, size_t bn, u32 timeout, u32 *id);
IMPORT(proxy_set_effective_context)(u32 context);
IMPORT(proxy_continue_stream)(u32 stream);
IMPORT(proxy_close_stream)(u32 stream);
IMPORT(proxy_set_tick_period_milliseconds)(u32 ms);
IMPORT(proxy_define_metric)(u32 type, const char *name, size_t n, u32 *id);
IMPORT(proxy_increment_metric)(u32 id, i64 delta);
#define S(text) (text), (sizeof(text) - 1)
EXPORT(malloc) void *exported_malloc(size_t n) { return malloc(n); }
EXPORT(proxy_abi_version_0_2_1) void abi(void) {}
enum { REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_HEADERS, RESPONSE_TRAILERS };
enum { CALL_HEADERS = 6 };
enum { REQUEST_BODY, RESPONSE_BODY, DOWNSTREAM, UPSTREAM, CALL_BODY, GRPC_MESSAGE, VM_CONFIG, PLUGIN_CONFIG };
enum { CONTINUE, STOP };
static inline void say(const char *text) { proxy_log(2, text, strlen(text)); }
/** A request's header is there and has this value. */
static inline int has(const char *name, const char *wanted) {
  char *value = 0;
  size_t n = 0;
  return proxy_get_header_map_value(REQUEST_HEADERS, name, strlen(name), &value, &n) == 0 && n == strlen(wanted) && memcmp(value, wanted, n) == 0;
}
/** Serialises up to 8 pairs. */
static inline size_t pairs(char *out, const char *const *texts, u32 count) {
  u32 *sizes = (u32 *)out;
  sizes[0] = count;
  char *at = out + 4 + 8 * count;
  for (u32 i = 0; i < 2 * count; i++) {
    size_t n = strlen(texts[i]);
    sizes[1 + i] = n;
    memcpy(at, texts[i], n + 1);
    at += n + 1;
  }
  return at - out;
}
#endif
