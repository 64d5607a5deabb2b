/* queue_held.c - what is done to a queue with both its locks held, whatever its order.  The
 * invariants: queue.c.
 *
 * A strand that is handed something, or told, is claimed at once and kept in `won`, to be let go
 * when the locks are.  One that was taken from its list and had left already is counted until it
 * has noticed, for a close to see. */
#include "talk/queue.h"
#include <errno.h>
#include <string.h>

static uint32_t state(struct tl_queue *q)
{
	return atomic_load_explicit(&q->head.state, memory_order_relaxed);
}

static bool has_ended(struct tl_queue *q) { return state(q) & QUEUE_ENDED; }

void queue_lock(struct tl_queue *q)
{
	if (queue_piled(q))
		biased_lock(&q->ring.out.lock, loop_here);
	else
		ring_lock(&q->ring, loop_here);
}

void queue_unlock(struct tl_queue *q)
{
	uint32_t now = (state(q) & (QUEUE_ENDED | QUEUE_PILED)) |
		       (list_empty(&q->getters) ? 0 : QUEUE_GETTERS) |
		       (list_empty(&q->putters) ? 0 : QUEUE_PUTTERS);

	if (now != state(q))
		atomic_store_explicit(&q->head.state, now, memory_order_relaxed);
	if (now & QUEUE_PILED)
		biased_unlock(&q->ring.out.lock);
	else
		ring_unlock(&q->ring);
}

/* -- the records, wherever they lie */

static size_t count(struct tl_queue *q) { return queue_piled(q) ? q->pile.n : ring_n(&q->ring); }

static bool any(struct tl_queue *q) { return queue_piled(q) ? q->pile.n : ring_any(&q->ring); }

static int store(struct tl_queue *q, const void *item, size_t size)
{
	int r;

	if (queue_piled(q))
		return pile_put(&q->pile, item, size);
	r = ring_room(&q->ring, size);
	if (r == 0)
		ring_put(&q->ring, item, size);
	return r;
}

static size_t peek(struct tl_queue *q)
{
	return queue_piled(q) ? pile_peek(&q->pile) : ring_peek(&q->ring);
}

static void take(struct tl_queue *q, void *buf)
{
	if (queue_piled(q))
		pile_take(&q->pile, buf);
	else
		ring_take(&q->ring, buf);
}

/* -- putting and getting */

/* The oldest of list that has not left, claimed; NULL: none. */
static struct waiter *claim(struct tl_queue *q, struct node *list, struct node *won)
{
	struct node *n;

	while ((n = list_pop(list))) {
		struct waiter *w = container_of(n, struct waiter, link);

		if (wait_win(w, won))
			return w;
		q->leaving++;
	}
	return NULL;
}

static void count_handed(struct tl_queue *q)
{
	size_t n = atomic_load_explicit(&q->handed, memory_order_relaxed);

	atomic_store_explicit(&q->handed, n + 1, memory_order_relaxed);
}

/* To the oldest getter whose buffer it fits; those with smaller ones hear of it. */
static bool hand_over(struct tl_queue *q, const void *item, size_t size, struct node *won)
{
	struct waiter *w;

	while ((w = claim(q, &q->getters, won))) {
		if (size <= w->size) {
			if (size)
				memcpy(w->data, item, size);
			w->result = (int)size;
			count_handed(q);
			return true;
		}
		w->result = -EMSGSIZE;
	}
	return false;
}

int queue_put_now(struct tl_queue *q, const void *item, size_t size, struct node *won)
{
	if (size > q->head.max_item)
		return -EMSGSIZE;
	if (has_ended(q))
		return -EPIPE;
	if (hand_over(q, item, size, won))
		return 0;
	return count(q) < q->head.capacity ? store(q, item, size) : -EAGAIN;
}

/* A place is free: the oldest waiting putter's item moves in. */
static void admit_putter(struct tl_queue *q, struct node *won)
{
	struct waiter *w;

	while ((w = claim(q, &q->putters, won))) {
		w->result = store(q, w->data, w->size);
		if (w->result == 0)
			return; /* else, without memory for it, the place is the next one's */
	}
}

int queue_get_now(struct tl_queue *q, void *buf, size_t cap, struct node *won)
{
	size_t size;

	if (!any(q))
		return has_ended(q) ? -EPIPE : -EAGAIN;
	size = peek(q);
	if (size > cap)
		return -EMSGSIZE;
	take(q, buf);
	admit_putter(q, won);
	return (int)size;
}

/* -- from outside */

void queue_put_once(struct tl_queue *q, const void *item, size_t size)
{
	struct node won;

	list_init(&won);
	queue_lock(q);
	if (!ring_holds(&q->ring, item, size))
		queue_put_now(q, item, size, &won);
	queue_unlock(q);
	wait_let_go(&won);
}

bool queue_enlist(struct tl_queue *q, struct waiter *w, bool get)
{
	bool in;

	queue_lock(q);
	in = !has_ended(q) &&
	     (get ? !count(q) : count(q) >= q->head.capacity && list_empty(&q->getters));
	if (in)
		list_append(get ? &q->getters : &q->putters, &w->link);
	queue_unlock(q);
	return in;
}

void queue_withdraw(struct tl_queue *q, struct waiter *w)
{
	queue_lock(q);
	queue_unlink(q, w);
	queue_unlock(q);
}
