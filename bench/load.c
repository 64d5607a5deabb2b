/* load.c - the client of every echo server:  bench_load SERVER CONNECTIONS CLAIM
 *
 * Starts SERVER, which prints its port; opens the connections; sends 64 bytes on each and, whenever
 * they have come back, 64 more.  After a while of warming it measures for MEASURE: the server's
 * processor time by its schedstat (nanoseconds, all its threads), its memory by VmRSS before and
 * after, and the round trips. */
#include "bench.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { SIZE = 64, EVENTS = 256, SAMPLES = 1 << 20, MANY = 1000 };
static const double WARM = 0.3e9, MEASURE = 1.0e9; /* ns */

struct peer {
	int fd, have;
	double sent;
};

static float samples[SAMPLES];
static long n_samples, n_done;
static bool measuring;

/* -- the server */

static pid_t start(const char *path, int *port)
{
	FILE *from;
	int out[2];
	pid_t pid;

	bench_check(pipe(out) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive us, however we end */
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	from = fdopen(out[0], "r");
	if (pid < 0 || fscanf(from, "%d", port) != 1) {
		fprintf(stderr, "bench_load: %s did not say its port\n", path);
		exit(1);
	}
	return pid;
}

static double cpu_ns(pid_t pid)
{
	char path[300];
	struct dirent *e;
	double sum = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		double ns;
		FILE *f;

		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
		f = e->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (f && fscanf(f, "%lf", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}

static double resident(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	return bench_proc(path, "VmRSS:");
}

/* -- the connections */

static void ask(struct peer *p)
{
	static const char text[SIZE] = "sixty-four bytes";

	p->have = 0;
	p->sent = bench_ns();
	bench_check(send(p->fd, text, SIZE, MSG_NOSIGNAL) == SIZE, "send");
}

static void answer(struct peer *p)
{
	char buf[SIZE];
	ssize_t n = recv(p->fd, buf, (size_t)(SIZE - p->have), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	bench_check(n > 0, "the server keeps its connections; this");
	p->have += (int)n;
	if (p->have < SIZE)
		return;
	if (measuring) {
		samples[n_samples++ % SAMPLES] = (float)(bench_ns() - p->sent);
		n_done++;
	}
	ask(p);
}

static void connect_all(struct peer *peers, int n, int ep, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };

	for (int i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &peers[i] };
		int on = 1;

		peers[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bench_check(
			connect(peers[i].fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
		setsockopt(peers[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		epoll_ctl(ep, EPOLL_CTL_ADD, peers[i].fd, &ev);
	}
	for (int i = 0; i < n; i++)
		ask(&peers[i]);
}

static void turn_for(int ep, double length)
{
	static struct epoll_event events[EVENTS];
	double until = bench_ns() + length;

	while (bench_ns() < until) {
		int n = epoll_wait(ep, events, EVENTS, 100);

		for (int i = 0; i < n; i++)
			answer(events[i].data.ptr);
	}
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void report(const char *claim, int n, double cpu, double memory)
{
	char name[128];
	long k = n_samples < SAMPLES ? n_samples : SAMPLES;

	bench_check(n_done > 0, "an answer");
	if (n == 1) {
		qsort(samples, (size_t)k, sizeof *samples, by_size);
		bench_line(claim, "us round trip p50", samples[k / 2] / 1e3);
		return;
	}
	bench_line(claim, "server CPU us per request", cpu / 1e3 / (double)n_done);
	if (n < MANY)
		return;
	snprintf(name, sizeof name, "%s, memory", claim);
	bench_line(name, "KB per connection", memory / n / 1e3);
}

int main(int argc, char **argv)
{
	int n = argc == 4 ? atoi(argv[2]) : 0, ep = epoll_create1(EPOLL_CLOEXEC), port;
	struct peer *peers = calloc((size_t)n + 1, sizeof *peers);
	double cpu, memory;
	pid_t server;

	if (n < 1) {
		fprintf(stderr, "usage: bench_load SERVER CONNECTIONS CLAIM\n");
		return 2;
	}
	server = start(argv[1], &port);
	memory = resident(server);
	connect_all(peers, n, ep, port);
	turn_for(ep, WARM + n * 1e5);
	cpu = cpu_ns(server);
	measuring = true;
	turn_for(ep, MEASURE);
	measuring = false;
	cpu = cpu_ns(server) - cpu;
	memory = resident(server) - memory;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	report(argv[3], n, cpu, memory);
	return 0;
}
