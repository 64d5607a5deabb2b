/* latch.c - a count that goes down to 0 once, and those who wait for that.
 *
 * Waiters sleep on the count itself: a step down that is not the last wakes nobody, and who was
 * about to sleep on an older count looks again.  Whoever sees 0 may free the latch: after the step
 * to 0 its address is only a key. */
#include "run/run.h"
#include "telar/sync.h"
#include <errno.h>
#include <limits.h>

static _Atomic uint32_t *count_of(const tl_latch *a) { return (_Atomic uint32_t *)&a->count; }

uint32_t tl_latch_count(const tl_latch *a)
{
	return atomic_load_explicit(count_of(a), memory_order_acquire);
}

bool tl_latch_down(tl_latch *a, uint32_t n)
{
	uint32_t v = atomic_load_explicit(count_of(a), memory_order_relaxed);
	struct strand *me = strand_self();

	do {
		if (v < n) {
			report(TL_R_MISUSE, me, -EOVERFLOW, "counts latch %p below 0", (void *)a);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		count_of(a), &v, v - n, memory_order_seq_cst, memory_order_relaxed));
	if (!n || v != n)
		return false;
	word_wake(count_of(a), a, INT_MAX);
	return true;
}

int tl_latch_wait(tl_latch *a, tl_time deadline)
{
	int r = deadline.ns == TL_POLL.ns ? 0 : strand_checkpoint(strand_self());
	uint32_t v;

	while (r == 0 && (v = tl_latch_count(a)) != 0)
		r = deadline.ns == TL_POLL.ns ? -EAGAIN
					      : word_wait(count_of(a), v, "latch", a, deadline);
	return r;
}
