// rate-limit: so many requests a window for each client, counted in shared data, so that all filters with the same vm-id count together.
//
// Configuration: "5/1000" is five requests in 1000 ms. A client is the address without its port.
#include <proxy_wasm.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

PROXY_WASM_ABI_0_2_1

namespace
{

uint64_t most = 0, window_ms = 0;
uint32_t refused = 0;

/** What the host gave, freed at the end. */
struct Given {
	char *bytes = nullptr;
	size_t size = 0;
	~Given()
	{
		free(bytes);
	}
	std::string_view text() const
	{
		return { bytes, bytes == nullptr ? 0 : size };
	}
};

bool number(std::string_view text, uint64_t &value)
{
	auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	return error == std::errc() && end == text.data() + text.size() && value > 0;
}

std::string client()
{
	Given address;
	static const char path[] = "source\0address";
	if (proxy_get_property(path, sizeof path - 1, &address.bytes, &address.size) != PW_OK)
		return "unknown";
	std::string_view text = address.text();
	return std::string(text.substr(0, text.rfind(':')));
}

/** Counts one request. @returns How many milliseconds to wait when it is one too many, else 0. */
uint64_t take(const std::string &key, uint64_t now_ms)
{
	uint64_t window = now_ms / window_ms;
	// Whoever else counts at the same moment makes the number of the change differ: once more then.
	for (int attempt = 0; attempt < 16; attempt++) {
		Given entry;
		uint32_t cas = 0;
		uint64_t of = 0, count = 0;
		if (proxy_get_shared_data(key.data(), key.size(), &entry.bytes, &entry.size, &cas) == PW_OK) {
			std::string_view text = entry.text();
			size_t space = text.find(' ');
			if (space == text.npos || !number(text.substr(0, space), of) || !number(text.substr(space + 1), count))
				of = 0;
		}
		if (of != window)
			count = 0;
		if (count >= most)
			return (window + 1) * window_ms - now_ms;
		std::string value = std::to_string(window) + " " + std::to_string(count + 1);
		if (proxy_set_shared_data(key.data(), key.size(), value.data(), value.size(), cas) == PW_OK)
			return 0;
	}
	return 1;
}

} // namespace

PW_ON(configure)(uint32_t root, uint32_t size)
{
	Given given;
	proxy_get_buffer_bytes(PW_PLUGIN_CONFIGURATION, 0, size, &given.bytes, &given.size);
	std::string_view text = given.text();
	size_t slash = text.find('/');
	if (slash == text.npos || !number(text.substr(0, slash), most) || !number(text.substr(slash + 1), window_ms)) {
		pw_log(PW_ERROR, "the configuration is REQUESTS/MILLISECONDS, such as 5/1000");
		return false;
	}
	proxy_define_metric(PW_COUNTER, "rate_limit_refused", 18, &refused);
	return true;
}

PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	uint64_t now_ns = 0;
	proxy_get_current_time_nanoseconds(&now_ns);
	uint64_t wait_ms = take("rate-limit " + client(), now_ns / 1000000);
	if (wait_ms == 0)
		return PW_CONTINUE;
	proxy_increment_metric(refused, 1);
	// One field as the ABI writes maps: a count, two lengths, a name and a value with a zero after each.
	std::string seconds = std::to_string((wait_ms + 999) / 1000), name = "retry-after";
	uint32_t numbers[] = { 1, uint32_t(name.size()), uint32_t(seconds.size()) };
	std::string map(reinterpret_cast<char *>(numbers), sizeof numbers);
	map.append(name).push_back('\0');
	map.append(seconds).push_back('\0');
	static const char details[] = "rate_limited", body[] = "too many requests\n";
	proxy_send_local_response(429, details, sizeof details - 1, body, sizeof body - 1, map.data(), map.size(), -1);
	return PW_PAUSE;
}
