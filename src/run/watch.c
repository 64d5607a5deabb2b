/* watch.c - whether to watch for a moment what other threads do, before a loop falls asleep.
 *
 * To fall asleep and be woken on another processor costs tens of microseconds; to watch costs the
 * time that it takes, and where whom we wait for needs this very processor, it is all in vain.  So
 * the loop learns from its sleeps: who ends one leaves the time, and on which processor that was.
 * Had it been better to watch, it will, for twice as long as it took; each watch in vain makes the
 * next ones shorter, until there are none.
 *
 * All of it belongs to the loop's thread, but for kicked_at and kicked_on, which are hints. */
#include "run/run.h"

enum { LEAST_NS = 500, MOST_NS = 50000 };

static void learn(struct loop *l, int64_t took)
{
	if (took > MOST_NS)
		return;
	took = took < LEAST_NS ? 2 * LEAST_NS : 2 * took;
	if (took > l->patience)
		l->patience = took < MOST_NS ? took : MOST_NS;
}

static void in_vain(struct loop *l, int64_t took)
{
	l->spent = took;
	l->patience -= l->patience / 4;
	if (l->patience < LEAST_NS)
		l->patience = 0;
}

bool watch_for(struct loop *l, bool (*there)(void *arg), void *arg)
{
	int64_t from, took = 0, next;

	if (!l->patience || l->spent || l->polling || hostile_odd())
		return false;
	from = plat_now();
	next = timer_next(l);
	if (next && next - from < l->patience)
		return false;
	for (unsigned i = 0; took <= l->patience; i++) {
		if (!loop_quiet(l) || (there && there(arg))) {
			loop_take_in(l);
			learn(l, plat_now() - from);
			return true;
		}
		if (i % 8)
			plat_relax();
		else
			took = plat_now() - from;
	}
	in_vain(l, took);
	return false;
}

void watch_kicks(struct loop *l)
{
	atomic_store_explicit(&l->kicked_on, plat_cpu(), memory_order_relaxed);
	atomic_store_explicit(&l->kicked_at, plat_now(), memory_order_relaxed);
}

void watch_told(struct loop *l, int64_t from, int64_t at, int on)
{
	if (at >= from && on != plat_cpu())
		learn(l, at - from + l->spent);
	l->spent = 0;
}

void watch_ends(struct loop *l, int64_t from)
{
	watch_told(l, from, atomic_load_explicit(&l->kicked_at, memory_order_relaxed),
		atomic_load_explicit(&l->kicked_on, memory_order_relaxed));
}
