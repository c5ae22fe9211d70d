/* Fields: reading, adding, replacing, removing, the serialised form, wrong maps and wrong pointers. */
#include "kit.h"

#define GET(key) proxy_get_header_map_value(map, S(key), &value, &size)
static char *value;
static size_t size;

static u32 word(const char *at)
{
	u32 w;
	memcpy(&w, at, 4);
	return w;
}

/* Reports the values of a key in the order of the serialised map, joined by `|`, and how many there are. */
static void all_of(u32 map, const char *key)
{
	char *pairs = 0;
	size_t n = 0;
	u32 found = 0;
	proxy_get_header_map_pairs(map, &pairs, &n);
	u32 count = n < 4 ? 0 : word(pairs);
	const char *at = pairs + 4 + 8 * count;
	name(key);
	for (u32 i = 0; i < count; i++) {
		u32 k = word(pairs + 4 + 8 * i), v = word(pairs + 8 + 8 * i);
		if (equal(at, k, key, length(key))) {
			if (found++ > 0)
				put("|", 1);
			put(at + k + 1, v);
		}
		at += k + v + 2;
	}
	number("values", found);
}

/* Whether the serialised map has exactly the size that its lengths say, with a NUL behind each key and value. */
static void form_of(u32 map, u32 told)
{
	char *pairs = 0;
	size_t n = 0;
	number("status", proxy_get_header_map_pairs(map, &pairs, &n));
	u32 count = n < 4 ? 0 : word(pairs), nuls = 0;
	size_t expected = 4 + 8 * count;
	for (u32 i = 0; i < count; i++) {
		expected += word(pairs + 4 + 8 * i), nuls += pairs[expected++] == 0;
		expected += word(pairs + 8 + 8 * i), nuls += pairs[expected++] == 0;
	}
	text("form", expected == n && nuls == 2 * count ? "right" : "wrong", 5);
	text("count", count == told ? "as-told" : "another", 7);
}

static void size_of(u32 map)
{
	char *pairs = 0;
	size_t n = 0, told = 0;
	number("status", proxy_get_header_map_size(map, &told));
	proxy_get_header_map_pairs(map, &pairs, &n);
	u32 count = word(pairs);
	if (told == n)
		text("size", S("serialised"));
	else
		text("size", told == n - 4 - 10 * count ? "keys-and-values" : "other", told == n - 4 - 10 * count ? 15 : 5);
}

static void unknown_map(void)
{
	const u32 map = 8;
	number("get", GET("x-one"));
	number("add", proxy_add_header_map_value(map, S("x"), S("y")));
	number("replace", proxy_replace_header_map_value(map, S("x"), S("y")));
	number("remove", proxy_remove_header_map_value(map, S("x")));
	number("pairs", proxy_get_header_map_pairs(map, &value, &size));
	number("set-pairs", proxy_set_header_map_pairs(map, S("\0\0\0\0")));
	number("size", proxy_get_header_map_size(map, &size));
}

static void wrong_pointers(u32 map)
{
	number("key", proxy_get_header_map_value(map, NOWHERE, 32, &value, &size));
	number("value", proxy_get_header_map_value(map, S("x-one"), NOWHERE, &size));
	number("size", proxy_get_header_map_value(map, S("x-one"), &value, NOWHERE));
	number("add", proxy_add_header_map_value(map, S("x"), NOWHERE, 32));
	number("replace", proxy_replace_header_map_value(map, NOWHERE, 32, S("y")));
	number("remove", proxy_remove_header_map_value(map, NOWHERE, 32));
	number("pairs", proxy_get_header_map_pairs(map, NOWHERE, &size));
	number("set-pairs", proxy_set_header_map_pairs(map, NOWHERE, 32));
	number("map-size", proxy_get_header_map_size(map, NOWHERE));
}

/* Writes a serialised map of one pair behind what is there. */
static size_t with_pair(char *to, const char *pairs, size_t n, const char *key, size_t k, const char *v, size_t vn)
{
	u32 count = n < 4 ? 0 : word(pairs), lengths[2] = { k, vn };
	size_t heads = 4 + 8 * count, rest = n - heads, at;
	*(u32 *)to = count + 1;
	memcpy(to + 4, pairs + 4, 8 * count), memcpy(to + heads, lengths, 8);
	at = heads + 8, memcpy(to + at, pairs + heads, rest), at += rest;
	memcpy(to + at, key, k), at += k, to[at++] = 0;
	memcpy(to + at, v, vn), at += vn, to[at++] = 0;
	return at;
}

/* What is alike for a request's and an answer's head; true when it was one of these. */
static int common(u32 map, u32 count)
{
	value = 0, size = 0;
	if (is("missing")) {
		number("status", GET("x-nope")), number("size", size);
	} else if (is("present")) {
		number("status", GET("x-one")), text("value", value, size);
	} else if (is("case")) {
		number("status", GET("X-oNe")), text("value", value, size);
	} else if (is("first")) {
		number("status", GET("x-two")), text("value", value, size);
	} else if (is("empty")) {
		number("status", GET("x-empty")), number("size", size);
	} else if (is("add")) {
		number("status", proxy_add_header_map_value(map, S("x-one"), S("2"))), all_of(map, "x-one");
	} else if (is("add-new")) {
		number("status", proxy_add_header_map_value(map, S("x-new"), S("n"))), all_of(map, "x-new");
	} else if (is("add-empty")) {
		number("status", proxy_add_header_map_value(map, S("x-new"), 0, 0)), all_of(map, "x-new");
	} else if (is("add-case")) {
		number("status", proxy_add_header_map_value(map, S("X-New"), S("n"))), all_of(map, "x-new");
	} else if (is("replace")) {
		number("status", proxy_replace_header_map_value(map, S("x-one"), S("new"))), all_of(map, "x-one");
	} else if (is("replace-several")) {
		number("status", proxy_replace_header_map_value(map, S("x-two"), S("new"))), all_of(map, "x-two");
	} else if (is("replace-missing")) {
		number("status", proxy_replace_header_map_value(map, S("x-new"), S("n"))), all_of(map, "x-new");
	} else if (is("remove")) {
		number("status", proxy_remove_header_map_value(map, S("x-one"))), all_of(map, "x-one");
	} else if (is("remove-several")) {
		number("status", proxy_remove_header_map_value(map, S("x-two"))), all_of(map, "x-two");
	} else if (is("remove-missing")) {
		number("status", proxy_remove_header_map_value(map, S("x-nope")));
	} else if (is("get-removed")) {
		proxy_remove_header_map_value(map, S("x-one")), number("status", GET("x-one")), number("size", size);
	} else if (is("pairs"))
		form_of(map, count);
	else if (is("size"))
		size_of(map);
	else if (is("set-pairs")) {
		static char changed[4096];
		proxy_get_header_map_pairs(map, &value, &size);
		number("status", proxy_set_header_map_pairs(map, changed, with_pair(changed, value, size, S("x-set"), S("s"))));
		all_of(map, "x-set"), all_of(map, "x-one");
	} else if (is("wrong-pointers"))
		wrong_pointers(map);
	else
		return 0;
	return 1;
}

static u32 request_headers(u32 context, u32 count, u32 end)
{
	const u32 map = REQUEST_HEADERS;
	read_check();
	if (begins("response-") || is("upstream-as-it-was"))
		return CONTINUE;
	if (common(map, count)) {
	} else if (is("pseudo")) {
		GET(":method"), text("method", value, size), GET(":authority"), text("authority", value, size), GET(":path"),
			text("path", value, size);
		number("scheme", GET(":scheme"));
	} else if (is("host")) {
		number("status", GET("host"));
	} else if (is("long")) {
		number("status", GET("x-long")), number("size", size), number("last", size ? value[size - 1] : 0);
	} else if (is("end-of-stream"))
		number("end", end);
	else if (is("unknown-map"))
		unknown_map();
	else if (is("no-answer-yet")) {
		number("get", proxy_get_header_map_value(RESPONSE_HEADERS, S(":status"), &value, &size));
		number("add", proxy_add_header_map_value(RESPONSE_HEADERS, S("x"), S("y")));
		number("pairs", proxy_get_header_map_pairs(RESPONSE_HEADERS, &value, &size)), number("size", size);
	} else if (is("bad-pairs")) {
		number("status", proxy_set_header_map_pairs(map, S("\x02\0\0\0\x01"))), all_of(map, "x-one");
	} else if (is("upstream")) {
		proxy_add_header_map_value(map, S("x-added"), S("a")), proxy_replace_header_map_value(map, S("x-one"), S("new"));
		proxy_remove_header_map_value(map, S("x-two"));
		return CONTINUE;
	} else if (is("upstream-crlf")) {
		proxy_add_header_map_value(map, S("x-crlf"), S("a\r\nx-injected: b"));
		return CONTINUE;
	} else if (is("upstream-path")) {
		proxy_replace_header_map_value(map, S(":path"), S("/another?q=1"));
		return CONTINUE;
	} else if (is("upstream-method")) {
		proxy_replace_header_map_value(map, S(":method"), S("DELETE"));
		return CONTINUE;
	} else if (is("upstream-authority")) {
		proxy_replace_header_map_value(map, S(":authority"), S("other.example"));
		return CONTINUE;
	} else
		text("unknown-check", check, check_size);
	answer();
	return PAUSE;
}

static u32 response_headers(u32 context, u32 count, u32 end)
{
	const u32 map = RESPONSE_HEADERS;
	if (!begins("response-"))
		return CONTINUE;
	memcpy(check, check + 9, check_size -= 9);
	if (common(map, count)) {
	} else if (is("status")) {
		number("status", GET(":status")), text("value", value, size);
	} else if (is("set-status")) {
		number("status", proxy_replace_header_map_value(map, S(":status"), S("202")));
	} else if (is("end-of-stream"))
		number("end", end);
	else if (is("crlf")) {
		proxy_add_header_map_value(map, S("x-crlf"), S("a\r\nx-injected: b"));
		number("done", 1);
	} else
		text("unknown-check", check, check_size);
	note();
	return CONTINUE;
}

ON_HEADERS(proxy_on_request_headers, request_headers)
ON_HEADERS(proxy_on_response_headers, response_headers)
