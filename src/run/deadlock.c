/* deadlock.c - every strand waits, and nothing that could wake one is left.
 *
 * A loop that is about to sleep without a timer or a descriptor to wake it counts itself asleep.
 * The one that makes all loops asleep looks closer: no offload or signal outstanding, all inboxes
 * empty, and no thread in the process that telar does not know.  Since a thread that has just ended
 * lingers a moment in the system's count, it looks again a few times before it lets the matter
 * rest. */
#include "run/run.h"
#include <stdio.h>

enum { TRIES = 4 };

static _Atomic int loops, asleep, outside;
static _Atomic uint32_t wakes;
static atomic_flag told = ATOMIC_FLAG_INIT;

void deadlock_loops(int change) { atomic_fetch_add_explicit(&loops, change, memory_order_seq_cst); }

static bool quiet(struct loop *l, void *arg)
{
	(void)arg;
	return !atomic_load_explicit(&l->inbox, memory_order_seq_cst);
}

/* A loop that wakes is no longer asleep, then counts a wake, then takes its inbox: if none was
 * counted from the first look to the last, the inboxes were empty while all slept. */
static bool all_asleep(int n)
{
	uint32_t before = atomic_load_explicit(&wakes, memory_order_seq_cst);

	return atomic_load_explicit(&asleep, memory_order_seq_cst) == n &&
	       atomic_load_explicit(&outside, memory_order_seq_cst) == 0 &&
	       loop_each(quiet, NULL) &&
	       atomic_load_explicit(&wakes, memory_order_seq_cst) == before;
}

static void tell(void)
{
	tl_info i;

	if (atomic_flag_test_and_set_explicit(&told, memory_order_relaxed))
		return;
	for (uint32_t slot = 1; slot < slot_count(); slot++) {
		struct strand *s = slot_at(slot);

		if (tl_inspect((tl_strand){ atomic_load_explicit(&s->id, memory_order_relaxed) },
			    &i) == 0 &&
			i.state == TL_BLOCKED)
			report(TL_R_DEADLOCK, s, 0,
				"waits for %s %p, and every strand waits: nothing can wake it",
				i.waits ? i.waits : "?", i.object);
	}
}

enum look { NO, PERHAPS, YES };

/* The threads are counted while all slept, from before to after: who has just begun is no loop yet
 * but is counted, and once he is a loop there is one more of those. */
static enum look look(int n)
{
	uint32_t before = atomic_load_explicit(&wakes, memory_order_seq_cst);
	bool known;

	if (!all_asleep(n))
		return NO;
	known = plat_thread_count() == n + plat_thread_helpers();
	if (atomic_load_explicit(&loops, memory_order_seq_cst) != n || !all_asleep(n) ||
		atomic_load_explicit(&wakes, memory_order_seq_cst) != before)
		return NO;
	return known ? YES : PERHAPS;
}

int64_t deadlock_sleep(struct loop *l)
{
	static const int64_t again[TRIES] = { 1000000, 10000000, 100000000, 1000000000 };
	int n = atomic_load_explicit(&loops, memory_order_seq_cst); /* a thread may just begin */
	enum look seen;

	atomic_fetch_add_explicit(&asleep, 1, memory_order_seq_cst);
	seen = look(n);
	if (seen == YES)
		tell();
	return seen == PERHAPS && l->suspicious < TRIES ? plat_now() + again[l->suspicious++] : 0;
}

/* All loops may have gone to sleep before the last thing outside was done. */
void deadlock_outside(int change)
{
	int n = atomic_load_explicit(&loops, memory_order_seq_cst);

	atomic_fetch_add_explicit(&outside, change, memory_order_seq_cst);
	if (change < 0 && look(n) == YES)
		tell();
}

void deadlock_forked(int n)
{
	atomic_store_explicit(&loops, n, memory_order_relaxed);
	atomic_store_explicit(&asleep, 0, memory_order_relaxed);
	atomic_store_explicit(&outside, 0, memory_order_relaxed);
	atomic_flag_clear_explicit(&told, memory_order_relaxed);
}

void deadlock_wake(struct loop *l, bool by_somebody)
{
	atomic_fetch_sub_explicit(&asleep, 1, memory_order_seq_cst);
	atomic_fetch_add_explicit(&wakes, 1, memory_order_seq_cst);
	if (by_somebody) {
		atomic_flag_clear_explicit(&told, memory_order_relaxed);
		l->suspicious = 0;
	}
}
