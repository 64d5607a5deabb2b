/* cond.c - the condition: tells those who already wait.
 *
 * A waiter is in the bucket before it releases the lock, so a notify under the lock finds it; n
 * wakes are n of those waiting, oldest first, and nothing is stored (W35, W37).  A wake that meets
 * a deadline or a cancel goes to one of them, never to neither (W36).  The lock is taken again
 * whatever happens (W38); if it was lost on the way, -EOWNERDEAD and not held.  The first word
 * remembers, while somebody waits, with which lock, to tell a notify without it.  The claims are in
 * tests/model/CLAIMS.md.
 * In shared memory: shared_cond.c. */
#include "run/run.h"
#include "talk/lock.h"
#include "talk/shared.h"
#include <errno.h>

/* The lock of those who wait, under the bucket's lock. */
static tl_lock *lock_of(const tl_cond *c) { return (tl_lock *)(uintptr_t)c->_[0]; }

static int wait(tl_cond *c, tl_lock *l, tl_time deadline)
{
	struct waiter w = { .who = wait_me, .object = c, .what = "condition" };
	struct wait_list *b = word_bucket(c);
	int r, q;

	spin_lock(&b->lock);
	c->_[0] = (uintptr_t)l;
	wait_begin();
	list_append(&b->head, &w.link);
	spin_unlock(&b->lock);
	tl_lock_release(l);
	r = wait_block(&w, deadline);
	if (r < 0) {
		spin_lock(&b->lock);
		list_remove(&w.link);
		spin_unlock(&b->lock);
	}
	q = lock_again(l);
	return q < 0 ? q : r;
}

int tl_cond_wait(tl_cond *c, tl_lock *l, tl_time deadline)
{
	struct strand *me = strand_self();
	int r;

	if (!lock_is_mine(l)) {
		report(TL_R_MISUSE, me, -EPERM, "waits on condition %p without holding its lock",
			(void *)c);
		return -EPERM;
	}
	if (deadline.ns == TL_POLL.ns)
		return -EAGAIN;
	r = strand_checkpoint(me);
	if (r < 0)
		return r;
	return window_holds(c) ? shared_cond_wait(c, l, deadline) : wait(c, l, deadline);
}

int tl_cond_wait_for(tl_cond *c, tl_lock *l, bool (*pred)(void *arg), void *arg, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());

	if (r < 0)
		return r;
	while (!pred(arg)) {
		if (r < 0)
			return r;
		r = tl_cond_wait(c, l, deadline);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
	}
	return 0;
}

void tl_cond_notify(tl_cond *c, int n)
{
	struct strand *me = strand_self();
	struct wait_list *b = word_bucket(c);
	struct waiter *w;
	bool mine;

	if (window_holds(c)) {
		shared_cond_notify(c, n);
		return;
	}
	spin_lock(&b->lock);
	mine = !word_first(b, c) || lock_is_mine(lock_of(c)); /* with a waiter the lock is there */
	while (n > 0 && (w = word_first(b, c))) {
		struct parker *who = w->who;
		enum wait_claim how;

		list_remove(&w->link);
		how = wait_claim(w);
		wait_finish(who, how);
		n -= how != WAIT_LOST;
	}
	spin_unlock(&b->lock);
	if (!mine)
		report(TL_R_MISUSE, me, -EPERM, "notifies condition %p without holding its lock",
			(void *)c);
}

int tl_cond_waiters(const tl_cond *c)
{
	struct wait_list *b = word_bucket(c);
	int n = 0;

	if (window_holds(c))
		return shared_cond_waiters(c);
	spin_lock(&b->lock);
	list_each(at, &b->head) { n += container_of(at, struct waiter, link)->object == c; }
	spin_unlock(&b->lock);
	return n;
}
