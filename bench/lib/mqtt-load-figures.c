/* Figures of mqtt-load: a histogram of times, CPU time of broker and generator over the measured window, the broker's memory. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mqtt-load.h"

enum { GRAIN_NS = 50, PAGE_KIB = 4 };
static const double saturated_from = 0.95;

static int64_t window_from, window_to, own_cpu, broker_cpu, idle_ns;
static bool in_window;

/* Buckets of one grain up to 64 grains, then 64 to each doubling: within 1.6 %. */
static int bucket_of(int64_t ns)
{
	uint64_t grains = ns < 0 ? 0 : ns / GRAIN_NS;
	if (grains < 64)
		return grains;
	int doubling = 63 - __builtin_clzll(grains), bucket = (doubling - 5) * 64 + ((grains >> (doubling - 6)) & 63);
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double middle_us(int bucket)
{
	if (bucket < 64)
		return (bucket + .5) * GRAIN_NS / 1e3;
	int doubling = bucket / 64 + 5;
	return ((1ull << doubling) + ((bucket % 64) + .5) * (1ull << (doubling - 6))) * GRAIN_NS / 1e3;
}

void record(struct histogram *histogram, int64_t ns)
{
	histogram->buckets[bucket_of(ns)]++;
	histogram->count++;
	histogram->sum_ns += ns;
	if (ns > histogram->most_ns)
		histogram->most_ns = ns;
}

double quantile_us(const struct histogram *histogram, double share)
{
	int64_t rank = histogram->count * share, seen = 0;
	for (int i = 0; i < BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > rank)
			return middle_us(i);
	}
	return histogram->most_ns / 1e3;
}

void print_times(const char *name, const struct histogram *histogram)
{
	printf("\"%s\":{\"count\":%lld", name, (long long)histogram->count);
	if (histogram->count > 0)
		printf(",\"meanUs\":%.1f,\"p50Us\":%.1f,\"p90Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"maxUs\":%.1f",
		       histogram->sum_ns / histogram->count / 1e3, quantile_us(histogram, .5), quantile_us(histogram, .9),
		       quantile_us(histogram, .99), quantile_us(histogram, .999), histogram->most_ns / 1e3);
	/* Every time, sorted, to within a bucket: [µs, how many]. */
	printf(",\"sorted\":[");
	const char *comma = "";
	for (int i = 0; i < BUCKETS; i++) {
		if (histogram->buckets[i] == 0)
			continue;
		printf("%s[%.4g,%lld]", comma, middle_us(i), (long long)histogram->buckets[i]);
		comma = ",";
	}
	printf("]},");
}

static bool read_file(const char *path, char *text, size_t room)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	size_t length = fread(text, 1, room - 1, file);
	fclose(file);
	text[length] = 0;
	return true;
}

/* Calls `add` for each thread's folder of a process and of its descendants. */
static void each_thread(int pid, void (*add)(const char *folder, bool first, void *sum), void *sum)
{
	char path[320], text[4096];
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return;
	bool first = true;
	for (struct dirent *task; (task = readdir(tasks));) {
		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s", pid, task->d_name);
		add(path, first, sum);
		first = false;
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, task->d_name);
		if (!read_file(path, text, sizeof text))
			continue;
		for (char *rest, *child = strtok_r(text, " ", &rest); child; child = strtok_r(NULL, " ", &rest))
			each_thread(atoi(child), add, sum);
	}
	closedir(tasks);
}

static void add_cpu(const char *folder, bool first, void *sum)
{
	char path[384], text[128];
	(void)first;
	snprintf(path, sizeof path, "%s/schedstat", folder);
	if (read_file(path, text, sizeof text))
		*(int64_t *)sum += atoll(text);
}

static void add_memory(const char *folder, bool first, void *sum)
{
	char path[384], text[128];
	long long pages;
	snprintf(path, sizeof path, "%s/statm", folder);
	if (first && read_file(path, text, sizeof text) && sscanf(text, "%*s %lld", &pages) == 1)
		*(double *)sum += pages * PAGE_KIB;
}

double resident_kib(void)
{
	double sum = 0;
	if (options.broker_pid > 0)
		each_thread(options.broker_pid, add_memory, &sum);
	return sum;
}

static int64_t cpu_of(int pid)
{
	int64_t sum = 0;
	if (pid > 0)
		each_thread(pid, add_cpu, &sum);
	return sum;
}

void begin_window(void)
{
	broker_cpu = -cpu_of(options.broker_pid);
	own_cpu = -cpu_of(getpid());
	idle_ns = 0, in_window = true;
	window_from = now_ns();
}

void end_window(void)
{
	window_to = now_ns();
	own_cpu += cpu_of(getpid());
	broker_cpu += cpu_of(options.broker_pid);
	in_window = false;
}

void note_idle(int64_t ns)
{
	if (in_window)
		idle_ns += ns;
}

double window_seconds(void)
{
	return (window_to - window_from) / 1e9;
}

double broker_cpu_seconds(void)
{
	return broker_cpu / 1e9;
}

void print_window(double operations)
{
	/* One that polls is busy in all turns but those in which nothing came. */
	double seconds = window_seconds(), busy = idle_ns > 0 ? seconds - idle_ns / 1e9 : own_cpu / 1e9;
	printf("\"seconds\":%.4f,\"operations\":%.0f,\"perSecond\":%.1f,", seconds, operations, operations / seconds);
	if (options.broker_pid > 0)
		printf("\"brokerCpuSeconds\":%.4f,\"brokerUsPerOperation\":%.4f,", broker_cpu / 1e9,
		       operations > 0 ? broker_cpu / 1e3 / operations : 0);
	printf("\"generatorCpuSeconds\":%.4f,\"generatorBusy\":%.3f,\"saturated\":%s,", own_cpu / 1e9, busy / seconds,
	       busy / seconds > saturated_from ? "true" : "false");
}
