/* queue.h - the inside of a queue, for select.c and for those who feed one from elsewhere. */
#ifndef TELAR_TALK_QUEUE_H
#define TELAR_TALK_QUEUE_H
#include "run/run.h"
#include "talk/ring.h"
#include "telar/queue.h"

struct tl_queue {
	/* written with both of the ring's locks held, so either is enough to read it */
	struct node getters, putters; /* of struct waiter; data, size: buffer or item */
	_Atomic uint32_t state;       /* QUEUE_... below: what the short ways look at */
	/* hints: how often lingering is worth it, see linger */
	_Atomic uint32_t get_hope, put_hope;
	/* do not change */
	size_t capacity, max_item;
	char name[32];
	void (*closing)(void *arg); /* told first by tl_queue_close, or NULL */
	void *closing_arg;
	struct ring ring;
};

enum { QUEUE_ENDED = 1, QUEUE_GETTERS = 2, QUEUE_PUTTERS = 4 /* somebody is in that list */ };

/* Link w, unless its put or get can be done now. */
bool queue_enlist(struct tl_queue *q, struct waiter *w, bool get);
void queue_withdraw(struct tl_queue *q, struct waiter *w);

/* Put, unless the same item is in it already; so there is room, where items are few. */
void queue_put_once(struct tl_queue *q, const void *item, size_t size);

#endif
