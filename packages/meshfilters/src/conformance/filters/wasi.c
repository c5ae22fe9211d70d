/* The functions of WASI preview 1 that toolchains link in. */
#include "kit.h"

WASI(fd_write)(u32 fd, const void *vectors, u32 count, u32 *written);
WASI(clock_time_get)(u32 clock, u64 precision, u64 *time);
WASI(random_get)(void *bytes, size_t size);
WASI(environ_sizes_get)(u32 *count, u32 *size);
WASI(args_sizes_get)(u32 *count, u32 *size);

static u32 request_headers(u32 context, u32 count, u32 end)
{
	static const char line[] = "from the kit\n";
	static char random[16];
	const struct {
		const char *at;
		u32 size;
	} vector = { line, sizeof line - 1 };
	u32 a = 99, b = 99;
	u64 time = 0;
	read_check();
	if (is("fd-write")) {
		number("out", wasi_fd_write(1, &vector, 1, &a)), number("written", a), number("error", wasi_fd_write(2, &vector, 1, &a));
	} else if (is("fd-unknown"))
		number("errno", wasi_fd_write(5, &vector, 1, &a));
	else if (is("fd-pointer"))
		number("errno", wasi_fd_write(1, NOWHERE, 4, &a));
	else if (is("clock")) {
		number("real", wasi_clock_time_get(0, 0, &time)), number("after-2024", time > 1704067200000000000ull),
			number("monotonic", wasi_clock_time_get(1, 0, &time));
	} else if (is("clock-unknown"))
		number("errno", wasi_clock_time_get(7, 0, &time));
	else if (is("clock-pointer"))
		number("errno", wasi_clock_time_get(0, 0, NOWHERE));
	else if (is("random")) {
		u32 sum = 0;
		number("errno", wasi_random_get(random, 16));
		for (int i = 0; i < 16; i++)
			sum |= random[i];
		number("some", sum != 0);
	} else if (is("random-pointer"))
		number("errno", wasi_random_get(NOWHERE, 32));
	else if (is("environment")) {
		number("errno", wasi_environ_sizes_get(&a, &b)), number("count", a);
	} else if (is("arguments")) {
		number("errno", wasi_args_sizes_get(&a, &b)), number("count", a), number("size", b);
	} else
		text("unknown-check", check, check_size);
	answer();
	return PAUSE;
}

ON_HEADERS(proxy_on_request_headers, request_headers)
