/* pool.h - what the files of pools share.  See telar/pool.h.
 *
 * Everything about a pool and its jobs is under the pool's lock, but where a field says otherwise.
 * Pools, jobs and workers are never given back to the system: a stale id leads to a live record,
 * and whoever was about to ring a bell rings one.  Order of locks: a pool's, then the table's (of
 * pool_job.c). */
#ifndef TELAR_KIT_POOL_H
#define TELAR_KIT_POOL_H
#include <stdatomic.h>
#include <telar/local.h>
#include <telar/pool.h>
#include <telar/process.h>
#include <telar/scope.h>
#include <telar/sync.h>

/* JOB_POSTED: a process has it, and may have begun it. */
enum stage { JOB_FREE, JOB_QUEUED, JOB_POSTED, JOB_RUNS, JOB_ENDED };

/* Who runs jobs, one at a time: a worker, or one who waits for the job. */
struct runner {
	tl_scope scope; /* around all its jobs: what cancels them */
	bool asked;     /* it has been cancelled, for the sake of the job that runs */
	bool counted;   /* in pool.running */
};

struct job {
	_Atomic uint64_t id; /* 40 bits of generation, 24 of slot; 0: free */
	tl_pool *_Atomic pool;
	struct job *prev, *next; /* in pool.waiting, pool.kept, or a batch's */
	tl_fn *fn;
	void *record;   /* the caller's */
	size_t size, n; /* bytes of one; how many, each with a status behind them all; 0: one */
	char *data;     /* the copy; here, or on the heap */
	tl_batch *batch;
	struct runner *by;       /* while it runs here */
	struct worker *sent;     /* while it is posted, */
	uint32_t place;          /* and where in its channel */
	uint32_t who;            /* the number of the worker that had it last; 0: none */
	unsigned tries, retries; /* begun in vain, and how often that may be */
	pid_t pid;
	int signal;
	tl_func func;
	tl_strand worker;
	tl_span limit;
	tl_event ended; /* set only if somebody asked for it: watched */
	int result;
	size_t seat; /* in its batch */
	uint8_t stage;
	bool kept, watched, waited; /* waited: a tl_job_get is inside */
	_Alignas(max_align_t) char here[48];
};

struct jobs {
	struct job *first, *last;
	size_t n;
};

struct worker {
	tl_pool *pool;
	struct worker *next, *prev; /* in pool.idle */
	tl_strand strand;
	struct post *post; /* of a process: see pool_crew.h */
	unsigned number;   /* from 1 */
	tl_event bell;
	bool idle;   /* in pool.idle */
	bool rung;   /* taken off there, and yet to come */
	bool paused; /* a task that has not begun */
	bool gone;   /* it will not touch the pool any more */
};

struct tl_pool {
	tl_lock lock;
	struct jobs waiting, at_work, kept;
	struct job *spare;
	struct worker **crew, *idle;
	enum tl_kind kind;
	unsigned workers; /* so many jobs at once */
	unsigned hired;   /* in crew */
	unsigned running, rung;
	size_t most_waiting, unfinished;
	bool closing, leaves; /* no more jobs; the workers go */
	bool given_up;        /* what is not done is not to be */
	bool closed;          /* tl_pool_close has returned, or is about to */
	unsigned left;        /* workers that have not ended even then */
	unsigned inside;      /* who waits for room */
	int broken;
	uint64_t done, failed;
	tl_event room, drained; /* set when it may have come to be so; cleared by who waits */
	tl_fn *init;
	void *init_arg;
	tl_strand lifeline; /* ends before the pool is closed only if all workers do */
	/* of processes: */
	struct hub *hub;
	int64_t patience;   /* see crew_watch */
	unsigned stillborn; /* workers in a row that died before they were ready */
	bool keeper_gone;   /* it will not touch the pool any more */
	tl_fn *last_fn;     /* and what it is to others */
	tl_func last_func;
	struct tl_pool *next; /* of those that are closed */
	char name[20];
};

/* -- pool_job.c: records, and their ids */
struct job *job_take(tl_pool *p); /* with its lock; NULL: none to be had */
void job_give(struct job *j);
struct job *job_find(tl_job id); /* with its pool's lock taken; NULL: there is none */
int job_copy(struct job *j, const void *record, size_t size, size_t n);
void jobs_add(struct jobs *list, struct job *j);
void jobs_add_first(struct jobs *list, struct job *j);
void jobs_remove(struct jobs *list, struct job *j);
struct job *jobs_pop(struct jobs *list);
void jobs_give_back(tl_pool *p); /* it closes: its spare records are anybody's */
/* Behind n records lie their n results. */
static inline int *pool_status(char *bytes, size_t n, size_t size)
{
	return (int *)(bytes + (n * size + sizeof(int) - 1) / sizeof(int) * sizeof(int));
}
static inline int *job_status(const struct job *j) { return pool_status(j->data, j->n, j->size); }
/* All bytes of the copy. */
static inline size_t pool_bytes(const struct job *j)
{
	return j->n ? (size_t)((char *)(job_status(j) + j->n) - j->data) : j->size;
}

/* -- pool.c */
void pool_retire(tl_pool *p); /* with its lock: if it is closed and nobody is inside */
/* A worker could not be forked, and why: 0, try again, if that may change and others work. */
int pool_later(tl_pool *p, int why);

/* -- pool_work.c: with the lock held, unless it says otherwise */
extern tl_local pool_inside;                /* the pool that the strand works for */
int pool_work(void *worker);                /* a worker's function; without the lock */
bool pool_helps(tl_pool *p);                /* the caller may run a job that waits */
void pool_run(tl_pool *p, struct job *j);   /* here; the lock is released meanwhile */
void pool_withdraw(struct job *j, int why); /* it waits: end it */
void pool_ask(struct job *j);               /* it runs: ask it to stop */
void pool_add(tl_pool *p, struct job *j);   /* it waits for its turn from now on */
void pool_end(struct job *j, int result);   /* it has ended */
void pool_take_back(tl_pool *p, int why);   /* what no worker has begun is answered that */
void pool_break(tl_pool *p, int why);       /* all that waits is answered that */
void pool_idles(struct worker *w);          /* it has nothing to do */
struct worker *pool_calls(tl_pool *p);      /* one that has not, to be rung for */
struct worker *pool_wakes(tl_pool *p);      /* the same, if it should come; else NULL */
void pool_ring(struct worker *w);           /* ... without the lock; NULL is legal */
/* Wait for e, without the lock: 0, also when the workers are gone. */
int pool_wait(tl_pool *p, tl_event *e, tl_time deadline);

int pool_call(tl_fn *fn, void *record, tl_span limit);    /* in a scope of its own; no lock */
struct job *pool_next(tl_pool *p);                        /* whose turn it is, off the queue */
void pool_again(tl_pool *p, struct job *j);               /* it is to be begun once more */
bool pool_function(tl_pool *p, struct job *j, tl_fn *fn); /* false: it means nothing elsewhere */

/* -- pool_crew.c, with the lock held */
int crew_open(tl_pool *p, const tl_pool_opts *o); /* without */
void crew_dismiss(tl_pool *p);                    /* without */
void crew_close(tl_pool *p);
void crew_deal(tl_pool *p);
void crew_reap(tl_pool *p);
bool crew_take_back(struct job *j); /* it is posted: no, it is not; false: it has begun */
void crew_ask(struct job *j);
/* Look for a moment what the workers do; the lock is released now and then.  True: there(arg). */
bool crew_watch(tl_pool *p, bool (*there)(const void *arg), const void *arg);
void crew_waited(tl_pool *p, int64_t took); /* it came after so many ns */

/* -- pool_batch.c */
void batch_ended(tl_batch *b, struct job *j);

#endif
