/* replica-hog: the antagonist of replica-selection.sh on one node: burns CPU in whatever cgroup it was started in, on and off.
 *
 *   replica-hog SEED NODE BEGIN_NS SECONDS ON_MS OFF_MS
 *
 * From BEGIN_NS (CLOCK_MONOTONIC, 0 for now) on, for SECONDS (600 at most), it burns and sleeps in turn for exponential times with means
 * ON_MS and OFF_MS, drawn from SEED and NODE: with the same seed every policy meets the same antagonist. Then it prints one JSON line: the
 * CPU seconds it got, and when it burned, in ms from BEGIN_NS. SIGTERM ends it at once; it dies with whoever started it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { SPANS = 8192, SECONDS_MOST = 600 };
static int64_t spans[SPANS][2];
static uint64_t state;

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* xorshift64*. */
static double uniform(void)
{
	state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
	return ((state * 2685821657736338717ULL >> 11) + 1) / 9007199254740993.0;
}

static void sleep_until(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void burn_until(int64_t ns)
{
	while (clock_ns(CLOCK_MONOTONIC) < ns)
		for (volatile int i = 0; i < 5000; i++)
			;
}

int main(int argc, char **argv)
{
	if (argc != 7 || !(atof(argv[4]) > 0) || atof(argv[4]) > SECONDS_MOST || !(atof(argv[5]) > 0) || !(atof(argv[6]) > 0)) {
		fprintf(stderr, "usage: replica-hog SEED NODE BEGIN_NS SECONDS ON_MS OFF_MS (at most %d seconds)\n", SECONDS_MOST);
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	double on_ns = atof(argv[5]) * 1e6, off_ns = atof(argv[6]) * 1e6;
	int64_t begin = atoll(argv[3]) > 0 ? atoll(argv[3]) : clock_ns(CLOCK_MONOTONIC), at = begin;
	int64_t end = begin + (int64_t)(atof(argv[4]) * 1e9);
	int count = 0;
	state = 88172645463325252ULL ^ ((uint64_t)(atoll(argv[1]) * 4096 + atoll(argv[2]) + 1) * 0x9e3779b97f4a7c15ULL);
	for (int i = 0; i < 8; i++)
		uniform();
	/* It burns at first as often as it does later. */
	int burns = uniform() < on_ns / (on_ns + off_ns);
	sleep_until(begin);
	while (at < end) {
		int64_t until = at + (int64_t)(-log(uniform()) * (burns ? on_ns : off_ns));
		if (until > end)
			until = end;
		if (burns && count < SPANS)
			spans[count][0] = (at - begin) / 1000000, spans[count++][1] = (until - begin) / 1000000;
		(burns ? burn_until : sleep_until)(until);
		at = until, burns = !burns;
	}
	printf("{\"cpuSeconds\":%.3f,\"onMs\":[", clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
	for (int i = 0; i < count; i++)
		printf("%s[%lld,%lld]", i ? "," : "", (long long)spans[i][0], (long long)spans[i][1]);
	printf("]}\n");
	return 0;
}
