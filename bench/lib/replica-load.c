/* replica-load: the load of replica-selection.sh on one node: HTTP/1.1 at scheduled times, whatever comes back.
 *
 *   replica-load ADDRESS PORT RATE SECONDS WARM_UP SEED BEGIN_NS MEAN_US [DRAIN_SECONDS]
 *
 * From BEGIN_NS (CLOCK_MONOTONIC, 0 for now) on requests fall due by a Poisson process for SECONDS. Each tells its work in `x-work`:
 * exponential with MEAN_US, from the seed, so every policy meets the same requests at the same times. Latency runs from when a request was
 * due to the last byte of its answer, so what delays the sender is charged as well (no coordinated omission). A request that finds no idle
 * connection opens one. Nothing is tried again here. Those due in the first WARM_UP seconds are sent and not counted. Prints one JSON line;
 * the histogram's cells are at most 0.1 % wide, so that those of several clients add up. `lateUs` is how late requests were handed to the
 * kernel: it says when the sender itself was what was measured. One thread, no spinning.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, CONNECTIONS = 8192, CELLS = 2048 + 1024 * 32, REPLICAS = 256, STATUSES = 600, TOLD = 32 };

struct connection {
	int fd, open, connecting, used, head_len, status, replica, closes;
	int64_t due_ns, work_us, body_left; /* due_ns is -1 when idle; body_left is -1 while the head is read */
	char head[HEAD_MAX + 1];
};

static struct connection connections[CONNECTIONS];
static int idle[CONNECTIONS], idle_count, never_used, free_list[CONNECTIONS], free_count, in_flight, poll_fd;
static uint32_t latency_cells[CELLS], late_cells[CELLS], over_cells[CELLS], to_replica[REPLICAS], by_status[STATUSES];
static uint64_t sent, counted, ok, in_time, refused, reset, unanswered, told;
static double latency_sum, late_sum;
static int64_t latency_most, late_most, begin_ns, count_from_ns, end_ns, told_ms[TOLD];
static const char *told_why[TOLD];
static struct sockaddr_in to;
static const char *host;

static void die(const char *what)
{
	fprintf(stderr, "replica-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* xorshift64*, one for the times and one for the work. */
static double uniform(uint64_t *x)
{
	*x ^= *x >> 12, *x ^= *x << 25, *x ^= *x >> 27;
	return ((*x * 2685821657736338717ULL >> 11) + 1) / 9007199254740993.0;
}

static uint64_t seeded(uint64_t seed, uint64_t stream)
{
	uint64_t x = 88172645463325252ULL ^ ((seed * 2 + stream + 1) * 0x9e3779b97f4a7c15ULL);
	for (int i = 0; i < 8; i++)
		uniform(&x);
	return x;
}

/* Cell of a time in µs: 1 µs wide below 2048, beyond 1024 cells for each doubling. */
static int cell_of(int64_t us)
{
	if (us < 2048)
		return us < 0 ? 0 : (int)us;
	int shift = 63 - __builtin_clzll(us) - 10;
	int cell = (shift << 10) + (int)(us >> shift);
	return cell < CELLS ? cell : CELLS - 1;
}

/* The middle of a cell. */
static double us_of(int cell)
{
	if (cell < 2048)
		return cell;
	int shift = (cell >> 10) - 1;
	return ((double)(cell - (shift << 10)) + 0.5) * (double)(1LL << shift);
}

static double percentile(const uint32_t *cells, double p)
{
	uint64_t all = 0, so_far = 0;
	for (int i = 0; i < CELLS; i++)
		all += cells[i];
	for (int i = 0; i < CELLS; i++)
		if ((so_far += cells[i]) >= ceil(p * all) && so_far > 0)
			return us_of(i);
	return 0;
}

static void hang_up(struct connection *c)
{
	close(c->fd);
	c->open = 0;
	free_list[free_count++] = (int)(c - connections);
}

static void failed(struct connection *c, uint64_t *kind, const char *why)
{
	if (c->due_ns >= count_from_ns) {
		(*kind)++, counted++;
		if (told < TOLD)
			told_ms[told] = (now_ns() - begin_ns) / 1000000, told_why[told++] = why;
	}
	in_flight--;
	hang_up(c);
}

static void write_request(struct connection *c)
{
	char text[512];
	int length = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nhost: %s\r\nx-work: %lld\r\n\r\n", host, (long long)c->work_us);
	int64_t late = (now_ns() - c->due_ns) / 1000;
	c->head_len = 0, c->body_left = -1, c->replica = -1, c->closes = 0;
	if (c->due_ns >= count_from_ns) {
		late_cells[cell_of(late)]++, late_sum += late;
		if (late > late_most)
			late_most = late;
	}
	if (write(c->fd, text, length) != length)
		failed(c, &reset, "reset");
}

static void send_request(int64_t due_ns, int64_t work_us)
{
	struct connection *c;
	struct epoll_event want = { .events = EPOLLIN };
	int one = 1;
	sent++, in_flight++;
	if (idle_count > 0) {
		c = &connections[idle[--idle_count]];
		c->due_ns = due_ns, c->work_us = work_us, c->used = 1;
		write_request(c);
		return;
	}
	if (free_count == 0 && never_used == CONNECTIONS)
		errno = EMFILE, die("more requests in flight than connections");
	c = &connections[free_count > 0 ? free_list[--free_count] : never_used++];
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->open = c->connecting = 1, c->due_ns = due_ns, c->work_us = work_us, c->used = 0;
	want.data.u32 = (uint32_t)(c - connections), want.events = EPOLLOUT;
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		failed(c, &refused, "refused");
}

static void answered(struct connection *c)
{
	int64_t now = now_ns(), us = (now - c->due_ns) / 1000;
	in_flight--;
	if (c->status == 200 && now >= count_from_ns && now < end_ns)
		in_time++;
	if (c->due_ns >= count_from_ns) {
		counted++;
		if (c->status == 200) {
			ok++, latency_cells[cell_of(us)]++, over_cells[cell_of(us - c->work_us)]++, latency_sum += us;
			if (us > latency_most)
				latency_most = us;
		} else {
			by_status[c->status]++;
			if (told < TOLD)
				told_ms[told] = (now - begin_ns) / 1000000, told_why[told++] = "status";
		}
		if (c->replica >= 0 && c->replica < REPLICAS)
			to_replica[c->replica]++;
	}
	c->due_ns = -1;
	if (c->closes)
		hang_up(c);
	else
		idle[idle_count++] = (int)(c - connections);
}

/* A head is whole: its status, length, and who answered; false when it is none. */
static int read_head(struct connection *c, const char *end)
{
	char *length = strcasestr(c->head, "\r\ncontent-length:"), *replica = strcasestr(c->head, "\r\nx-replica:");
	if (sscanf(c->head, "HTTP/1.1 %3d", &c->status) != 1 || c->status < 100 || c->status >= STATUSES || !length || length > end)
		return 0;
	c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
	c->replica = replica && replica < end ? atoi(replica + 12) : -1;
	c->body_left = atoll(length + 17) - (c->head_len - (end + 4 - c->head));
	return 1;
}

static void receive(struct connection *c)
{
	static char buffer[65536];
	for (;;) {
		ssize_t got =
			c->body_left < 0 ? read(c->fd, c->head + c->head_len, HEAD_MAX - c->head_len) : read(c->fd, buffer, sizeof buffer);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 && c->due_ns < 0) {
			/* It was idle: the other end may. */
			for (int i = 0; i < idle_count; i++)
				if (idle[i] == c - connections)
					idle[i] = idle[--idle_count];
			hang_up(c);
			return;
		}
		if (got <= 0) {
			failed(c, &reset, "reset");
			return;
		}
		if (c->body_left < 0) {
			c->head_len += got, c->head[c->head_len] = 0;
			char *end = strstr(c->head, "\r\n\r\n");
			if (!end && c->head_len < HEAD_MAX)
				continue;
			if (!end || !read_head(c, end)) {
				failed(c, &reset, "no HTTP");
				return;
			}
		} else {
			c->body_left -= got;
		}
		if (c->body_left == 0) {
			answered(c);
			return;
		}
	}
}

static void happened(const struct epoll_event *event)
{
	struct connection *c = &connections[event->data.u32];
	if (!c->open)
		return;
	if (!c->connecting) {
		receive(c);
		return;
	}
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		failed(c, &refused, "refused");
		return;
	}
	struct epoll_event want = { .events = EPOLLIN, .data.u32 = event->data.u32 };
	c->connecting = 0;
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
	write_request(c);
}

static void print_failures(void)
{
	printf(",\"failed\":{\"refused\":%llu,\"reset\":%llu,\"unanswered\":%llu", (unsigned long long)refused, (unsigned long long)reset,
	       (unsigned long long)unanswered);
	for (int i = 0; i < STATUSES; i++)
		if (by_status[i])
			printf(",\"%d\":%u", i, by_status[i]);
	printf("},\"told\":[");
	for (uint64_t i = 0; i < told; i++)
		printf("%s[%lld,\"%s\"]", i ? "," : "", (long long)told_ms[i], told_why[i]);
	printf("]");
}

int main(int argc, char **argv)
{
	if (argc < 9 || argc > 10) {
		fprintf(stderr, "usage: replica-load ADDRESS PORT RATE SECONDS WARM_UP SEED BEGIN_NS MEAN_US [DRAIN_SECONDS]\n");
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
	double rate = atof(argv[3]), seconds = atof(argv[4]), warm_up = atof(argv[5]), mean_us = atof(argv[8]);
	int64_t drain_ns = (int64_t)((argc == 10 ? atof(argv[9]) : 5) * 1e9);
	uint64_t times = seeded(strtoull(argv[6], NULL, 10), 0), works = seeded(strtoull(argv[6], NULL, 10), 1);
	host = argv[1];
	to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		errno = EINVAL, die(argv[1]);
	if (!(rate > 0 && seconds > warm_up && warm_up >= 0 && mean_us > 0))
		errno = EINVAL, die("RATE, SECONDS, WARM_UP, MEAN_US");
	poll_fd = epoll_create1(0);
	begin_ns = strtoll(argv[7], NULL, 10);
	if (begin_ns == 0)
		begin_ns = now_ns();
	count_from_ns = begin_ns + (int64_t)(warm_up * 1e9), end_ns = begin_ns + (int64_t)(seconds * 1e9);

	double next = begin_ns + -log(uniform(&times)) / rate * 1e9;
	for (;;) {
		int64_t now = now_ns();
		while (next <= now && next < end_ns) {
			send_request((int64_t)next, (int64_t)(-log(uniform(&works)) * mean_us));
			next += -log(uniform(&times)) / rate * 1e9;
		}
		if (now >= end_ns && next >= end_ns && (in_flight == 0 || now >= end_ns + drain_ns))
			break;
		int64_t until = (next < end_ns ? (int64_t)next : now < end_ns ? end_ns : end_ns + drain_ns) - now_ns();
		struct timespec wait = { .tv_sec = until > 0 ? until / 1000000000 : 0, .tv_nsec = until > 0 ? until % 1000000000 : 0 };
		struct epoll_event events[256];
		int ready = epoll_pwait2(poll_fd, events, 256, &wait, NULL);
		for (int i = 0; i < ready; i++)
			happened(&events[i]);
	}
	for (int i = 0; i < never_used; i++)
		if (connections[i].open && connections[i].due_ns >= count_from_ns)
			unanswered++, counted++;

	double window = seconds - warm_up;
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"sent\":%llu,\"counted\":%llu,\"ok\":%llu,\"rate\":%.2f,\"throughput\":%.3f,\"connections\":%d,\"cpuSeconds\":%.4f",
	       (unsigned long long)sent, (unsigned long long)counted, (unsigned long long)ok, rate, in_time / window, never_used,
	       used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	print_failures();
	printf(",\"meanUs\":%.1f,\"p50Us\":%.1f,\"p90Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"maxUs\":%lld", ok ? latency_sum / ok : 0,
	       percentile(latency_cells, .5), percentile(latency_cells, .9), percentile(latency_cells, .99),
	       percentile(latency_cells, .999), (long long)latency_most);
	/* What the least delayed fiftieth took beyond its work: the way there and back. */
	printf(",\"sumUs\":%.0f,\"overUs\":%.1f,\"lateUs\":{\"mean\":%.1f,\"p99\":%.1f,\"max\":%lld}", latency_sum,
	       percentile(over_cells, .02), counted ? late_sum / counted : 0, percentile(late_cells, .99), (long long)late_most);
	printf(",\"replicas\":{");
	for (int i = 0, first = 1; i < REPLICAS; i++)
		if (to_replica[i])
			printf("%s\"%d\":%u", first ? "" : ",", i, to_replica[i]), first = 0;
	printf("},\"cells\":[");
	for (int i = 0, first = 1; i < CELLS; i++)
		if (latency_cells[i])
			printf("%s[%.0f,%u]", first ? "" : ",", us_of(i), latency_cells[i]), first = 0;
	printf("]}\n");
	return 0;
}
