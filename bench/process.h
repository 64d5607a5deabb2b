/* process.h - starting a function in a new process and waiting for its end, again and again; from a
 * small program, and from one that has touched 2 GiB, in the pages that most systems give a program
 * which has not asked for huge ones.  The best of ROUNDS runs. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H
#include "bench.h"
#include <sys/mman.h>

enum { STARTS = 200, STARTS_LARGE = 20 };
static const size_t LARGE = (size_t)2 << 30;

/* run(n) starts n, one after the other. */
static inline void bench_processes(void (*run)(long n))
{
	double small = 0, large = 0;
	char *much;

	for (int i = 0; i < ROUNDS; i++) {
		double one = bench_once(run, STARTS) / STARTS / 1e3;
		small = !i || one < small ? one : small;
	}
	bench_line("process, start + wait", "us", small);
	if (bench_proc("/proc/meminfo", "MemAvailable:") * 1024 < 1.5 * (double)LARGE)
		return; /* it would push others out */
	much = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bench_check(much != MAP_FAILED, "2 GiB");
	madvise(much, LARGE, MADV_NOHUGEPAGE);
	memset(much, 1, LARGE);
	for (int i = 0; i < ROUNDS; i++) {
		double one = bench_once(run, STARTS_LARGE) / STARTS_LARGE / 1e3;
		large = !i || one < large ? one : large;
	}
	bench_line("process, start + wait from 2 GiB", "us", large);
	munmap(much, LARGE);
}

#endif
