/* pool.c - jobs through a pool of two workers: one at a time, many, and many at a time; to threads,
 * to tasks and to processes. */
#include "telar/pool.h"
#include "bench.h"
#include "telar/process.h"
#include "telar/scope.h"
#include <stdatomic.h>

enum { RECORDS = 100000, IDLE_ROUNDS = 100 };

static tl_pool *pool;
static _Atomic long count;
static int records[RECORDS];

static int job(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	return 0;
}

static int twice(void *arg)
{
	*(int *)arg *= 2;
	return 0;
}

static void tiny(long n)
{
	tl_pool_figures f;

	atomic_store(&count, 0);
	for (long i = 0; i < n; i++)
		bench_check(tl_pool_submit(pool, job, NULL, 0, NULL, TL_NEVER) == 0, "submit");
	do
		tl_pool_stat(pool, &f);
	while (f.queued || f.running);
	bench_check(count == n, "each job once");
}

static void submit_and_wait(long n)
{
	int record = 1;
	tl_job j;

	for (long i = 0; i < n; i++) {
		bench_check(tl_pool_submit(pool, twice, &record, sizeof record,
				    &(tl_job_opts){ .ret = &j }, TL_NEVER) == 0,
			"submit");
		bench_check(tl_job_get(j, TL_NEVER) == 0, "get");
	}
}

/* The best of many single ones, each after a rest in which all fall asleep. */
static double after_idling(void)
{
	double best = 0;

	for (int i = 0; i < IDLE_ROUNDS; i++) {
		double one;

		tl_sleep(tl_ms(3));
		one = bench_once(submit_and_wait, 1);
		if (!i || one < best)
			best = one;
	}
	return best;
}

static void map_by(long n, size_t chunk)
{
	tl_batch_opts o = { .chunk = chunk };

	for (; n > 0; n -= RECORDS)
		bench_check(tl_pool_map(pool, records, n < RECORDS ? (size_t)n : RECORDS,
				    sizeof records[0], twice, &o, TL_NEVER) == 0,
			"map");
}
static void map_single(long n) { map_by(n, 1); }
static void map_chunked(long n) { map_by(n, 0); }

static void open_pool(enum tl_kind kind)
{
	tl_pool_opts o = { .kind = kind, .workers = 2 };

	bench_check(tl_pool_open(&pool, &o) == 0, "open");
}

static void close_pool(void)
{
	bench_check(tl_pool_close(pool, TL_NEVER) == 0, "close");
	pool = NULL;
}

static void threads(void)
{
	open_pool(TL_THREAD);
	bench_per_op("thread pool, tiny jobs", "ns per job", tiny);
	bench_per_op("thread pool, submit one, wait", "ns", submit_and_wait);
	bench_line("thread pool, 100,000 tiny jobs, chunk 1", "M jobs/s",
		1e3 / bench_best(map_single));
	bench_line("thread pool, chunked map", "M jobs/s", 1e3 / bench_best(map_chunked));
	close_pool();
}

static int submit_n(void *arg) { return submit_and_wait(*(long *)arg), 0; }
static void submit_from_a_task(long n)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, submit_n, &n, NULL);
	bench_check(tl_scope_close(&s) == 0, "a task");
}

static void tasks(void)
{
	open_pool(TL_TASK);
	bench_per_op("task pool, submit one, wait", "ns", submit_from_a_task);
	close_pool();
}

static void processes(void)
{
	open_pool(TL_PROCESS);
	bench_line("process pool, submit one, wait", "us", bench_best(submit_and_wait) / 1e3);
	bench_line("process pool, submit one after idling", "us", after_idling() / 1e3);
	bench_line("process pool, 100,000 tiny jobs, chunk 1", "M jobs/s",
		1e3 / bench_best(map_single));
	bench_line("process pool, chunked map", "M jobs/s", 1e3 / bench_best(map_chunked));
	close_pool();
}

int main(void)
{
	bench_check(tl_workers(2) == 0, "two workers");
	threads();
	tasks();
	processes();
	return tl_finish();
}
