/* response-witness: says for how long its CPU was withheld, by the hypervisor, or by kernel work that lets nobody in.
 *
 *   taskset -c CPU chrt --fifo 30 response-witness
 *
 * First in line for its CPU, it sleeps a millisecond at a time until SIGTERM, and then prints the sum, in µs, of what it woke later than half a
 * millisecond, and the longest: two numbers. No program can delay it, so what does delays every program that is measured. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { SLEEP_NS = 1000000, TOLERATED_NS = 500000 };

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void)
{
	struct sigaction action = { .sa_handler = end };
	int64_t sum = 0, longest = 0;
	sigaction(SIGTERM, &action, NULL);
	while (!over) {
		struct timespec nap = { .tv_nsec = SLEEP_NS };
		int64_t due = now() + SLEEP_NS, late;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		late = now() - due;
		if (late > TOLERATED_NS)
			sum += late;
		if (late > longest)
			longest = late;
	}
	printf("%lld %lld\n", (long long)sum / 1000, (long long)longest / 1000);
	return 0;
}
