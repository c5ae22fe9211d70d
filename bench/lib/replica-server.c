/* replica-server: a replica of replica-selection.sh: HTTP/1.1, one queue, first come first served, workers that take the time they are
 * told.
 *
 *   replica-server ADDRESS PORT NUMBER WORKERS [MEAN_US [CORES]]
 *
 * A request's work is what its `x-work` header says, microseconds at full speed; without one it is drawn, exponential with MEAN_US (10000).
 * A worker waits instead of computing, so eight replicas take next to nothing of two cores; it is timed absolutely: when the timer comes
 * late, the next request has still begun when the last one was due to end, so lateness does not add up. Answers carry `x-replica: NUMBER`.
 *
 * With CORES, such as 0.1, it computes: each worker is a thread that spins until it has used CORES of the work by its own CPU clock. So
 * what the kernel gives it is its speed, and full speed is CORES of a core.
 *
 *   GET /begin?at=NS&seed=N&fast-ms=N&slow-ms=N&slow=X   from then on (CLOCK_MONOTONIC) full speed and `slow` alternate, for exponential
 * times, as an antagonist comes and goes; a request that is being worked on slows down with it GET /stats what was served, the longest
 * queue, lateness, arrivals in each tenth of a second
 *
 * SIGTERM: no new connections; what came is answered, then it ends. Ends with whoever started it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, CONNECTIONS = 16384, QUEUE = 65536, WORKERS = 64, BINS = 1200 };
static const int64_t bin_ns = 100000000, never = INT64_MAX;

struct connection {
	uint32_t generation;
	int open, busy, length;
	char head[HEAD_MAX + 1];
};
struct job {
	int fd;
	uint32_t generation;
	double work_ns;
};
struct worker {
	struct job job;
	int busy;
	int64_t due_ns;
	double left_ns;
	int64_t since_ns;
	sem_t go; /* of a worker that computes */
};

static struct connection *connections;
static struct job queue[QUEUE];
static struct worker workers[WORKERS];
static uint64_t queue_head, queue_tail, served, arrived, most_in_flight;
static int worker_count, number, poll_fd, listen_fd, timer_fd, signal_fd, done_fds[2] = { -1, -1 }, ending, in_flight;
static double speed = 1, slow_speed = 1, fast_ns, slow_ns, mean_us = 10000, busy_ns, cores;
static int64_t change_ns = INT64_MAX, started_ns, late_most_ns, late_sum_ns, late_count, timer_at, first_bin;
static uint32_t bins[BINS];
static uint64_t random_state = 88172645463325252ULL;

static void die(const char *what)
{
	fprintf(stderr, "replica-server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* xorshift64*. */
static double uniform(void)
{
	random_state ^= random_state >> 12, random_state ^= random_state << 25, random_state ^= random_state >> 27;
	return ((random_state * 2685821657736338717ULL >> 11) + 1) / 9007199254740993.0;
}

static double exponential(double mean)
{
	return -log(uniform()) * mean;
}

static int64_t thread_cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A worker that computes: a request's CPU time, then its index to the thread that answers. */
static void *compute(void *of)
{
	struct worker *w = of;
	unsigned char index = (unsigned char)(w - workers);
	for (;;) {
		while (sem_wait(&w->go))
			;
		int64_t until = thread_cpu_ns() + (int64_t)(w->job.work_ns * cores);
		while (thread_cpu_ns() < until)
			for (volatile int i = 0; i < 2000; i++)
				;
		if (write(done_fds[1], &index, 1) != 1)
			die("done");
	}
	return NULL;
}

static void start_threads(void)
{
	pthread_t thread;
	if (pipe2(done_fds, O_CLOEXEC) || fcntl(done_fds[0], F_SETFL, O_NONBLOCK))
		die("pipe");
	for (int i = 0; i < worker_count; i++)
		if (sem_init(&workers[i].go, 0, 0) || (errno = pthread_create(&thread, NULL, compute, &workers[i])))
			die("thread");
}

static void plan(struct worker *w, int64_t at)
{
	w->since_ns = at;
	if (cores > 0) { /* when it is over the thread says */
		w->due_ns = never;
		return;
	}
	w->due_ns = at + (int64_t)(w->left_ns > 0 ? w->left_ns / speed : 0);
}

static void set_speed(double to, int64_t at)
{
	for (int i = 0; i < worker_count; i++) {
		struct worker *w = &workers[i];
		if (w->busy)
			w->left_ns -= (at - w->since_ns) * speed;
	}
	speed = to;
	for (int i = 0; i < worker_count; i++)
		if (workers[i].busy)
			plan(&workers[i], at);
	change_ns = at + (int64_t)exponential(to == 1 ? fast_ns : slow_ns);
}

static void begin(struct worker *w, struct job job, int64_t at)
{
	w->job = job, w->busy = 1, w->left_ns = job.work_ns;
	plan(w, at);
	if (cores > 0)
		sem_post(&w->go);
}

static void hang_up(int fd)
{
	connections[fd].open = 0, connections[fd].generation++;
	close(fd);
}

static void say(int fd, const char *text, int length)
{
	if (write(fd, text, length) != length)
		hang_up(fd);
}

static void answer(const struct job *job)
{
	char text[160];
	struct connection *c = &connections[job->fd];
	in_flight--, served++;
	if (!c->open || c->generation != job->generation)
		return;
	c->busy = 0;
	say(job->fd, text,
	    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-replica: %d\r\n%s\r\nok", number,
		     ending ? "connection: close\r\n" : ""));
	if (ending && c->open && c->generation == job->generation)
		hang_up(job->fd);
}

/* Answers what a worker did, and gives it what waits. */
static void finish(struct worker *w, int64_t at)
{
	busy_ns += w->job.work_ns;
	w->busy = 0;
	answer(&w->job);
	if (queue_head < queue_tail)
		begin(w, queue[queue_head++ % QUEUE], at);
}

static void finish_computed(void)
{
	unsigned char indexes[WORKERS];
	ssize_t got = read(done_fds[0], indexes, sizeof indexes);
	for (ssize_t i = 0; i < got; i++)
		finish(&workers[indexes[i]], now_ns());
}

/* All that is due, in the order in which it is. */
static void advance(int64_t now)
{
	for (;;) {
		struct worker *first = NULL;
		for (int i = 0; i < worker_count; i++)
			if (workers[i].busy && (!first || workers[i].due_ns < first->due_ns))
				first = &workers[i];
		int64_t due = first ? first->due_ns : never;
		if (change_ns <= due && change_ns <= now) {
			set_speed(speed == 1 ? slow_speed : 1, change_ns);
			continue;
		}
		if (due > now)
			return;
		int64_t late = now - due;
		late_sum_ns += late, late_count++;
		if (late > late_most_ns)
			late_most_ns = late;
		finish(first, due);
	}
}

static void set_timer(void)
{
	int64_t at = change_ns;
	for (int i = 0; i < worker_count; i++)
		if (workers[i].busy && workers[i].due_ns < at)
			at = workers[i].due_ns;
	if (at == timer_at)
		return;
	timer_at = at;
	struct itimerspec when = { .it_value = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 } };
	if (at == never)
		when.it_value = (struct timespec){ 0 };
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void enqueue(int fd, double work_us, int64_t now)
{
	struct job job = { fd, connections[fd].generation, work_us * 1e3 };
	int64_t bin = now / bin_ns - first_bin;
	arrived++, connections[fd].busy = 1;
	if (bin >= 0 && bin < BINS)
		bins[bin]++;
	if ((uint64_t)++in_flight > most_in_flight)
		most_in_flight = in_flight;
	for (int i = 0; i < worker_count; i++)
		if (!workers[i].busy) {
			begin(&workers[i], job, now);
			return;
		}
	if (queue_tail - queue_head == QUEUE)
		errno = ENOBUFS, die("queue");
	queue[queue_tail++ % QUEUE] = job;
}

static void say_json(int fd, const char *body, int length)
{
	char *text = malloc(length + 128);
	int all = sprintf(text, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", length, body);
	say(fd, text, all);
	free(text);
}

static void say_stats(int fd)
{
	static char text[BINS * 12 + 1024];
	int64_t now = now_ns(), last = now / bin_ns - first_bin;
	int n = sprintf(
		text,
		"{\"replica\":%d,\"startedNs\":%lld,\"nowNs\":%lld,\"served\":%llu,\"arrived\":%llu,\"inFlight\":%d,\"mostInFlight\":%llu,"
		"\"workSeconds\":%.6f,\"speed\":%.4f,\"lateMeanUs\":%.1f,\"lateMaxUs\":%.1f,\"firstBin\":%lld,\"bins\":[",
		number, (long long)started_ns, (long long)now, (unsigned long long)served, (unsigned long long)arrived, in_flight,
		(unsigned long long)most_in_flight, busy_ns / 1e9, speed, late_count ? late_sum_ns / 1e3 / late_count : 0,
		late_most_ns / 1e3, (long long)first_bin);
	for (int64_t i = 0; i <= last && i < BINS; i++)
		n += sprintf(text + n, "%s%u", i ? "," : "", bins[i]);
	n += sprintf(text + n, "]}\n");
	say_json(fd, text, n);
}

/* A number behind NAME= in a query, else `otherwise`. */
static double query(const char *line, const char *name, double otherwise)
{
	char key[32];
	snprintf(key, sizeof key, "%s=", name);
	for (const char *at = strchr(line, '?'); at; at = strchr(at + 1, '&'))
		if (!strncmp(at + 1, key, strlen(key)))
			return strtod(at + 1 + strlen(key), NULL);
	return otherwise;
}

static void begin_schedule(int fd, const char *line)
{
	int64_t at = (int64_t)query(line, "at", 0);
	if (at == 0)
		at = now_ns();
	random_state = 88172645463325252ULL ^ ((uint64_t)(query(line, "seed", 1) * 4096 + number + 1) * 0x9e3779b97f4a7c15ULL);
	for (int i = 0; i < 8; i++)
		uniform();
	fast_ns = query(line, "fast-ms", 0) * 1e6, slow_ns = query(line, "slow-ms", 0) * 1e6, slow_speed = query(line, "slow", 1);
	memset(bins, 0, sizeof bins);
	first_bin = at / bin_ns;
	late_most_ns = late_sum_ns = late_count = 0;
	served = arrived = most_in_flight = 0, busy_ns = 0;
	/* It is slow at first as often as it is later. */
	speed = 1, change_ns = never;
	if (slow_ns > 0 && slow_speed != 1)
		change_ns = uniform() < slow_ns / (slow_ns + fast_ns) ? at : at + (int64_t)exponential(fast_ns);
	say_json(fd, "{}\n", 3);
}

static void handle(int fd, int64_t now)
{
	struct connection *c = &connections[fd];
	ssize_t got = read(fd, c->head + c->length, HEAD_MAX - c->length);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		hang_up(fd);
		return;
	}
	c->length += got;
	c->head[c->length] = 0;
	if (!strstr(c->head, "\r\n\r\n")) {
		if (c->length == HEAD_MAX)
			hang_up(fd);
		return;
	}
	c->length = 0;
	if (!strncmp(c->head, "GET /stats", 10)) {
		say_stats(fd);
	} else if (!strncmp(c->head, "GET /begin", 10)) {
		begin_schedule(fd, c->head);
	} else {
		char *work = strcasestr(c->head, "\r\nx-work:");
		enqueue(fd, work ? strtod(work + 9, NULL) : exponential(mean_us), now);
	}
}

static void take_connections(void)
{
	int fd, one = 1;
	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event want = { .events = EPOLLIN, .data.fd = fd };
		if (fd >= CONNECTIONS) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		connections[fd].open = 1, connections[fd].busy = 0, connections[fd].length = 0;
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &want);
	}
}

/* No new connections, those without a request are over. */
static void end(void)
{
	ending = 1;
	take_connections(); /* those that the kernel has already accepted may bring a request */
	close(listen_fd);
	for (int fd = 0; fd < CONNECTIONS; fd++)
		if (connections[fd].open && !connections[fd].busy)
			handle(fd, now_ns());
	for (int fd = 0; fd < CONNECTIONS; fd++)
		if (connections[fd].open && !connections[fd].busy)
			hang_up(fd);
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc > 7 || atoi(argv[4]) < 1 || atoi(argv[4]) > WORKERS || (argc == 7 && !(atof(argv[6]) > 0))) {
		fprintf(stderr, "usage: replica-server ADDRESS PORT NUMBER WORKERS [MEAN_US [CORES]]\n");
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	number = atoi(argv[3]), worker_count = atoi(argv[4]);
	if (argc >= 6)
		mean_us = atof(argv[5]);
	if (argc == 7)
		cores = atof(argv[6]);
	started_ns = now_ns(), first_bin = started_ns / bin_ns;
	connections = calloc(CONNECTIONS, sizeof *connections);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	int one = 1;
	if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		errno = EINVAL, die(argv[1]);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) || listen(listen_fd, 4096))
		die("listen");
	sigset_t term;
	sigemptyset(&term), sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	signal_fd = signalfd(-1, &term, SFD_NONBLOCK);
	if (cores > 0)
		start_threads();
	for (int i = 0, fds[] = { listen_fd, timer_fd, signal_fd, done_fds[0] }; i < (cores > 0 ? 4 : 3); i++) {
		struct epoll_event want = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fds[i], &want);
	}
	timer_at = never;
	while (!ending || in_flight > 0) {
		struct epoll_event events[64];
		set_timer();
		int ready = epoll_wait(poll_fd, events, 64, -1);
		int64_t now = now_ns();
		advance(now);
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			uint64_t ignored;
			if (fd == listen_fd)
				take_connections();
			else if (fd == timer_fd)
				timer_at = read(fd, &ignored, sizeof ignored) > 0 ? 0 : timer_at;
			else if (fd == done_fds[0])
				finish_computed();
			else if (fd == signal_fd)
				end(), epoll_ctl(poll_fd, EPOLL_CTL_DEL, fd, NULL);
			else if (connections[fd].open)
				handle(fd, now);
		}
	}
	return 0;
}
