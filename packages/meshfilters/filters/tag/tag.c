/*
 * tag: puts fields into requests and responses, and takes some away.
 *
 * Configuration, a line each: "> x-tag: blue" for requests, "< x-served-by: mesh" for responses, "> -x-internal" takes away.
 */
#include <proxy_wasm.h>

PROXY_WASM_ABI_0_2_1

enum { MOST = 32 };

struct edit {
	bool response;
	const char *name;
	const char *value; /* NULL takes away. */
};

static struct edit edits[MOST];
static size_t count;

/* Cuts one line into an edit; false for a line that is none. */
static bool read_line(char *line)
{
	if (*line == 0)
		return true;
	if (count == MOST || (*line != '<' && *line != '>'))
		return false;
	struct edit *edit = &edits[count++];
	edit->response = *line++ == '<';
	while (*line == ' ')
		line++;
	if (*line == '-') {
		edit->name = line + 1;
		edit->value = NULL;
		return edit->name[0] != 0;
	}
	char *colon = strchr(line, ':');
	if (colon == NULL || colon == line)
		return false;
	*colon = 0;
	edit->name = line;
	edit->value = colon + 1 + strspn(colon + 1, " ");
	return true;
}

PW_ON(configure)(uint32_t root, uint32_t size)
{
	struct pw_bytes given = pw_buffer(PW_PLUGIN_CONFIGURATION, size);
	char *text = malloc(given.size + 1);
	if (text == NULL)
		return false;
	if (given.size > 0)
		memcpy(text, given.bytes, given.size);
	text[given.size] = 0;
	free(given.bytes);
	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');
		if (end != NULL)
			*end = 0;
		if (!read_line(line)) {
			pw_log(PW_ERROR, "a line is neither '> name: value' nor '> -name', with > or <");
			return false;
		}
		line = end == NULL ? NULL : end + 1;
	}
	return true;
}

static void apply(bool response)
{
	uint32_t map = response ? PW_RESPONSE_HEADERS : PW_REQUEST_HEADERS;
	for (size_t at = 0; at < count; at++) {
		const struct edit *edit = &edits[at];
		if (edit->response != response)
			continue;
		if (edit->value == NULL)
			pw_remove_header(map, edit->name);
		else
			pw_set_header(map, edit->name, edit->value, strlen(edit->value));
	}
}

PW_ON(request_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	apply(false);
	return PW_CONTINUE;
}

PW_ON(response_headers)(uint32_t context, uint32_t headers, uint32_t end)
{
	apply(true);
	return PW_CONTINUE;
}
