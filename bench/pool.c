/* pool.c - jobs through a pool of two workers: one at a time, many, and many at a time. */
#include "telar/pool.h"
#include "bench.h"
#include "telar/scope.h"
#include <stdatomic.h>

static tl_pool *pool;
static _Atomic long count;

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

enum { RECORDS = 100000 };
static int records[RECORDS];

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

static int in_a_task(void *arg)
{
	bench_line((char *)arg, "ns", bench_best(submit_and_wait));
	return 0;
}

static void open_pool(enum tl_kind kind)
{
	tl_pool_opts o = { .kind = kind, .workers = 2 };

	bench_check(tl_pool_open(&pool, &o) == 0, "open");
}

int main(void)
{
	tl_scope s = { 0 };

	bench_check(tl_workers(2) == 0, "two workers");
	open_pool(TL_THREAD);
	bench_per_op("pool, tiny jobs to 2 threads", "ns per job", tiny);
	bench_per_op("pool, submit one from a thread, wait for it", "ns", submit_and_wait);
	bench_line(
		"pool of threads, 100,000 tiny jobs, chunk 1", "M/s", 1e3 / bench_best(map_single));
	bench_line("pool of threads, the same, chunked map", "M/s", 1e3 / bench_best(map_chunked));
	tl_pool_close(pool, TL_NEVER);
	open_pool(TL_TASK);
	tl_scope_open(&s);
	tl_task_start(&s, in_a_task, "pool, submit one from a task, wait for it", NULL);
	tl_scope_close(&s);
	tl_pool_close(pool, TL_NEVER);
	return tl_finish();
}
