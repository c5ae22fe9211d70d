/* FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1. */
#include <proxy_wasm.h>

PROXY_WASM_ABI_0_2_1

static struct pw_bytes value = { "1", 1 };

PW_ON(configure)(uint32_t root, uint32_t size)
{
	if (size > 0)
		value = pw_buffer(PW_PLUGIN_CONFIGURATION, size);
	return true;
}

PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	pw_set_header(PW_REQUEST_HEADERS, "x-FILTER", value.bytes, value.size);
	return PW_CONTINUE;
}
