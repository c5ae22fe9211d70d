/*
 * proxy-wasm for C and C++: every host function of ABI 0.2.1, and what a filter usually does with them in one call.
 *
 *     #include <proxy_wasm.h>
 *     PROXY_WASM_ABI_0_2_1
 *     PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end) {
 *       pw_add_header(PW_REQUEST_HEADERS, "x-tag", "1");
 *       return PW_CONTINUE;
 *     }
 *
 * Callbacks are what a filter exports: PW_ON(name) for those that return a number, PW_ON_EVENT(name) for the others.
 * What the host gives (char ** and size_t *) was made by this module's malloc; whoever gets it frees it.
 * Source: github.com/proxy-wasm/spec, abi-versions/v0.2.1.
 */
#ifndef PROXY_WASM_H
#define PROXY_WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#define PW_C extern "C"
#else
#define PW_C
#endif
#define PW_EXPORT(name) PW_C __attribute__((export_name(#name)))
#define PW_IMPORT(name) PW_C __attribute__((import_module("env"), import_name(#name))) uint32_t name

/* Callbacks: PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end) { … } */
#define PW_ON(name) PW_EXPORT(proxy_on_##name) uint32_t pw_on_##name
#define PW_ON_EVENT(name) PW_EXPORT(proxy_on_##name) void pw_on_##name
/* Once in a filter: which ABI it speaks, and memory for what the host gives. */
#define PROXY_WASM_ABI_0_2_1                                                                                                               \
	PW_EXPORT(proxy_abi_version_0_2_1) void pw_abi(void)                                                                               \
	{                                                                                                                                  \
	}                                                                                                                                  \
	PW_EXPORT(malloc) void *pw_allocate(size_t size)                                                                                   \
	{                                                                                                                                  \
		return malloc(size);                                                                                                       \
	}

enum pw_status {
	PW_OK,
	PW_NOT_FOUND,
	PW_BAD_ARGUMENT,
	PW_SERIALIZATION_FAILURE,
	PW_PARSE_FAILURE,
	PW_BAD_EXPRESSION,
	PW_INVALID_MEMORY_ACCESS,
	PW_EMPTY,
	PW_CAS_MISMATCH,
	PW_RESULT_MISMATCH,
	PW_INTERNAL_FAILURE,
	PW_BROKEN_CONNECTION,
	PW_UNIMPLEMENTED
};
enum pw_log_level { PW_TRACE, PW_DEBUG, PW_INFO, PW_WARN, PW_ERROR, PW_CRITICAL };
enum pw_map {
	PW_REQUEST_HEADERS,
	PW_REQUEST_TRAILERS,
	PW_RESPONSE_HEADERS,
	PW_RESPONSE_TRAILERS,
	PW_GRPC_INITIAL_METADATA,
	PW_GRPC_TRAILING_METADATA,
	PW_CALL_HEADERS,
	PW_CALL_TRAILERS
};
enum pw_buffer {
	PW_REQUEST_BODY,
	PW_RESPONSE_BODY,
	PW_DOWNSTREAM_DATA,
	PW_UPSTREAM_DATA,
	PW_CALL_BODY,
	PW_GRPC_MESSAGE,
	PW_VM_CONFIGURATION,
	PW_PLUGIN_CONFIGURATION,
	PW_CALL_DATA
};
enum pw_stream { PW_REQUEST, PW_RESPONSE, PW_DOWNSTREAM, PW_UPSTREAM };
enum pw_metric { PW_COUNTER, PW_GAUGE, PW_HISTOGRAM };
/* What callbacks of heads and trailers return: PW_PAUSE holds back all that follows. Of bodies: PW_BUFFER keeps the whole. */
enum pw_action { PW_CONTINUE, PW_PAUSE };
enum pw_body_action { PW_BODY_CONTINUE, PW_BUFFER, PW_WATERMARK, PW_DROP };

PW_IMPORT(proxy_log)(uint32_t level, const char *text, size_t size);
PW_IMPORT(proxy_get_log_level)(uint32_t *level);
PW_IMPORT(proxy_get_status)(uint32_t *code, char **text, size_t *size);
PW_IMPORT(proxy_get_current_time_nanoseconds)(uint64_t *ns);
PW_IMPORT(proxy_set_tick_period_milliseconds)(uint32_t ms);
PW_IMPORT(proxy_get_property)(const char *path, size_t path_size, char **value, size_t *size);
PW_IMPORT(proxy_set_property)(const char *path, size_t path_size, const char *value, size_t size);
PW_IMPORT(proxy_get_header_map_value)(uint32_t map, const char *key, size_t key_size, char **value, size_t *size);
PW_IMPORT(proxy_add_header_map_value)(uint32_t map, const char *key, size_t key_size, const char *value, size_t size);
PW_IMPORT(proxy_replace_header_map_value)(uint32_t map, const char *key, size_t key_size, const char *value, size_t size);
PW_IMPORT(proxy_remove_header_map_value)(uint32_t map, const char *key, size_t key_size);
PW_IMPORT(proxy_get_header_map_pairs)(uint32_t map, char **pairs, size_t *size);
PW_IMPORT(proxy_set_header_map_pairs)(uint32_t map, const char *pairs, size_t size);
PW_IMPORT(proxy_get_header_map_size)(uint32_t map, size_t *size);
PW_IMPORT(proxy_get_buffer_status)(uint32_t buffer, size_t *size, uint32_t *flags);
PW_IMPORT(proxy_get_buffer_bytes)(uint32_t buffer, size_t start, size_t most, char **bytes, size_t *size);
PW_IMPORT(proxy_set_buffer_bytes)(uint32_t buffer, size_t start, size_t replaced, const char *bytes, size_t size);
PW_IMPORT(proxy_continue_stream)(uint32_t stream);
PW_IMPORT(proxy_close_stream)(uint32_t stream);
PW_IMPORT(proxy_send_local_response)
(uint32_t status, const char *details, size_t details_size, const char *body, size_t body_size, const char *headers, size_t headers_size,
 int32_t grpc_status);
PW_IMPORT(proxy_http_call)
(const char *service, size_t service_size, const char *headers, size_t headers_size, const char *body, size_t body_size,
 const char *trailers, size_t trailers_size, uint32_t timeout_ms, uint32_t *call);
PW_IMPORT(proxy_grpc_call)
(const char *service, size_t service_size, const char *name, size_t name_size, const char *method, size_t method_size, const char *metadata,
 size_t metadata_size, const char *message, size_t message_size, uint32_t timeout_ms, uint32_t *call);
PW_IMPORT(proxy_grpc_stream)
(const char *service, size_t service_size, const char *name, size_t name_size, const char *method, size_t method_size, const char *metadata,
 size_t metadata_size, uint32_t *stream);
PW_IMPORT(proxy_grpc_send)(uint32_t stream, const char *message, size_t size, uint32_t end);
PW_IMPORT(proxy_grpc_cancel)(uint32_t call);
PW_IMPORT(proxy_grpc_close)(uint32_t stream);
PW_IMPORT(proxy_get_shared_data)(const char *key, size_t key_size, char **value, size_t *size, uint32_t *cas);
PW_IMPORT(proxy_set_shared_data)(const char *key, size_t key_size, const char *value, size_t size, uint32_t cas);
PW_IMPORT(proxy_register_shared_queue)(const char *name, size_t size, uint32_t *queue);
PW_IMPORT(proxy_resolve_shared_queue)(const char *vm, size_t vm_size, const char *name, size_t size, uint32_t *queue);
PW_IMPORT(proxy_enqueue_shared_queue)(uint32_t queue, const char *value, size_t size);
PW_IMPORT(proxy_dequeue_shared_queue)(uint32_t queue, char **value, size_t *size);
PW_IMPORT(proxy_define_metric)(uint32_t type, const char *name, size_t size, uint32_t *metric);
PW_IMPORT(proxy_increment_metric)(uint32_t metric, int64_t by);
PW_IMPORT(proxy_record_metric)(uint32_t metric, uint64_t value);
PW_IMPORT(proxy_get_metric)(uint32_t metric, uint64_t *value);
PW_IMPORT(proxy_set_effective_context)(uint32_t context);
PW_IMPORT(proxy_done)(void);
PW_IMPORT(proxy_call_foreign_function)
(const char *name, size_t name_size, const char *argument, size_t size, char **result, size_t *result_size);

/* Bytes that the host gave; bytes is NULL for none. A zero stands behind them where pw_text made them. */
struct pw_bytes {
	char *bytes;
	size_t size;
};

static inline void pw_log(uint32_t level, const char *text)
{
	proxy_log(level, text, strlen(text));
}

/* The first value of a field; bytes is NULL when there is none. Free it. */
static inline struct pw_bytes pw_header(uint32_t map, const char *name)
{
	struct pw_bytes value = { NULL, 0 };
	if (proxy_get_header_map_value(map, name, strlen(name), &value.bytes, &value.size) != PW_OK)
		value.bytes = NULL;
	return value;
}

static inline void pw_add_header(uint32_t map, const char *name, const char *value)
{
	proxy_add_header_map_value(map, name, strlen(name), value, strlen(value));
}

static inline void pw_set_header(uint32_t map, const char *name, const char *value, size_t size)
{
	proxy_replace_header_map_value(map, name, strlen(name), value, size);
}

static inline void pw_remove_header(uint32_t map, const char *name)
{
	proxy_remove_header_map_value(map, name, strlen(name));
}

/* Up to `size` bytes of a buffer from its beginning. Free them. */
static inline struct pw_bytes pw_buffer(uint32_t buffer, size_t size)
{
	struct pw_bytes value = { NULL, 0 };
	if (proxy_get_buffer_bytes(buffer, 0, size, &value.bytes, &value.size) != PW_OK)
		value.bytes = NULL;
	return value;
}

/* An answer of the filter's own; the callback returns PW_PAUSE after it. */
static inline void pw_respond(uint32_t status, const char *details, const char *body)
{
	proxy_send_local_response(status, details, strlen(details), body, strlen(body), NULL, 0, -1);
}

#endif
