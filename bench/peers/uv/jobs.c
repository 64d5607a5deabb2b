/* libuv: jobs for its thread pool, of two threads. */
#include "../../bench.h"
#include <uv.h>

static long done;

static void work(uv_work_t *job) { job->data = job; }

static void after(uv_work_t *job, int status)
{
	done++;
	(void)status;
	free(job);
}

static void submit(void)
{
	uv_work_t *job = malloc(sizeof *job);

	bench_check(job && uv_queue_work(uv_default_loop(), job, work, after) == 0, "queue_work");
}

static void tiny(long n)
{
	done = 0;
	for (long i = 0; i < n; i++)
		submit();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_check(done == n, "each job once");
}

static void submit_and_wait(long n)
{
	for (long i = 0; i < n; i++) {
		submit();
		uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	}
}

int main(void)
{
	double one;

	setenv("UV_THREADPOOL_SIZE", "2", 1);
	bench_per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", tiny);
	one = bench_best(submit_and_wait);
	bench_line("submit one, wait for it", "ns", one);
	bench_line("submit one from a thread, wait for it", "ns", one);
	return 0;
}
