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
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	bench_per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", tiny);
	bench_per_op("submit one, wait for it", "ns", submit_and_wait);
	return 0;
}
