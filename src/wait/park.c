/* park.c - waiting and waking.  The states of the word and who moves it: wait.h.
 *
 * Lock order: a wait list's lock is the innermost of all; ready() is called with it held and takes
 * none.  A waiter is touched only under the lock of the list it is in, or by the waker that claimed
 * it, until wait_finish; its strand leaves only after that, or after unlinking it under the lock.
 */
#include "wait/wait.h"
#include <errno.h>

const struct wait_ops *wait_ops;
_Thread_local struct parker *wait_me;

/* One that fails is part of W4 too: a poker that finds us not WAITING yet relies on our seeing its
 * cause when we are. */
static bool move(struct parker *p, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(
		&p->word, &from, to, memory_order_seq_cst, memory_order_seq_cst);
}

/* A waker that found us up is still writing: its next few instructions end that. */
static void await_woken(struct parker *me)
{
	unsigned turn = 0;

	while (atomic_load_explicit(&me->word, memory_order_acquire) != PARK_WOKEN)
		spin_pause(&turn);
}

/* Leave as woken: completion beats cancel and deadline (W2). */
static int woken(struct parker *me)
{
	await_woken(me);
	atomic_store_explicit(&me->word, PARK_IDLE, memory_order_relaxed);
	return 0;
}

/* Whoever moved the word away from WAITING makes us ready, once, now or in a moment.  That turn on
 * the run queue is ours to take before anything else (W1), so block even when the word says that we
 * need not.  Afterwards: POKED, CLAIMED or WOKEN. */
static uint32_t sleep_once(struct parker *me, const struct waiter *w, int64_t deadline)
{
	wait_ops->block(me, w, deadline);
	return atomic_load_explicit(&me->word, memory_order_acquire);
}

/* Always raise WAITING first and look second (W4): a cancel that comes in between finds WAITING and
 * pokes; one that came before is seen.  So the strand leaves only from WAITING. */
int wait_block(const struct waiter *w, tl_time deadline)
{
	struct parker *me = wait_me;
	uint32_t state;
	int r;

	if (hostile_odd())
		wait_poke(me); /* for nothing, as a cancel that came too late */
	do {
		r = wait_ops->interrupted(me, deadline.ns);
		if (r < 0 && move(me, PARK_WAITING, PARK_IDLE))
			return r;
		state = sleep_once(me, w, deadline.ns);
	} while (state == PARK_POKED && move(me, PARK_POKED, PARK_WAITING));
	return woken(me);
}

bool wait_withdraw(void)
{
	struct parker *me = wait_me;

	if (move(me, PARK_WAITING, PARK_IDLE))
		return false;
	if (sleep_once(me, NULL, 0) == PARK_POKED && move(me, PARK_POKED, PARK_IDLE))
		return false;
	return woken(me) == 0;
}

int wait_park(struct waiter *w, struct node *list, struct spin *lock, tl_time deadline)
{
	int r;

	w->who = wait_me;
	wait_begin();
	list_append(list, &w->link);
	spin_unlock(lock);
	r = wait_block(w, deadline);
	if (r < 0) {
		spin_lock(lock);
		list_remove(&w->link);
		spin_unlock(lock);
	}
	return r;
}

enum wait_claim wait_claim(struct waiter *w)
{
	for (;;)
		switch (atomic_load_explicit(&w->who->word, memory_order_relaxed)) {
		case PARK_WAITING:
			if (move(w->who, PARK_WAITING, PARK_WOKEN))
				return WAIT_READY;
			break;
		case PARK_POKED:
			if (move(w->who, PARK_POKED, PARK_CLAIMED))
				return WAIT_UP;
			break;
		default: return WAIT_LOST;
		}
}

void wait_finish(struct parker *who, enum wait_claim c)
{
	hostile_pause();
	if (c == WAIT_READY)
		wait_ops->ready(who);
	else if (c == WAIT_UP)
		atomic_store_explicit(&who->word, PARK_WOKEN, memory_order_release);
}

bool wait_win(struct waiter *w, struct node *won)
{
	w->how = (uint8_t)wait_claim(w);
	if (w->how == WAIT_LOST)
		return false;
	list_append(won, &w->link);
	return true;
}

void wait_let_go(struct node *won)
{
	struct node *n;

	while ((n = list_pop(won))) {
		struct waiter *w = container_of(n, struct waiter, link);

		wait_finish(w->who, w->how);
	}
}

bool wait_wake(struct wait_list *list, int result)
{
	struct node *n;

	while ((n = list_pop(&list->head))) {
		struct waiter *w = container_of(n, struct waiter, link);
		struct parker *who = w->who;
		enum wait_claim c = wait_claim(w);

		if (c == WAIT_LOST)
			continue;
		w->result = result;
		wait_finish(who, c);
		return true;
	}
	return false;
}

void wait_poke(struct parker *who)
{
	if (move(who, PARK_WAITING, PARK_POKED))
		wait_ops->ready(who);
}
