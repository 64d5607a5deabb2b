/* queue.h - the inside of a queue, for select.c and for those who feed one from elsewhere. */
#ifndef TELAR_TALK_QUEUE_H
#define TELAR_TALK_QUEUE_H
#include "run/run.h"
#include "talk/pile.h"
#include "talk/ring.h"
#include "telar/queue.h"

/* Of every queue, private or shared. */
struct queue_head {
	_Atomic uint32_t state; /* QUEUE_... below: what the short ways look at */
	/* do not change */
	size_t capacity;
	size_t short_size; /* from this size on, no put goes the short way: max_item + 1, or 0 */
	size_t max_item;
	char name[32];
};

struct tl_queue {
	struct queue_head head;
	/* written with both of the ring's locks held, so either is enough to read it */
	struct node getters, putters; /* of struct waiter; data, size: buffer or item */
	uint32_t leaving; /* have left one of the lists unasked, and have yet to notice */
	/* hints: how often lingering is worth it, see linger */
	_Atomic uint32_t get_hope, put_hope;
	void (*closing)(void *arg); /* told first by tl_queue_close, or NULL */
	void *closing_arg;
	struct ring ring;
	struct pile pile; /* in place of the ring's records, if QUEUE_PILED */
	/* see queue_end.c */
	_Alignas(PLAT_LINE) _Atomic size_t done; /* twice what was told done or dropped, + JOINED */
	_Atomic size_t handed; /* items given to a getter directly; written with the locks held */
	struct node joiners;   /* guarded by the locks */
};

enum {
	QUEUE_ENDED = 1,
	QUEUE_GETTERS = 2, /* somebody is in that list */
	QUEUE_PUTTERS = 4,
	QUEUE_PILED = 8,   /* not first in, first out; does not change */
	QUEUE_SHARED = 16, /* a struct shared_queue, see shared_queue.h; does not change */
	QUEUE_DROPPED = 32 /* of a shared one: what was in it at the end is lost */
};

static inline bool queue_piled(struct tl_queue *q)
{
	return atomic_load_explicit(&q->head.state, memory_order_relaxed) & QUEUE_PILED;
}

static inline bool queue_shared(const struct tl_queue *q)
{
	return atomic_load_explicit(&q->head.state, memory_order_relaxed) & QUEUE_SHARED;
}

/* Both locks of the ring; of a pile, which has one end only, that of the taking one. */
void queue_lock(struct tl_queue *q);
void queue_unlock(struct tl_queue *q);

/* With both held: put or get, if that can be done now; else -EAGAIN.  won: see wait_win. */
int queue_put_now(struct tl_queue *q, const void *item, size_t size, struct node *won);
int queue_get_now(struct tl_queue *q, void *buf, size_t cap, struct node *won);

/* Link w, unless its put or get can be done now. */
bool queue_enlist(struct tl_queue *q, struct waiter *w, bool get);
/* Of one that was not woken. */
void queue_withdraw(struct tl_queue *q, struct waiter *w);
/* The same with both locks held, also of one who waits to join. */
static inline void queue_unlink(struct tl_queue *q, struct waiter *w)
{
	if (list_in(&w->link))
		list_remove(&w->link);
	else
		q->leaving--;
}

/* Into one that is first in, first out: put, unless the same item is in it already; so there is
 * room, where items are few. */
void queue_put_once(struct tl_queue *q, const void *item, size_t size);

#endif
