/* bench.h - what the bench programs share: a clock, a loop count that fits, and the line they
 * print.
 * A number is the best of ROUNDS runs, each long enough for the clock. */
#ifndef BENCH_H
#define BENCH_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3 };
static const double LONG_ENOUGH = 1e8; /* ns */

static inline double bench_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* run(n) does n operations. */
static inline double bench_once(void (*run)(long n), long n)
{
	double began = bench_ns();

	run(n);
	return bench_ns() - began;
}

static inline void bench_line(const char *claim, const char *unit, double value)
{
	printf("%s\t%s\t%.4g\n", claim, unit, value);
	fflush(stdout);
}

/* The nanoseconds of one operation. */
static inline double bench_best(void (*run)(long n))
{
	double best = 0;
	long n = 1000;

	while (bench_once(run, n) < LONG_ENOUGH)
		n *= 2;
	for (int i = 0; i < ROUNDS; i++) {
		double one = bench_once(run, n) / (double)n;

		if (!i || one < best)
			best = one;
	}
	return best;
}

/* The same, printed. */
static inline void bench_per_op(const char *claim, const char *unit, void (*run)(long n))
{
	bench_line(claim, unit, bench_best(run));
}

/* The nanoseconds of one run that is long enough by itself. */
static inline double bench_shortest(void (*run)(long n))
{
	double best = bench_once(run, 0);

	for (int i = 1; i < ROUNDS; i++) {
		double one = bench_once(run, 0);

		if (one < best)
			best = one;
	}
	return best;
}

static inline void bench_check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench: %s failed\n", what);
		exit(1);
	}
}

/* Run fn in a child: its memory is then its own. */
static inline void bench_apart(void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn();
		_exit(0);
	}
	bench_check(
		pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "a bench of its own");
}

/* A line "Name:  123 kB" of proc(5)'s status or of meminfo, in bytes. */
static inline double bench_proc(const char *file, const char *name)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtod(line + strlen(name) + 1, NULL);
	if (f)
		fclose(f);
	return kb * 1024;
}

#endif
