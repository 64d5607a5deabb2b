/* job.c - the life of a receipt in memory.  The count is the only field that two touch at once. */
#include "job.h"
#include <stdlib.h>

struct job *job_new(void)
{
	struct job *job = calloc(1, sizeof *job);

	if (job)
		atomic_init(&job->holders, 1);
	return job;
}

void job_hold(struct job *job)
{
	atomic_fetch_add_explicit(&job->holders, 1, memory_order_relaxed);
}

void job_drop(struct job *job)
{
	/* acq_rel pairs with itself: the last one sees what all others wrote. */
	if (!job || atomic_fetch_sub_explicit(&job->holders, 1, memory_order_acq_rel) > 1)
		return;
	tl_store_close(job->store);
	free(job);
}

void job_answer(struct job *job, enum why why)
{
	job->why = why;
	job->store = tl_store_close(job->store);
	(void)tl_future_set(&job->done, NULL);
	job_drop(job);
}
