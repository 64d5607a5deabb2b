/* messages.h - messages between processes, for the peers of bench/shared_queue.c.  A peer gives
 * ways: two channels, the one there and the one back. */
#ifndef MESSAGES_H
#define MESSAGES_H
#include "../bench.h"

enum { SMALL = 64, LARGE = 65536, ROUND_TRIPS = 20000, IDLE_TRIPS = 300 };

struct ways {
	int there[2], back[2]; /* where it is read, where it is written */
};

static char bytes[LARGE];

static void put(int fd, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, bytes + at, size - at);

		bench_check(n > 0, "write");
		at += (size_t)n;
	}
}

static void get(int fd, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, bytes + at, size - at);

		bench_check(n > 0, "read");
		at += (size_t)n;
	}
}

static pid_t apart(void (*fn)(const struct ways *w, long n, size_t size), const struct ways *w,
	long n, size_t size)
{
	pid_t pid = fork();

	if (pid == 0) {
		fn(w, n, size);
		_exit(0);
	}
	return pid;
}

static void produce(const struct ways *w, long n, size_t size)
{
	for (long i = 0; i < n; i++)
		put(w->there[1], size);
}

static void echo(const struct ways *w, long n, size_t size)
{
	for (long i = 0; i < n; i++) {
		get(w->there[0], size);
		put(w->back[1], size);
	}
}

/* Millions per second. */
static double stream(const struct ways *w, long n, size_t size)
{
	double began = bench_ns();
	pid_t pid = apart(produce, w, n, size);

	for (long i = 0; i < n; i++)
		get(w->there[0], size);
	waitpid(pid, NULL, 0);
	return (double)n / (bench_ns() - began) * 1e3;
}

/* Microseconds there and back, after a rest of so many. */
static double ping_pong(const struct ways *w, long n, long rest)
{
	pid_t pid = apart(echo, w, n, sizeof(long));
	double took = 0;

	for (long i = 0; i < n; i++) {
		double began;

		if (rest)
			usleep((useconds_t)rest);
		began = bench_ns();
		put(w->there[1], sizeof(long));
		get(w->back[0], sizeof(long));
		took += bench_ns() - began;
	}
	waitpid(pid, NULL, 0);
	return took / (double)n / 1e3;
}

static inline void messages(const struct ways *w)
{
	double best[4] = { 0, 1e9, 1e9, 0 };

	for (int i = 0; i < ROUNDS; i++) {
		double one[4] = { stream(w, 500000, SMALL), ping_pong(w, ROUND_TRIPS, 0),
			ping_pong(w, IDLE_TRIPS, 2000), stream(w, 20000, LARGE) };

		for (int k = 0; k < 4; k++)
			if (k % 3 ? one[k] < best[k] : one[k] > best[k])
				best[k] = one[k];
	}
	bench_line("shared queue 64 B, 1 to 1", "M msg/s", best[0]);
	bench_line("shared queue ping-pong", "us", best[1]);
	bench_line("shared queue ping-pong, after idling", "us", best[2]);
	bench_line("64 KiB messages", "GB/s", best[3] * LARGE * 1e6 / 1e9);
}

#endif
