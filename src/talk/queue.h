/* queue.h - the inside of a queue, for select.c and for those who feed one from elsewhere. */
#ifndef TELAR_TALK_QUEUE_H
#define TELAR_TALK_QUEUE_H
#include "run/run.h"
#include "talk/ring.h"
#include "telar/queue.h"

/* lock guards all but the options, which do not change. */
struct tl_queue {
	struct spin lock;
	bool ended;
	struct node getters, putters; /* of struct waiter; data, size: buffer or item */
	struct ring ring;
	size_t capacity, max_item;
	char name[32];
	void (*closing)(void *arg); /* told first by tl_queue_close, or NULL */
	void *closing_arg;
};

/* Both with q->lock held; -EAGAIN: not now.  A strand that this wakes is left in *w for
 * queue_let_go, to be called after the unlock. */
struct woken {
	struct parker *who;
	enum wait_claim how;
};
int queue_put_now(struct tl_queue *q, const void *item, size_t size, struct woken *w);
int queue_get_now(struct tl_queue *q, void *buf, size_t cap, struct woken *w);

static inline void queue_let_go(struct woken *w)
{
	if (w->how != WAIT_LOST)
		wait_finish(w->who, w->how);
}

#endif
