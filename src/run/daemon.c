/* daemon.c - a strand becomes a daemon, or is none any more, before it begins.
 *
 * Its flag and its scope's counts change together, under the locks of both: of the strand, so that
 * it does not end and its scope is there; of the scope, so that who counts sees both or neither.
 * All others take them the other way round (see run.h), so the second is only tried. */
#include "run/bias.h"
#include <errno.h>

/* Its function has not been called, and is not about to be. */
static bool is_created(struct strand *s, uint32_t life)
{
	const struct extra *x = LOOK(s->extra);

	return life & LIFE_PAUSED || (LOOK(s->planned) > plat_now() && !(x && LOOK(x->called)));
}

/* With both locks held.  Answers as scope_counted does. */
static bool change(struct strand *s, struct scope *in, bool daemon, struct parker **who)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);
	int step = daemon ? 1 : -1;

	if (daemon == !!(life & LIFE_DAEMON))
		return false;
	atomic_fetch_xor_explicit(&s->life, LIFE_DAEMON, memory_order_seq_cst);
	SHOW(in->daemons, in->daemons + (uint32_t)step);
	SHOW(in->live, in->live - (uint32_t)step);
	return scope_counted(in, who);
}

/* With the strand's lock held, for a visitor.  -EAGAIN: somebody has the scope's. */
static int try_it(struct strand *s, uint64_t id, bool daemon)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_acquire);
	struct parker *who;
	struct scope *in;

	if (atomic_load_explicit(&s->id, memory_order_relaxed) != id || life & LIFE_FREE)
		return -ESRCH;
	if (life & LIFE_ENDED || !s->scope || !is_created(s, life))
		return -EBUSY;
	in = scope_of(s->scope);
	if (!spin_try(&in->lock))
		return -EAGAIN;
	SHOW(in->shared, true);
	bool wake = change(s, in, daemon, &who);
	spin_unlock(&in->lock);
	if (wake)
		wait_finish(who, WAIT_READY);
	return 0;
}

int tl_daemon_set(tl_strand t, bool daemon)
{
	struct strand *s = slot_find(t);
	unsigned turn = 0;
	int r;

	if (!s)
		return -ESRCH;
	bias_visit();
	for (;;) {
		spin_lock(&s->lock);
		r = try_it(s, t.id, daemon);
		spin_unlock(&s->lock);
		if (r != -EAGAIN)
			break;
		spin_pause(&turn);
	}
	bias_leave();
	return r;
}
