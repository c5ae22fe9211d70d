// FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1.
#include <proxy_wasm.h>

#include <string>

PROXY_WASM_ABI_0_2_1

static std::string value = "1";

PW_ON(configure)(uint32_t root, uint32_t size)
{
	if (size > 0) {
		pw_bytes given = pw_buffer(PW_PLUGIN_CONFIGURATION, size);
		value.assign(given.bytes, given.size);
		free(given.bytes);
	}
	return true;
}

PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	pw_set_header(PW_REQUEST_HEADERS, "x-FILTER", value.data(), value.size());
	return PW_CONTINUE;
}
