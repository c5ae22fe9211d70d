/* The header filter that filters.sh measures, in C; tag.as and tag.rs do the same: two values are read, two fields set, and one of the answer. */
#include <proxy_wasm.h>

PROXY_WASM_ABI_0_2_1

PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	char *path = NULL, *host = NULL;
	size_t path_size = 0, host_size = 0;
	proxy_get_header_map_value(PW_REQUEST_HEADERS, ":authority", 10, &host, &host_size);
	proxy_get_header_map_value(PW_REQUEST_HEADERS, ":path", 5, &path, &path_size);
	proxy_add_header_map_value(PW_REQUEST_HEADERS, "x-path", 6, path, path_size);
	proxy_replace_header_map_value(PW_REQUEST_HEADERS, "x-host", 6, host, host_size);
	free(path);
	free(host);
	return PW_CONTINUE;
}

PW_ON(response_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	proxy_add_header_map_value(PW_RESPONSE_HEADERS, "x-tagged", 8, "1", 1);
	return PW_CONTINUE;
}
