/*
 * rewrite: replaces a text in the bodies of responses that are text.
 *
 * Configuration: the text, a line break, what comes in its place. A body is kept back as a whole, so that a text that is cut into two
 * pieces is found.
 */
#include <proxy_wasm.h>

PROXY_WASM_ABI_0_2_1

static const char *from, *to;
static size_t from_size, to_size;

PW_ON(configure)(uint32_t root, uint32_t size)
{
	struct pw_bytes given = pw_buffer(PW_PLUGIN_CONFIGURATION, size);
	const char *end = given.bytes == NULL ? NULL : memchr(given.bytes, '\n', given.size);
	if (end == NULL || end == given.bytes) {
		pw_log(PW_ERROR, "the configuration is a text, a line break, and another text");
		return false;
	}
	from = given.bytes;
	from_size = end - from;
	to = end + 1;
	to_size = given.size - from_size - 1;
	while (to_size > 0 && to[to_size - 1] == '\n')
		to_size--;
	return true;
}

static bool is_text(void)
{
	struct pw_bytes type = pw_header(PW_RESPONSE_HEADERS, "content-type");
	bool text = type.size >= 5 &&
		    (memcmp(type.bytes, "text/", 5) == 0 || (type.size >= 16 && memcmp(type.bytes, "application/json", 16) == 0));
	free(type.bytes);
	/* What is compressed cannot be searched. */
	struct pw_bytes encoding = pw_header(PW_RESPONSE_HEADERS, "content-encoding");
	bool plain = encoding.size == 0;
	free(encoding.bytes);
	return text && plain;
}

/* Contexts whose body is rewritten, by the low bits of their number: a filter of many connections would have a table. */
static bool wanted[4096];

PW_ON(response_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	wanted[context % 4096] = !end && is_text();
	/* The length changes; without it the body goes out in chunks. */
	if (wanted[context % 4096])
		pw_remove_header(PW_RESPONSE_HEADERS, "content-length");
	return PW_CONTINUE;
}

/* Where the text is next, or NULL. By its first byte: byte by byte a large body would take more fuel than a callback has. */
static const char *find(const char *at, const char *end)
{
	while ((size_t)(end - at) >= from_size) {
		at = memchr(at, from[0], end - at - from_size + 1);
		if (at == NULL || memcmp(at, from, from_size) == 0)
			return at;
		at++;
	}
	return NULL;
}

PW_ON(response_body)(uint32_t context, uint32_t size, uint32_t end)
{
	if (!wanted[context % 4096])
		return PW_BODY_CONTINUE;
	if (!end)
		return PW_BUFFER;
	struct pw_bytes body = pw_buffer(PW_RESPONSE_BODY, size);
	const char *over = body.bytes + body.size;
	size_t found = 0;
	for (const char *at = body.bytes; (at = find(at, over)) != NULL; at += from_size)
		found++;
	char *out = found == 0 ? NULL : malloc(body.size - found * from_size + found * to_size + 1);
	if (out != NULL) {
		char *put = out;
		const char *at = body.bytes;
		for (const char *next; (next = find(at, over)) != NULL; at = next + from_size) {
			memcpy(put, at, next - at);
			put += next - at;
			memcpy(put, to, to_size);
			put += to_size;
		}
		memcpy(put, at, over - at);
		proxy_set_buffer_bytes(PW_RESPONSE_BODY, 0, size, out, put - out + (over - at));
		free(out);
	}
	free(body.bytes);
	return PW_BODY_CONTINUE;
}
