/* biased.h - a lock inside that costs nothing where one thread takes it over and over.
 *
 * After a row of acquisitions by one thread that has the bias, and then takes it with plain stores.
 * Whoever else comes takes the bias away first, at the price of one heavy barrier, and for the next
 * bias the row must be longer, so that in the long run the price stays below what was saved.  As
 * with struct spin, a release is the releaser's last touch.  The claim is W28. */
#ifndef TELAR_BIASED_H
#define TELAR_BIASED_H
#include "base/spin.h"

struct biased {
	const void *_Atomic owner; /* has the bias; NULL: nobody */
	_Atomic uint32_t busy;     /* the owner is inside, or about to see that it must not be */
	struct spin lock;          /* for everybody else */
	/* the holder's */
	bool by_owner;    /* how it came in */
	uint8_t lost;     /* how often a bias was taken away, up to a limit */
	uint32_t row;     /* acquisitions ... */
	const void *last; /* ... by this one, without another in between */
	const void *only; /* the first that had the bias: nobody else may, ever */
};

void biased_wait(struct biased *b, const void *me);

/* me: some address that stands for the calling thread; NULL: one that never has a bias. */
static inline void biased_lock(struct biased *b, const void *me)
{
	if (atomic_load_explicit(&b->owner, memory_order_relaxed) == me && me) {
		hostile_pause();
		atomic_store_explicit(&b->busy, 1, memory_order_relaxed);
		plat_barrier_light(); /* pairs with the heavy one in biased_wait */
		if (__builtin_expect(
			    atomic_load_explicit(&b->owner, memory_order_relaxed) == me, 1)) {
			b->by_owner = true;
			return;
		}
		atomic_store_explicit(&b->busy, 0, memory_order_release);
	}
	biased_wait(b, me);
}

static inline void biased_unlock(struct biased *b)
{
	if (b->by_owner)
		atomic_store_explicit(&b->busy, 0, memory_order_release);
	else
		spin_unlock(&b->lock);
}

#endif
