/* shared_queue_end.c - a shared queue's beginning and end, and who waits until all that was put is
 * done.
 *
 * What is unfinished is derived, as in queue_end.c: what was put less what was told done or
 * dropped. A get may be told done before its put has written in.n, so what was put is the larger
 * of the two ends' counts.  Who brings it to zero notes in `clean` what done was then, and rings
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

static void mark_end(struct shared_queue *q)
{
	atomic_fetch_or_explicit(&q->head.state, QUEUE_ENDED, memory_order_release);
}

void shared_queue_end(struct shared_queue *q)
{
	shared_hold(q, &q->in);
	mark_end(q);
	shared_leave(&q->in);
	ring_all(q);
}

/* With both locks held: forget the records, the blocks first, for it is out.n that commits. */
static size_t clear(struct shared_queue *q)
{
	size_t from = shared_n(&q->out), n = shared_n(&q->in);
	uint64_t b;

	atomic_store_explicit(&q->out.n, n, memory_order_release);
	for (size_t i = from; i != n; i++)
		if (shared_record(q, i) & SHARED_OUTSIDE) {
			memcpy(&b, shared_slot(q, i) + SHARED_HEADER, sizeof b);
			if (b < q->blocks)
				shared_block_set(q, b, 0);
		}
	return n - from;
}

/* -- what is unfinished */

/* At least what is known to be done: who tells has got it. */
static size_t all(struct shared_queue *q)
{
	size_t in = shared_n(&q->in), out = shared_n(&q->out);

	return (ssize_t)(in - out) > 0 ? in : out;
}

size_t shared_queue_unfinished(struct shared_queue *q)
{
	size_t done = atomic_load_explicit(&q->done, memory_order_acquire);

	return all(q) - done;
}

/* As of the moment at which out's n was read: in's was the same before and after. */
size_t shared_queue_count(struct shared_queue *q)
{
	size_t in, out, again = shared_n(&q->in);

	do {
		in = again;
		out = shared_n(&q->out);
		again = shared_n(&q->in);
	} while (again != in);
	return (ssize_t)(in - out) > 0 ? in - out : 0;
}

static void note_clean(struct shared_queue *q, size_t done)
{
	size_t was = atomic_load_explicit(&q->clean, memory_order_relaxed);

	while ((ssize_t)(done - was) > 0 &&
		!atomic_compare_exchange_weak_explicit(
			&q->clean, &was, done, memory_order_release, memory_order_relaxed))
		;
}

/* Up to n; answers how many there were to be told. */
static size_t tell_done(struct shared_queue *q, size_t n)
{
	size_t was = atomic_load_explicit(&q->done, memory_order_acquire), left, told;

	do {
		left = all(q) - was;
		told = n < left ? n : left;
		if (!told)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&q->done, &was, was + told, memory_order_seq_cst, memory_order_acquire));
	hostile_pause();
	if (all(q) == was + told) { /* else something was put meanwhile, maybe before */
		note_clean(q, was + told);
		plat_fence();
		bell_ring(&q->joins, INT_MAX);
	}
	return told;
}

int shared_queue_done(struct shared_queue *q)
{
	if (tell_done(q, 1))
		return 0;
	report(TL_R_MISUSE, strand_self(), -EINVAL, "tells more done than was put into queue '%s'",
		q->head.name);
	return -EINVAL;
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
	mark_end(q);
	shared_hold(q, &q->out);
	lost = clear(q);
	shared_leave(&q->out);
	shared_leave(&q->in);
	ring_all(q);
	tell_done(q, lost);
	return lost > INT_MAX ? INT_MAX : (int)lost;
}
