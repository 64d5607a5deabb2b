/* store.c - the third stage: a durable copy under the name of its SHA-256, then a durable row, then
 * the answer.
 *
 * Claims.
 * 1. A receipt is answered as accepted only after its file, its name and its row are durable.
 * 2. A batch shares its syncs: its files are committed as tasks at once, its rows in one
 *    transaction.
 * 3. A file that is there already may be left from a crash before its row; its name is synced again
 *    before a row relies on it.
 * 4. When the disk is full, a batch leaves neither rows nor files behind.
 *
 * One thread; s->rows is its own, s->writing is its turn as a writer. */
#include "stages.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH 128

struct batch {
	struct service *service;
	size_t n;
	struct job *jobs[BATCH];
	struct commit {
		struct service *service;
		struct job *job;
	} commits[BATCH];
};

/* Wait for one receipt, then take all that are there.  Answers 0 at the end. */
static size_t take(struct batch *b)
{
	tl_time deadline = TL_NEVER;

	for (b->n = 0; b->n < BATCH; b->n++, deadline = TL_POLL) {
		if (tl_queue_get(b->service->store, &b->jobs[b->n], sizeof b->jobs[0], deadline) <
			0)
			break;
	}
	return b->n;
}

static int commit_one(void *arg)
{
	struct commit *c = arg;

	c->job->r = tl_store_commit(c->job->store, c->job->row.sha256, TL_NEVER);
	return 0;
}

/* Put the job at i out of the batch, with an answer. */
static void leave(struct batch *b, size_t i, enum why why)
{
	struct job *job = b->jobs[i];

	b->jobs[i] = b->jobs[--b->n];
	metrics_stage(&b->service->metrics, STAGE_STORE, job->since);
	job_answer(job, why);
}

/* Claims 2 and 3. */
static void store_files(struct batch *b)
{
	struct service *s = b->service;
	bool known = false;
	int r;

	for (size_t i = 0; i < b->n; i++) {
		b->jobs[i]->r = -ECANCELED;
		b->commits[i] = (struct commit){ s, b->jobs[i] };
	}
	r = tl_gather(b->commits, b->n, sizeof b->commits[0], commit_one,
		&(tl_gather_opts){ .keep_going = true }, TL_NEVER);
	for (size_t i = 0; i < b->n; i++) {
		if (b->jobs[i]->r == -ECANCELED)
			b->jobs[i]->r = r < 0 ? r : -EIO; /* its task could not run */
		known |= b->jobs[i]->r == -EEXIST;
	}
	r = known && fsync(s->files) < 0 ? -errno : 0;
	for (size_t i = b->n; i-- > 0;) {
		struct job *job = b->jobs[i];
		if (job->r == 0 || (job->r == -EEXIST && r == 0))
			continue;
		if (job->r != -ENOSPC)
			service_say("a file could not be stored: %s",
				tl_error_name(job->r == -EEXIST ? r : job->r));
		leave(b, i, why_of(job->r == -EEXIST ? r : job->r));
	}
}

/* Insert the rows and say in each job what became of it. */
static int store_rows(struct batch *b)
{
	struct service *s = b->service;
	int64_t now = service_wall_ms();
	int r = db_begin(s->rows);

	for (size_t i = 0; i < b->n && r >= 0; i++) {
		struct job *job = b->jobs[i];
		job->row.stored_ms = now;
		job->why = WHY_NONE;
		r = db_insert(s->rows, &job->row);
		job->again = r == 0;
		if (r == -EEXIST) {
			job->why = WHY_DUPLICATE;
			r = 0;
		}
	}
	if (r >= 0)
		r = db_commit(s->rows);
	if (r < 0) {
		service_say("the receipts could not be written: %s", db_error(s->rows));
		db_rollback(s->rows);
	}
	return r;
}

/* Claim 4.  Only after a clean -ENOSPC: after other errors the transaction may turn out to be
 * durable, and then its files must be there. */
static void forget_files(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->jobs[i]->r == 0)
			unlinkat(b->service->files, b->jobs[i]->row.sha256, 0);
	}
}

/* The row owes a notice whether or not it finds room in the queue. */
static void owe_notice(struct service *s, const struct job *job)
{
	struct notice notice = { job->row, tl_now() };

	if (tl_queue_put(s->notify, &notice, sizeof notice, TL_POLL) < 0)
		atomic_store_explicit(&s->owed, true, memory_order_release);
}

static void answer(struct batch *b, int r)
{
	struct service *s = b->service;

	while (b->n > 0) {
		struct job *job = b->jobs[b->n - 1];
		enum why why = r < 0 ? why_of(r) : job->why;
		if (why == WHY_NONE && !job->again) {
			metrics_add(&s->metrics.accepted);
			owe_notice(s, job);
		} else if (why == WHY_NONE) {
			metrics_add(&s->metrics.repeated);
		}
		leave(b, b->n - 1, why);
	}
}

int store_strand(void *arg)
{
	struct batch b = { .service = arg };
	struct service *s = arg;

	while (take(&b) > 0) {
		int r;
		store_files(&b);
		if (b.n == 0)
			continue;
		tl_lock_hold(&s->writing);
		r = store_rows(&b);
		if (r == -ENOSPC)
			forget_files(&b);
		tl_lock_release(&s->writing);
		answer(&b, r);
	}
	return 0;
}
