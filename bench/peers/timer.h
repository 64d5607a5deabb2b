/* timer.h - what the timer peers share: random times, and the order of the work. */
#ifndef TIMER_H
#define TIMER_H
#include "../bench.h"
#include <stdint.h>

enum { MILLION = 1000000 };

/* Random, from 0 to 1. */
static inline double some_part(void)
{
	static uint64_t seed = 88172645463325252u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) * 0x1p-53;
}

static inline double timer_took(void (*step)(void))
{
	double began = bench_ns();

	step();
	return bench_ns() - began;
}

/* Far timers go in and are cancelled; near ones, in three seconds, go in, and fire when all are
 * due.  Round 0 touches all that memory for the first time and does not count. */
static inline void timer_bench(
	void (*far)(void), void (*cancel)(void), void (*near)(void), void (*fire)(void))
{
	double best[3] = { 0 };

	for (int i = 0; i <= ROUNDS; i++) {
		double took[3], due;

		took[0] = timer_took(far);
		took[1] = timer_took(cancel);
		due = bench_ns() + 3.01e9;
		near();
		bench_check(bench_ns() < due, "inserting in time");
		due = bench_ns() + 3.01e9;
		while (bench_ns() < due)
			;
		took[2] = timer_took(fire);
		for (int k = 0; k < 3; k++)
			if (i <= 1 || took[k] < best[k])
				best[k] = took[k];
	}
	bench_line("timer insert, 1,000,000 pending", "ns", best[0] / (double)MILLION);
	bench_line("timer cancel", "ns", best[1] / (double)MILLION);
	bench_line("timer fire", "ns", best[2] / (double)MILLION);
}

#endif
