/* biased.c - the slow half of the biased lock.
 *
 * The holder is whoever has `lock` while there is no owner and busy is 0, or the owner with busy at
 * 1.  Only the holder by `lock` gives a bias, to itself, and takes one away:
 *
 *	owner                            another, with lock held
 *	-----                            -----------------------
 *	busy := 1                        owner := NULL
 *	(light barrier)                  (heavy barrier)
 *	owner still me?  it is inside    busy still 1?  wait until it is not
 *
 * One of the two sees the other's store (W28).  An owner that finds it is none any more sets busy
 * back, however late; were there another owner by then, its mark would be gone.  So of all threads
 * only the first that had the bias may have it again. */
#include "base/biased.h"

enum { FIRST_ROW = 64, LONGER = 2, MOST_LOST = 5 };

static void take_away(struct biased *b)
{
	unsigned turn = 0;

	atomic_store_explicit(&b->owner, NULL, memory_order_relaxed);
	plat_barrier_heavy();
	/* Pairs with the release at the end of all that the owner did inside. */
	while (atomic_load_explicit(&b->busy, memory_order_acquire))
		spin_pause(&turn);
	if (b->lost < MOST_LOST)
		b->lost++;
	b->row = 0;
}

static bool may_have(const struct biased *b, const void *me) { return !b->only || b->only == me; }

void biased_wait(struct biased *b, const void *me)
{
	spin_lock(&b->lock);
	if (atomic_load_explicit(&b->owner, memory_order_relaxed))
		take_away(b);
	b->by_owner = false;
	if (b->last != me) {
		b->last = me;
		b->row = 0;
	} else if (may_have(b, me) && ++b->row >= (uint32_t)FIRST_ROW << LONGER * b->lost) {
		b->only = me;
		atomic_store_explicit(&b->owner, me, memory_order_relaxed); /* from the next on */
	}
}
