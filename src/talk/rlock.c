/* rlock.c - the recursive lock: a lock and how often its holder has it.
 *
 * depth is the holder's alone, written while it holds the lock, so nobody else reads it. */
#include "run/run.h"
#include "talk/lock.h"

typedef int acquire_fn(tl_lock *l, tl_time deadline);

static int enter(tl_rlock *l, acquire_fn *acquire, tl_time deadline)
{
	int r;

	if (lock_is_mine(&l->lock)) {
		r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
		l->depth += r == 0;
		return r;
	}
	r = acquire(&l->lock, deadline);
	if (r >= 0)
		l->depth = 1;
	return r;
}

int tl_rlock_acquire(tl_rlock *l, tl_time deadline) { return enter(l, tl_lock_acquire, deadline); }
int tl_rlock_recover(tl_rlock *l, tl_time deadline) { return enter(l, tl_lock_recover, deadline); }

void tl_rlock_release(tl_rlock *l)
{
	if (!lock_is_mine(&l->lock) || --l->depth == 0)
		tl_lock_release(&l->lock); /* not ours: it says so */
}

uint64_t tl_rlock_depth(const tl_rlock *l) { return lock_is_mine(&l->lock) ? l->depth : 0; }
bool tl_rlock_held(const tl_rlock *l) { return tl_lock_held(&l->lock); }

int tl_cond_rwait(tl_cond *c, tl_rlock *l, tl_time deadline)
{
	bool mine = lock_is_mine(&l->lock);
	uint64_t depth = mine ? l->depth : 0;
	int r = tl_cond_wait(c, &l->lock, deadline);

	if (mine && lock_is_mine(&l->lock))
		l->depth = depth;
	return r;
}
