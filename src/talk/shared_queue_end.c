/* shared_queue_end.c - a shared queue's beginning and end, and who waits until all that was put is
 * done.
 *
 * What is unfinished is derived, as in queue_end.c: what was put less what was told done, or, once
 * what was left is dropped, what was got less that.  A drop is one mark in the state, so it is done
 * or not, whoever dies; the blocks go with the queue, for nobody wants them after the end.  A get
 * may be told done before its put has written in.n, so what was put is the larger of the two ends'
 * counts.  Who brings it to zero notes in `clean` what done was then, and rings
 * `joins`.  Done only grows: who waits, and finds clean beyond what done was when it began, has met
 * such a moment, whatever was put since.  The ring alone says nothing: it may be of an older one.
 * A put at the very moment may hide it, as in Python: then they wait for the next. */
#include "talk/shared_queue.h"
#include "telar/shared.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
	CAPACITY = 1024,
	MAX_ITEM = 4096,
	MOST_CAPACITY = 1 << 24,
	MOST_ITEM = INT_MAX - PLAT_LINE,
	MOST_INSIDE = 248, /* items up to here always lie in their slot ... */
	SOME_INSIDE = 120  /* ... and where longer ones are to be had, up to here */
};

static size_t slots_for(size_t capacity)
{
	size_t n = 2;

	while (n < 2 * capacity)
		n *= 2;
	return n;
}

static void set_sizes(struct shared_queue *q, size_t capacity, size_t max_item)
{
	q->inside = max_item <= MOST_INSIDE ? (uint32_t)(max_item + 7) / 8 * 8 : SOME_INSIDE;
	q->inside = q->inside ? q->inside : 8; /* a block's number */
	q->stride = SHARED_HEADER + q->inside;
	q->mask = (uint32_t)slots_for(capacity) - 1;
	q->blocks = (uint32_t)capacity + 1;
	q->table = sizeof *q + ((size_t)q->mask + 1) * q->stride;
	q->head.capacity = capacity;
	q->head.max_item = max_item;
}

int shared_queue_open(tl_queue **ret, const tl_queue_opts *o)
{
	struct shared_queue sizes, *q;
	size_t capacity = o->capacity ? o->capacity : CAPACITY;
	size_t max_item = o->max_item ? o->max_item : MAX_ITEM;

	if (o->lifo || o->order)
		return -ENOTSUP;
	if (capacity > MOST_CAPACITY || max_item > MOST_ITEM)
		return -EINVAL;
	set_sizes(&sizes, capacity, max_item);
	q = tl_shared(sizes.table + sizes.blocks * sizeof(struct shared_block));
	if (!q)
		return -ENOSPC;
	set_sizes(q, capacity, max_item);
	q->head.state = QUEUE_SHARED;
	if (o->name)
		snprintf(q->head.name, sizeof q->head.name, "%s", o->name);
	*ret = (tl_queue *)q;
	return 0;
}

void shared_queue_close(struct shared_queue *q)
{
	shared_block_free(q);
	tl_shared_free(q);
}

/* -- the end */

static void ring_all(struct shared_queue *q)
{
	bell_ring(&q->gets, INT_MAX);
	bell_ring(&q->puts, INT_MAX);
}

static void mark(struct shared_queue *q, uint32_t how)
{
	atomic_fetch_or_explicit(&q->head.state, how, memory_order_release);
}

void shared_queue_end(struct shared_queue *q)
{
	shared_hold(q, &q->in);
	mark(q, QUEUE_ENDED);
	shared_leave(&q->in);
	ring_all(q);
}

/* -- what is unfinished */

/* Also what was committed by one who could not repeat it in in.n, and whom nobody has followed. */
static size_t all_put(struct shared_queue *q)
{
	size_t n = shared_n(&q->in);

	return n + !!shared_record(q, n);
}

/* At least what is known to be done: who tells has got it.  Once it is dropped: what was got. */
static size_t all(struct shared_queue *q)
{
	bool dropped = shared_state(q) & QUEUE_DROPPED;
	size_t in = all_put(q), out = shared_n(&q->out);

	return !dropped && (ssize_t)(in - out) > 0 ? in : out;
}

/* More than that may have been told done: of what was dropped. */
static size_t left(struct shared_queue *q, size_t done)
{
	size_t n = all(q) - done;

	return (ssize_t)n > 0 ? n : 0;
}

size_t shared_queue_unfinished(struct shared_queue *q)
{
	return left(q, atomic_load_explicit(&q->done, memory_order_acquire));
}

/* As of the moment at which out's n was read: in's was the same before and after. */
size_t shared_queue_count(struct shared_queue *q)
{
	size_t in, out, again = all_put(q);

	do {
		in = again;
		out = shared_n(&q->out);
		again = all_put(q);
	} while (again != in);
	return (ssize_t)(in - out) > 0 && !(shared_state(q) & QUEUE_DROPPED) ? in - out : 0;
}

static void note_clean(struct shared_queue *q, size_t done)
{
	size_t was = atomic_load_explicit(&q->clean, memory_order_relaxed);

	while ((ssize_t)(done - was) > 0 &&
		!atomic_compare_exchange_weak_explicit(
			&q->clean, &was, done, memory_order_release, memory_order_relaxed))
		;
}

int shared_queue_done(struct shared_queue *q)
{
	size_t was = atomic_load_explicit(&q->done, memory_order_acquire);

	do
		if (!left(q, was)) {
			report(TL_R_MISUSE, strand_self(), -EINVAL,
				"tells more done than was put into queue '%s'", q->head.name);
			return -EINVAL;
		}
	while (!atomic_compare_exchange_weak_explicit(
		&q->done, &was, was + 1, memory_order_seq_cst, memory_order_acquire));
	hostile_pause();
	if (!left(q, was + 1)) { /* else something was put meanwhile, maybe before */
		note_clean(q, was + 1);
		plat_fence();
		bell_ring(&q->joins, INT_MAX);
	}
	return 0;
}

static bool clean_since(struct shared_queue *q, size_t done)
{
	return (ssize_t)(atomic_load_explicit(&q->clean, memory_order_acquire) - done) > 0;
}

int shared_queue_join(struct shared_queue *q, tl_time deadline)
{
	size_t began = atomic_load_explicit(&q->done, memory_order_acquire);
	uint32_t heard;
	int r = 0;

	for (;;) {
		heard = bell_listen(&q->joins);
		if (clean_since(q, began) || !shared_queue_unfinished(q))
			return 0;
		if (r < 0)
			return r;
		r = bell_wait(&q->joins, heard, "queue join", q, deadline);
	}
}

int shared_queue_drop(struct shared_queue *q)
{
	size_t lost;

	shared_hold(q, &q->in);
	shared_hold(q, &q->out);
	lost = shared_queue_count(q);
	mark(q, QUEUE_ENDED | QUEUE_DROPPED);
	shared_leave(&q->out);
	shared_leave(&q->in);
	ring_all(q);
	bell_ring(&q->joins, INT_MAX);
	return lost > INT_MAX ? INT_MAX : (int)lost;
}
