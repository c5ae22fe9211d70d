/* What every filter of the kit has: host functions, an allocator, and a report that is sent as the answer.
 * Freestanding C for clang's wasm32: no libc, no WASI. ABI is 10, 20 or 21 (0.1.0, 0.2.0, 0.2.1); a module imports only what it calls.
 * Source of the signatures: proxy-wasm/spec, abi-versions.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;

#define EXPORT(name) __attribute__((export_name(#name)))
#define HOST(name) __attribute__((import_module("env"), import_name(#name))) extern u32 name
#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) extern u32 wasi_##name

HOST(proxy_log)(u32 level, const char *text, size_t size);
HOST(proxy_get_log_level)(u32 *level);
HOST(proxy_get_current_time_nanoseconds)(u64 *time);
HOST(proxy_set_tick_period_milliseconds)(u32 period);
HOST(proxy_get_status)(u32 *code, char **text, size_t *size);
HOST(proxy_get_configuration)(char **value, size_t *size);
HOST(proxy_get_property)(const char *path, size_t path_size, char **value, size_t *size);
HOST(proxy_set_property)(const char *path, size_t path_size, const char *value, size_t size);
HOST(proxy_get_header_map_value)(u32 map, const char *key, size_t key_size, char **value, size_t *size);
HOST(proxy_add_header_map_value)(u32 map, const char *key, size_t key_size, const char *value, size_t size);
HOST(proxy_replace_header_map_value)(u32 map, const char *key, size_t key_size, const char *value, size_t size);
HOST(proxy_remove_header_map_value)(u32 map, const char *key, size_t key_size);
HOST(proxy_get_header_map_pairs)(u32 map, char **pairs, size_t *size);
HOST(proxy_set_header_map_pairs)(u32 map, const char *pairs, size_t size);
HOST(proxy_get_header_map_size)(u32 map, size_t *size);
HOST(proxy_get_buffer_bytes)(u32 buffer, size_t start, size_t most, char **bytes, size_t *size);
HOST(proxy_set_buffer_bytes)(u32 buffer, size_t start, size_t size, const char *value, size_t value_size);
HOST(proxy_get_buffer_status)(u32 buffer, size_t *size, u32 *flags);
HOST(proxy_continue_stream)(u32 stream);
HOST(proxy_close_stream)(u32 stream);
HOST(proxy_continue_request)(void);
HOST(proxy_continue_response)(void);
HOST(proxy_send_local_response)
(u32 status, const char *details, size_t details_size, const char *body, size_t body_size, const char *headers, size_t headers_size,
 u32 grpc_status);
HOST(proxy_http_call)
(const char *upstream, size_t upstream_size, const char *headers, size_t headers_size, const char *body, size_t body_size,
 const char *trailers, size_t trailers_size, u32 timeout, u32 *call);
HOST(proxy_grpc_call)
(const char *upstream, size_t upstream_size, const char *service, size_t service_size, const char *method, size_t method_size,
 const char *metadata, size_t metadata_size, const char *message, size_t message_size, u32 timeout, u32 *call);
HOST(proxy_grpc_stream)
(const char *upstream, size_t upstream_size, const char *service, size_t service_size, const char *method, size_t method_size,
 const char *metadata, size_t metadata_size, u32 *stream);
HOST(proxy_grpc_send)(u32 stream, const char *message, size_t size, u32 end);
HOST(proxy_grpc_cancel)(u32 id);
HOST(proxy_grpc_close)(u32 id);
HOST(proxy_set_shared_data)(const char *key, size_t key_size, const char *value, size_t size, u32 cas);
HOST(proxy_get_shared_data)(const char *key, size_t key_size, char **value, size_t *size, u32 *cas);
HOST(proxy_register_shared_queue)(const char *name, size_t size, u32 *queue);
HOST(proxy_resolve_shared_queue)(const char *vm, size_t vm_size, const char *name, size_t size, u32 *queue);
HOST(proxy_enqueue_shared_queue)(u32 queue, const char *value, size_t size);
HOST(proxy_dequeue_shared_queue)(u32 queue, char **value, size_t *size);
HOST(proxy_define_metric)(u32 type, const char *name, size_t size, u32 *metric);
HOST(proxy_increment_metric)(u32 metric, i64 delta);
HOST(proxy_record_metric)(u32 metric, u64 value);
HOST(proxy_get_metric)(u32 metric, u64 *value);
HOST(proxy_set_effective_context)(u32 context);
HOST(proxy_done)(void);
HOST(proxy_call_foreign_function)
(const char *name, size_t name_size, const char *arguments, size_t arguments_size, char **results, size_t *size);

enum { REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_HEADERS, RESPONSE_TRAILERS, GRPC_INITIAL, GRPC_TRAILING, CALL_HEADERS, CALL_TRAILERS };
enum { REQUEST_BODY, RESPONSE_BODY, DOWNSTREAM, UPSTREAM, CALL_BODY, GRPC_MESSAGE, VM_CONFIGURATION, PLUGIN_CONFIGURATION, CALL_DATA };
enum { CONTINUE, PAUSE };
/* A string literal and its length. */
#define S(text) (text), (sizeof(text) - 1)
/* No memory has this address, and a read of a few bytes from it goes past 4 GiB. */
#define NOWHERE ((void *)0xfffffff0u)

#if ABI == 10
EXPORT(proxy_abi_version_0_1_0) void proxy_abi_version(void)
{
}
#elif ABI == 20
EXPORT(proxy_abi_version_0_2_0) void proxy_abi_version(void)
{
}
#elif ABI == 21
EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version(void)
{
}
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	char *t = to;
	for (const char *f = from; size > 0; size--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (char *t = to; size > 0; size--)
		*t++ = (char)byte;
	return to;
}

static int equal(const char *a, size_t a_size, const char *b, size_t b_size)
{
	if (a_size != b_size)
		return 0;
	for (size_t i = 0; i < a_size; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

/* What the host lends lasts until the next callback begins: `renew` takes all of it back. Zeroed pages are not wanted. */
extern char __heap_base;
static char *next_free = &__heap_base;
static void renew(void)
{
	next_free = &__heap_base;
}

#ifndef NO_ALLOCATOR
EXPORT(proxy_on_memory_allocate) void *lend(size_t size)
{
	char *block = next_free;
	size_t end = ((size_t)block + size + 15) & ~(size_t)15, pages = __builtin_wasm_memory_size(0);
	if (end > pages << 16 && __builtin_wasm_memory_grow(0, (end - (pages << 16) + 65535) >> 16) == (size_t)-1)
		return 0;
	next_free = (char *)end;
	return block;
}
#endif

/* --- the report: `name=value` after `name=value`, in the order they were seen ------------------------------------------- */
static char report[4096];
static size_t report_size;

static void put(const char *text, size_t size)
{
	for (size_t i = 0; i < size && report_size < sizeof report; i++)
		report[report_size++] = text[i];
}
static size_t length(const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	return n;
}
static void name(const char *text)
{
	if (report_size > 0)
		put(" ", 1);
	put(text, length(text));
	put("=", 1);
}
static void number(const char *what, i64 value)
{
	char digits[24];
	int at = sizeof digits;
	u64 rest = value < 0 ? -(u64)value : (u64)value;
	do
		digits[--at] = '0' + rest % 10, rest /= 10;
	while (rest);
	if (value < 0)
		digits[--at] = '-';
	name(what), put(digits + at, sizeof digits - at);
}
static void text(const char *what, const char *value, size_t size)
{
	name(what), put(value, size);
}

/* --- which check: the request's header x-check -------------------------------------------------------------------------- */
static char check[64];
static size_t check_size;

static int is(const char *wanted)
{
	return equal(check, check_size, wanted, length(wanted));
}
static int begins(const char *wanted)
{
	return check_size >= length(wanted) && equal(check, length(wanted), wanted, length(wanted));
}
static void read_check(void)
{
	char *value = 0;
	size_t size = 0;
	check_size = report_size = 0;
	if (proxy_get_header_map_value(REQUEST_HEADERS, S("x-check"), &value, &size) != 0)
		return;
	check_size = size < sizeof check ? size : sizeof check;
	memcpy(check, value, check_size);
}

/* Sends the report as the answer of the exchange. */
static u32 answer(void)
{
	return proxy_send_local_response(200, S("kit"), report, report_size, 0, 0, (u32)-1);
}
/* Puts the report into a header of the answer. */
static void note(void)
{
	proxy_replace_header_map_value(RESPONSE_HEADERS, S("x-seen"), report, report_size);
}

/* --- callbacks of heads have another arity in ABI 0.1.0, which does not tell whether a body follows (2 here) ----------------- */
#if ABI == 10
#define ON_HEADERS(callback, function)                                                                                                     \
	EXPORT(callback) u32 function##_entry(u32 context, u32 count)                                                                      \
	{                                                                                                                                  \
		renew();                                                                                                                   \
		return function(context, count, 2);                                                                                        \
	}
#else
#define ON_HEADERS(callback, function)                                                                                                     \
	EXPORT(callback) u32 function##_entry(u32 context, u32 count, u32 end)                                                             \
	{                                                                                                                                  \
		renew();                                                                                                                   \
		return function(context, count, end);                                                                                      \
	}
#endif
