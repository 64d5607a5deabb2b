/* State Threads: starting threads one at a time, and a million of them asleep on stacks of 16 KiB.
 * */
#include "../../bench.h"
#include <st.h>

enum { MILLION = 1000000 };

static void *nothing(void *arg) { return arg; }

static void one_at_a_time(long n)
{
	for (long i = 0; i < n; i++)
		st_thread_join(st_thread_create(nothing, NULL, 1, 0), NULL);
}

static long asleep;

static void *sleeper(void *arg)
{
	asleep++;
	st_sleep(3600);
	return arg;
}

static void parked(void)
{
	double rss = bench_proc("/proc/self/status", "VmRSS:"),
	       tables = bench_proc("/proc/self/status", "VmPTE:"), began = bench_ns();

	for (long i = 0; i < MILLION; i++)
		bench_check(st_thread_create(sleeper, NULL, 0, 16384) != NULL, "st_thread_create");
	while (asleep < MILLION)
		st_sleep(0);
	bench_line("1,000,000 parked, time to park all", "s", (bench_ns() - began) / 1e9);
	rss = bench_proc("/proc/self/status", "VmRSS:") - rss;
	tables = bench_proc("/proc/self/status", "VmPTE:") - tables;
	bench_line("1,000,000 parked, resident", "bytes each", rss / MILLION);
	bench_line("1,000,000 parked, with page tables", "bytes each", (rss + tables) / MILLION);
}

int main(void)
{
	bench_check(st_init() == 0, "st_init");
	bench_per_op("spawn + join, one at a time", "ns", one_at_a_time);
	parked();
	_exit(0);
}
