/* bias.c - the visitor's side of biased locks, and the way back.  See bias.h.
 *
 * bias_state is written by read-modify-writes only, so whoever reads it as 0 has synchronized with
 * every visitor that left before: what they did under real locks is seen without a lock. */
#include "run/bias.h"

/* So many real locks taken without meeting a visitor pay for the next visitor's barrier. */
enum { ENOUGH = 512 };

_Atomic uint32_t bias_state;

static bool outside(struct loop *l, void *arg)
{
	unsigned turn = 0;

	(void)arg;
	while (atomic_load_explicit(&l->inside, memory_order_acquire))
		spin_pause(&turn);
	return true;
}

/* A loop that is opened meanwhile finds the way closed. */
void bias_visit(void)
{
	uint32_t old = atomic_fetch_add_explicit(&bias_state, BIAS_VISITOR, memory_order_seq_cst);

	if (old & BIAS_LOST)
		return;
	plat_barrier_heavy();
	loop_each(outside, NULL);
	/* Release: a visitor who finds it lost sees what owners did inside, as we have. */
	atomic_fetch_or_explicit(&bias_state, BIAS_LOST, memory_order_release);
}

void bias_leave(void)
{
	atomic_fetch_sub_explicit(&bias_state, BIAS_VISITOR, memory_order_release);
}

void bias_met(struct loop *l)
{
	uint32_t lost = BIAS_LOST;

	if (++l->met < ENOUGH)
		return;
	l->met = 0;
	atomic_compare_exchange_strong_explicit(
		&bias_state, &lost, 0, memory_order_acq_rel, memory_order_relaxed);
}

/* The other threads, and their visits, are not here. */
void bias_forked(void) { atomic_store_explicit(&bias_state, 0, memory_order_relaxed); }
