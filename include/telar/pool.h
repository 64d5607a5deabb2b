/* telar/pool.h - so many workers, and the work that waits for them.
 *
 * A job is a function and the record of bytes it works on.  It works on a copy, which is copied
 * back when somebody gets the job: so a caller that cannot wait any longer leaves, and nothing of
 * it is written to afterwards.  Never more jobs run at once than there are workers.
 *
 *	tl_pool *p;
 *	if ((r = tl_pool_open(&p, &(tl_pool_opts){ .workers = 6 })) < 0) ...
 *	r = tl_pool_map(p, rows, n, sizeof rows[0], solve, NULL, TL_NEVER); // all, in their places
 *
 *	tl_job j;
 *	tl_pool_submit(p, solve, &row, sizeof row, &(tl_job_opts){ .ret = &j }, TL_NEVER);
 *	...
 *	r = tl_job_get(j, TL_NEVER); // what solve answered; row is what it made of it
 *	tl_pool_close(p, tl_after(tl_s(5)));
 *
 * The workers are daemons of the scope that is the caller's innermost when the pool is opened:
 * where that is cancelled, or closes, the pool ends with it, and what waits in it is answered
 * -ECANCELED.  Strands that a job starts in its own scope end with the job.  In the child of a
 * fork(2) the pools of its parent are not to be used; its own are.
 *
 * Workers that are processes see of the program what lies in tl_shared memory and what is in the
 * record (see telar/process.h); the pool itself is not for them.  One that dies, however that
 * comes, costs the job that it had begun a retry and the pool nothing: another takes its place. */
#ifndef TELAR_POOL_H
#define TELAR_POOL_H
#include <telar/select.h>
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_pool tl_pool;
typedef struct tl_batch tl_batch;
/* A value id, as tl_strand is: a job that is gone is -ESRCH to every verb. */
typedef struct tl_job {
	uint64_t id;
} tl_job;

typedef struct tl_pool_opts {
	const char *name;  /* the workers are called NAME-1, NAME-2 ...; copied; NULL: "pool" */
	enum tl_kind kind; /* 0: TL_THREAD; TL_TASK: tasks that may begin anywhere; TL_PROCESS */
	unsigned workers;  /* 0: tl_cpu_count() */
	size_t queued;     /* jobs that may wait for a worker; 0: 1024; SIZE_MAX: no bound */
	tl_fn *init;       /* run by each worker before its first job; NULL: none */
	void *init_arg;
	unsigned
		recycle; /* a process ends after so many jobs, and another takes its place; 0: no */
	uint64_t reserved[4];
} tl_pool_opts;

/* Make a pool and its workers.  o: NULL is all defaults.  A worker whose .init answers < 0 breaks
 * the pool: that is then the answer to all that waits in it, and to all that is asked of it.  So do
 * processes that die before they are prepared, eight in a row, with -EOWNERDEAD.
 * Not a cancel point.  Errors: -EINVAL (options; a thread that telar did not start has no scope
 * open), -ENOMEM, -ECANCELED (the scope is cancelled), -EAGAIN (the system starts no more threads;
 * as any failed start also a failure of the scope); of processes also -ENOSPC and what
 * tl_zygote_start answers.  Ownership: *ret is the caller's, for
 * tl_pool_close; untouched on failure.  Source: multiprocessing.pool and concurrent.futures of
 * Python.  Example: examples/snooze_pool.c. */
TL_API int tl_pool_open(tl_pool **ret, const tl_pool_opts *o) TL_MUST;

/* Take no more jobs, wait until all are done, and end the workers.  When `drain` passes, or the
 * caller is cancelled, what still waits is answered -ECANCELED and what runs is asked to stop, for
 * at most 5 s, in which processes are ended; TL_POLL does that at once.  Who waits for a job of
 * this pool is answered first; then its jobs are gone (-ESRCH).  Its batches are to be closed
 * before it.  NULL is legal.  Cancel point, and yet it always closes.  Answers how many jobs were
 * withdrawn or asked to stop.
 * Errors: -EDEADLK (called by a job of this pool; nothing has happened), -EBUSY (a job runs on, on
 * its copy: the scope in which the pool was opened waits for it, and reports it). */
TL_API int tl_pool_close(tl_pool *p, tl_time drain);

enum tl_full {
	TL_FULL_WAIT = 0, /* wait for room */
	TL_FULL_REJECT,   /* answer -EAGAIN */
	TL_FULL_RUN       /* the caller runs the job, here and now */
};

typedef struct tl_job_opts {
	tl_job *ret;       /* a handle: the result is kept until it is got */
	enum tl_full full; /* what to do when .queued jobs wait */
	tl_span limit;     /* how long it may run: then it is asked to stop; 0: no limit */
	int retries;       /* times it is begun again when its process dies; 0: once; -1: never */
	uint64_t reserved[4];
} tl_job_opts;

/* Have a worker call fn(copy of record).
 * record, size: size bytes, copied now; with size 0 fn gets record itself, and nothing is copied (a
 * process: an address in tl_shared memory, or NULL).
 * o: NULL is all defaults; without .ret nobody learns what comes of the job, and its copy is lost.
 * With .ret, record must be there when the job is got.  Jobs begin in the order in which they were
 * submitted.  fn has a scope of its own, which closes when it returns, and is cancelled by
 * tl_job_cancel, .limit and tl_pool_close; in a process that asks the process to stop, see
 * tl_process_start.
 * Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL or TL_FULL_REJECT, and full),
 * -EINVAL, -ENOMEM (also where 16 million jobs are not yet got), -EPIPE (the pool is being closed),
 * or what broke the pool.  On failure *o->ret is { 0 } and fn is never called. */
TL_API int tl_pool_submit(
	tl_pool *p, tl_fn *fn, void *record, size_t size, const tl_job_opts *o, tl_time deadline);

/* Wait until j has ended, copy its record back, and forget it.  If no worker has taken it yet and
 * the caller has no deadline, the caller runs it here and now: unless so many run already as there
 * are workers, but always when the caller is itself part of a job of this pool, so that jobs may
 * wait for jobs.  A job that its waiter runs is cancelled with its waiter.
 * Cancel point.  Answers what fn answered; a strand that it started and that failed counts as in
 * tl_scope_close.  Errors of its own: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL): nothing has
 * happened, and the job goes on; -EBUSY (another waits for it), -ESRCH.  Of the job: -ECANCELED
 * (withdrawn, or it obeyed a cancel), -ETIMEDOUT (it obeyed its .limit), -EOWNERDEAD (its process
 * died under it, each time that it was begun; tl_job_end tells more). */
TL_API int tl_job_get(tl_job j, tl_time deadline) TL_MUST;

/* Withdraw j if it has not begun, else ask it to stop.  Answers 1: it will never run; 0: it runs,
 * or has ended, or is gone.  Its result is kept all the same.  Not a cancel point. */
TL_API int tl_job_cancel(tl_job j);

/* Nobody will get j: it goes on if it runs, is withdrawn if it waits, and what comes of it is lost.
 * Not a cancel point. */
TL_API void tl_job_drop(tl_job j);

typedef struct tl_job_report {
	int result;       /* what tl_job_get will answer */
	tl_strand worker; /* who ran it; { 0 }: nobody */
	char name[32];    /* that one's name */
	pid_t pid;        /* of a process; 0: none */
	int signal;       /* that killed it in the middle of this job; 0: none */
	unsigned tries;   /* how often it was begun in vain */
	uint64_t reserved[4];
} tl_job_report;

/* How j ended, without taking anything.  Not a cancel point.  Errors: -EAGAIN (it has not ended),
 * -ESRCH. */
TL_API int tl_job_end(tl_job j, tl_job_report *ret);

/* A case of tl_select: j has ended, or is gone.  Nothing is taken: its result, 0 or -ESRCH, says
 * which. */
TL_API tl_case tl_job_case(tl_job j);
#define TL_JOB(j) tl_job_case(j)

typedef struct tl_pool_figures {
	unsigned workers, running; /* strands that work for it; jobs that run */
	size_t queued, kept;       /* jobs that wait; that have ended and are not yet got */
	uint64_t done, failed;     /* jobs that have ended; with a result < 0 */
	int broken;                /* what broke the pool, or 0 */
	uint64_t reserved[4];
} tl_pool_figures;

/* The pool as of just now.  Not a cancel point; cannot fail. */
TL_API void tl_pool_stat(tl_pool *p, tl_pool_figures *ret);

typedef struct tl_batch_opts {
	size_t chunk;   /* records per job; 0: 1, of tl_pool_map n / (4 * workers) rounded up */
	size_t limit;   /* jobs under way at once; 0: 4 per worker, 1,024 in a map; no pool: all */
	bool ordered;   /* a batch hands out its records in their order */
	bool fail_fast; /* tl_pool_map: the first failure cancels the rest */
	int *status;    /* tl_pool_map: n results; -ECANCELED for those that did not come to be */
	uint64_t reserved[4];
} tl_batch_opts;

/* Call fn on each of n records of `size` bytes from base, as qsort(3) does, in p's workers, and
 * wait for all: those that fail do not stop the others, unless .fail_fast.
 * Cancel point.  Answers 0, or the failure of the first record that has one.  Errors: -ETIMEDOUT,
 * -ECANCELED (what runs still is asked to stop; records that are not done are as they were),
 * -EINVAL (also TL_POLL), -ENOMEM, -EPIPE, or what broke the pool. */
TL_API int tl_pool_map(tl_pool *p, void *base, size_t n, size_t size, tl_fn *fn,
	const tl_batch_opts *o, tl_time deadline);

/* The same record by record: tl_batch_next hands out what is done, in the order in which it comes
 * to be done, or in that of the records.  Jobs are fed as results are taken, .limit of them at
 * once.  p NULL: each job is a task of its own, of the caller's innermost scope, and .limit is how
 * many there are at once.
 * Not a cancel point.  Errors: -EINVAL, -ENOMEM, -EPIPE, or what broke the pool.  Ownership: *ret
 * is the caller's, for tl_batch_close; base must last as long.  One strand at a time may use it.
 * Source: imap_unordered and as_completed of Python.  Example: examples/snooze_pool.c. */
TL_API int tl_batch_open(tl_batch **ret, tl_pool *p, void *base, size_t n, size_t size, tl_fn *fn,
	const tl_batch_opts *o) TL_MUST;

/* The next record that is done: its number, and what fn answered (-ECANCELED: it was not to be).
 * Cancel point.  Errors: -EPIPE (all have been handed out), -ETIMEDOUT, -ECANCELED, -EAGAIN
 * (TL_POLL).  Neither parameter is touched on failure; ret_status may be NULL. */
TL_API int tl_batch_next(tl_batch *b, size_t *ret_i, int *ret_status, tl_time deadline);

/* End a batch: what has not begun is withdrawn, what runs is asked to stop, and nothing is written
 * to its records any more.  NULL is legal.  Answers NULL.  Not a cancel point; with no pool it
 * waits for its tasks, as tl_scope_close does. */
TL_API tl_batch *tl_batch_close(tl_batch *b);

#ifdef __cplusplus
}
#endif
#endif
