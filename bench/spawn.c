/* spawn.c - starting tasks: one at a time, a million at once, and a million asleep. */
#include "bench.h"
#include "telar/scope.h"

enum { MILLION = 1000000, BATCH = 1000 };

static int nothing(void *arg) { return (void)arg, 0; }

static void one_at_a_time(long n)
{
	for (long i = 0; i < n; i += BATCH) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int k = 0; k < BATCH; k++) {
			tl_strand t;

			tl_task_start(&s, nothing, NULL, &(tl_opts){ .ret = &t });
			bench_check(tl_join(t, NULL, TL_NEVER) == 0, "join");
		}
		tl_scope_close(&s);
	}
}

static void a_million(long n)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (long i = 0; i < n; i++)
		tl_task_start(&s, nothing, NULL, NULL);
	bench_check(tl_scope_close(&s) == 0, "a million tasks");
}

static void queued(void)
{
	struct rusage use;

	bench_line("spawn 1,000,000, then wait", "ns per task",
		bench_once(a_million, MILLION) / MILLION);
	getrusage(RUSAGE_SELF, &use);
	bench_line("spawn 1,000,000, peak", "MB", (double)use.ru_maxrss * 1024 / 1e6);
	bench_line("spawn 1,000,000 again, then wait", "ns per task",
		bench_once(a_million, MILLION) / MILLION);
}

static long asleep;

static int sleeper(void *arg)
{
	(void)arg;
	asleep++;
	return tl_sleep(tl_s(3600));
}

/* As many as half of the free memory holds. */
static long how_many(void)
{
	double room = bench_proc("/proc/meminfo", "MemAvailable:") / 2 / 5000;

	return room < MILLION ? (long)room : MILLION;
}

static void parked(void)
{
	long n = how_many();
	double rss = bench_proc("/proc/self/status", "VmRSS:"),
	       tables = bench_proc("/proc/self/status", "VmPTE:"), began = bench_ns();
	tl_scope s = { 0 };

	if (n < MILLION)
		printf("free memory holds only %ld of 1,000,000 sleepers\n", n);
	tl_scope_open(&s);
	for (long i = 0; i < n; i++)
		tl_task_start(&s, sleeper, NULL, NULL);
	while (asleep < n)
		tl_yield();
	double scale = (double)MILLION / (double)n;
	bench_line("1,000,000 parked, time to park all", "s", (bench_ns() - began) / 1e9 * scale);
	rss = bench_proc("/proc/self/status", "VmRSS:") - rss;
	tables = bench_proc("/proc/self/status", "VmPTE:") - tables;
	bench_line("1,000,000 parked, resident", "bytes each", rss / (double)n);
	bench_line("1,000,000 parked, with page tables", "bytes each", (rss + tables) / (double)n);
	began = bench_ns();
	tl_scope_cancel(&s);
	tl_scope_close(&s);
	bench_line("1,000,000 parked, time to cancel all", "s", (bench_ns() - began) / 1e9 * scale);
}

int main(void)
{
	bench_apart(queued);
	bench_apart(parked);
	bench_per_op("spawn + join, one at a time", "ns", one_at_a_time);
	return tl_finish();
}
