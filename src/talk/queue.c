/* queue.c - records of bytes, bounded, with an end, handed over exactly once.
 *
 * Invariants, all under q->lock: where a getter waits the ring is empty and the queue is not ended;
 * where a putter waits the ring holds `capacity` records.  A put gives its item to a waiting getter
 * directly; a get moves the oldest waiting putter's item into the place that it freed.  The
 * hand-over happens between claim and finish, so an item goes to a strand that will return with it,
 * also when its deadline or a cancel strikes at the same time (W2), and a select commits one branch
 * only. */
#include "talk/queue.h"
#include "base/mem.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY = 1024, MAX_ITEM = 4096 };

int tl_queue_open(tl_queue **ret, const tl_queue_opts *o)
{
	static const tl_queue_opts none;
	tl_queue *q;

	strand_self();
	o = o ? o : &none;
	for (unsigned i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		if (o->reserved[i])
			return -EINVAL;
	if (o->max_item > INT_MAX)
		return -EINVAL;
	q = mem_zalloc(sizeof *q);
	if (!q)
		return -ENOMEM;
	list_init(&q->getters);
	list_init(&q->putters);
	q->capacity = o->capacity ? o->capacity : CAPACITY;
	q->max_item = o->max_item ? o->max_item : MAX_ITEM;
	if (o->name)
		snprintf(q->name, sizeof q->name, "%s", o->name);
	*ret = q;
	return 0;
}

tl_queue *tl_queue_close(tl_queue *q)
{
	bool waited;

	if (!q)
		return NULL;
	if (q->closing)
		q->closing(q->closing_arg);
	spin_lock(&q->lock);
	waited = !list_empty(&q->getters) || !list_empty(&q->putters);
	spin_unlock(&q->lock);
	if (waited) {
		report(TL_R_MISUSE, strand_self(), -EBUSY,
			"queue '%s' is closed while strands wait in it", q->name);
		tl_queue_end(q);
		return NULL; /* leaked, rather than pulled from under them */
	}
	ring_free(&q->ring);
	mem_free(q);
	return NULL;
}

/* The oldest of list that has not left, claimed; NULL: none. */
static struct waiter *claim(struct node *list, struct woken *woken)
{
	struct node *n;

	while ((n = list_pop(list))) {
		struct waiter *w = container_of(n, struct waiter, link);

		woken->who = w->who;
		woken->how = wait_claim(w);
		if (woken->how != WAIT_LOST)
			return w;
	}
	woken->how = WAIT_LOST;
	return NULL;
}

/* To the oldest getter whose buffer it fits; those with smaller ones hear of it. */
static bool hand_over(struct tl_queue *q, const void *item, size_t size, struct woken *woken)
{
	struct waiter *w;

	while ((w = claim(&q->getters, woken))) {
		if (size <= w->size) {
			if (size)
				memcpy(w->data, item, size);
			w->result = (int)size;
			return true;
		}
		w->result = -EMSGSIZE;
		queue_let_go(woken);
	}
	return false;
}

int queue_put_now(struct tl_queue *q, const void *item, size_t size, struct woken *woken)
{
	woken->how = WAIT_LOST;
	if (size > q->max_item)
		return -EMSGSIZE;
	if (q->ended)
		return -EPIPE;
	if (!list_empty(&q->getters) && hand_over(q, item, size, woken))
		return 0;
	if (q->ring.n >= q->capacity)
		return -EAGAIN;
	return ring_put(&q->ring, item, size);
}

/* A place is free: the oldest waiting putter's item moves in. */
static void admit_putter(struct tl_queue *q, struct woken *woken)
{
	struct waiter *w;

	while ((w = claim(&q->putters, woken))) {
		w->result = ring_put(&q->ring, w->data, w->size);
		if (w->result == 0)
			return;
		queue_let_go(woken); /* no memory for it: the place is the next one's */
	}
}

int queue_get_now(struct tl_queue *q, void *buf, size_t cap, struct woken *woken)
{
	size_t size;

	woken->how = WAIT_LOST;
	if (!q->ring.n)
		return q->ended ? -EPIPE : -EAGAIN;
	size = ring_peek(&q->ring);
	if (size > cap)
		return -EMSGSIZE;
	ring_take(&q->ring, buf);
	if (!list_empty(&q->putters))
		admit_putter(q, woken);
	return (int)size;
}

int tl_queue_put(tl_queue *q, const void *item, size_t size, tl_time deadline)
{
	struct woken woken;
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	spin_lock(&q->lock);
	r = queue_put_now(q, item, size, &woken);
	if (r == -EAGAIN && deadline.ns != TL_POLL.ns) {
		struct waiter w = {
			.what = "queue put", .object = q, .data = (void *)item, .size = size
		};

		r = wait_park(&w, &q->putters, &q->lock, deadline);
		return r < 0 ? r : w.result;
	}
	spin_unlock(&q->lock);
	queue_let_go(&woken);
	return r;
}

int tl_queue_get(tl_queue *q, void *buf, size_t cap, tl_time deadline)
{
	struct woken woken;
	int r;

	if (deadline.ns != TL_POLL.ns && (r = strand_checkpoint(strand_self())) < 0)
		return r;
	spin_lock(&q->lock);
	r = queue_get_now(q, buf, cap, &woken);
	if (r == -EAGAIN && deadline.ns != TL_POLL.ns) {
		struct waiter w = { .what = "queue get", .object = q, .data = buf, .size = cap };

		r = wait_park(&w, &q->getters, &q->lock, deadline);
		return r < 0 ? r : w.result;
	}
	spin_unlock(&q->lock);
	queue_let_go(&woken);
	return r;
}

/* Claim all of list with -EPIPE, and keep them in gone, with how in size: nobody is let go before
 * the lock is, for the first to return may close the queue (W6). */
static void dismiss(struct node *list, struct node *gone)
{
	struct woken woken;
	struct waiter *w;

	while ((w = claim(list, &woken))) {
		w->result = -EPIPE;
		w->size = woken.how;
		list_append(gone, &w->link);
	}
}

void tl_queue_end(tl_queue *q)
{
	struct node gone, *n;

	list_init(&gone);
	spin_lock(&q->lock);
	q->ended = true;
	dismiss(&q->getters, &gone);
	dismiss(&q->putters, &gone);
	spin_unlock(&q->lock);
	while ((n = list_pop(&gone))) {
		struct waiter *w = container_of(n, struct waiter, link);

		wait_finish(w->who, (enum wait_claim)w->size);
	}
}

int tl_queue_count(tl_queue *q)
{
	size_t n;

	spin_lock(&q->lock);
	n = q->ring.n;
	spin_unlock(&q->lock);
	return n > INT_MAX ? INT_MAX : (int)n;
}
