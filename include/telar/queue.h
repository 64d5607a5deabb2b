/* telar/queue.h - records of bytes, bounded, with an end: first in first out, last in first out, or
 * the smallest first.  Many may put and many may get, tasks and threads in any mix.  An item is
 * handed over exactly once, also when a deadline, a cancel and a put happen together: a call that
 * fails consumed nothing.
 *
 *	tl_queue *q;
 *	if (tl_queue_open(&q, &(tl_queue_opts){ .order = by_date, .capacity = 100 }) < 0) ...
 *	r = tl_queue_put(q, &job, sizeof job, tl_after(tl_s(1)));        // those who have work
 *
 *	while ((r = tl_queue_get(q, &job, sizeof job, TL_NEVER)) >= 0) { // those who do it
 *		work_on(&job);
 *		tl_queue_done(q);
 *	}                                                                // -EPIPE: no more comes
 *
 *	r = tl_queue_join(q, TL_NEVER); // all that was put is done
 *	tl_queue_end(q);                // and no more will come
 *	...                             // when those who use it have ended:
 *	q = tl_queue_close(q);
 *
 * A queue with `.shared` is the same in every process of the program: the pointer means the same
 * there, as an argument or inside an item.  A process that is killed in the middle of a call has
 * done it or not, and keeps nobody from going on; one that was stopped (SIGSTOP) in the middle
 * keeps others waiting.  What a put answered 0 for stays until it is got, whatever becomes of its
 * process; what was got and not told done by a process that ended stays unfinished: whoever starts
 * another tells it done. */
#ifndef TELAR_QUEUE_H
#define TELAR_QUEUE_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_queue tl_queue;

typedef struct tl_queue_opts {
	const char *name; /* for dumps; copied, at most 31 bytes */
	size_t capacity;  /* items; 0: 1024; SIZE_MAX: no bound */
	size_t max_item;  /* bytes; 0: 4096 */
	bool lifo;        /* last in, first out */
	bool shared;      /* in the shared window: see below */
	/* Smallest first, and among equals the first in: < 0, 0, > 0 as for qsort(3).  It is given
	 * the items where they lie, aligned for any type, and called with the queue locked, from
	 * whatever strand puts or gets: it only compares. */
	int (*order)(const void *, const void *);
	uint64_t reserved[4];
} tl_queue_opts;

/* Make a queue, first in first out unless o says otherwise.  Not a cancel point.  Memory is taken
 * as items come, not up front, but for the slots of a shared one: twice its capacity of up to 256
 * bytes.
 * Errors: -ENOMEM, -EINVAL (also for lifo and order together); of a shared one -ENOSPC (the window
 * is full, or there can be none), -ENOTSUP (lifo, order: functions mean nothing elsewhere), -EINVAL
 * (a capacity of more than 2^24).  Ownership: *ret is the caller's, for tl_queue_close; untouched
 * on failure.  Source: Python's queue and multiprocessing modules. */
TL_API int tl_queue_open(tl_queue **ret, const tl_queue_opts *o) TL_MUST;

/* Free q and what is still in it.  Nobody may be inside a call of it, nor select from it: where
 * somebody waits or is about to, that is reported as misuse, they get -EPIPE, and q is not freed.
 * A shared one is closed once, by one process, when no process is inside a call of it or will be:
 * nobody sees to that; one that nobody closes ends with the program.  NULL is legal.  Answers NULL.
 * Not a cancel point. */
TL_API tl_queue *tl_queue_close(tl_queue *q);

/* Put in a copy of size bytes; waits while it is full.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and full), -EPIPE (ended), -EMSGSIZE (larger
 * than max_item), -ENOMEM.  Ownership: item stays the caller's. */
TL_API int tl_queue_put(tl_queue *q, const void *item, size_t size, tl_time deadline) TL_MUST;

/* Take the item whose turn it is into buf, of cap bytes, and answer its size; waits while it is
 * empty.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and empty), -EPIPE (ended and empty), -EMSGSIZE
 * (it is larger than cap and stays in the queue). */
TL_API int tl_queue_get(tl_queue *q, void *buf, size_t cap, tl_time deadline) TL_MUST;

/* No more puts: readers drain what is there, then get -EPIPE; blocked putters get -EPIPE at once,
 * and their items are not in it.  Idempotent.  Not a cancel point. */
TL_API void tl_queue_end(tl_queue *q);

/* The same at once: what is there is dropped, and readers get -EPIPE now.  Answers how many items
 * were lost; they are no longer unfinished, see tl_queue_join.  Idempotent; may follow
 * tl_queue_end, which after it has nothing left to do.  Not a cancel point; cannot fail. */
TL_API int tl_queue_drop(tl_queue *q);

/* Items in it just now, for dumps and decisions that may be wrong: others put and get meanwhile.
 * Not a cancel point; cannot fail. */
TL_API int tl_queue_count(tl_queue *q);

/* One item that was got is done.  Each put adds one unfinished item, each done takes one away; who
 * does not join need not count.  Legal after the end.  Not a cancel point.
 * Errors: -EINVAL, and a report of misuse, when nothing is unfinished. */
TL_API int tl_queue_done(tl_queue *q);

/* Wait until nothing is unfinished: all that was put was got and told done, or dropped.  Many may
 * wait; all return for the moment at which it is so.  Legal after the end, which alone does not
 * make it so.  Who returns with 0 sees all that was done before each tl_queue_done.  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL).  Source: Queue.join of Python's queue. */
TL_API int tl_queue_join(tl_queue *q, tl_time deadline);

/* Items unfinished just now: in the queue, or got and not yet told done.  Not a cancel point;
 * cannot fail. */
TL_API int tl_queue_unfinished(tl_queue *q);

/* Lend a place for an item of up to size bytes, in a shared queue; waits while it is full.  *ret is
 * aligned to 64, for the caller to write to until tl_queue_commit, or tl_queue_return if it is not
 * to be.  What is lent is as if in the queue already, but its turn comes with the commit.  If the
 * process ends before that it is as if never lent, and reported (TL_R_TORN).  Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and full), -EPIPE (ended), -EMSGSIZE (larger
 * than max_item), -ENOSPC, -ENOTSUP (a private queue).  Example: bench/shared_queue.c. */
TL_API int tl_queue_loan(tl_queue *q, void **ret, size_t size, tl_time deadline) TL_MUST;

/* Put the first size bytes of what was lent at p, without a copy.  p is no longer the caller's,
 * whatever the answer but -EMSGSIZE.  Never waits for room.  Not a cancel point.
 * Errors: -EPIPE (ended: it is not in the queue), -EMSGSIZE (larger than max_item), -EINVAL and a
 * report of misuse (p is not lent to this process), -ENOTSUP. */
TL_API int tl_queue_commit(tl_queue *q, void *p, size_t size) TL_MUST;

/* tl_queue_get without the copy, of a shared queue: *ret is where the item lies, the answer its
 * size; the bytes are the caller's until tl_queue_return, and take a place of the queue until then.
 * Cancel point.
 * Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL and empty), -EPIPE (ended and empty), -ENOTSUP
 * (a private queue). */
TL_API int tl_queue_borrow(tl_queue *q, void **ret, tl_time deadline) TL_MUST;

/* Give back what was borrowed, or lent and not committed.  Any strand of the process may.  Not a
 * cancel point.
 * Errors: -EINVAL and a report of misuse (p is not in this process's hands), -ENOTSUP. */
TL_API int tl_queue_return(tl_queue *q, void *p);

#ifdef __cplusplus
}
#endif
#endif
