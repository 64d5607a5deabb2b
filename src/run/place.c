/* place.c - joining a child that has not begun, by running it right here, on the joiner's stack.
 *
 * Sound only if nothing can make the join return while the child's frames lie on top of it, and if
 * nobody can tell: the child is next on this very loop, or an .anywhere task that nobody took; the
 * join has no deadline; what would cancel it cancels the child, as the child's scope is the
 * joiner's
 * innermost; the child asked for no stack or time of its own; a quarter of the stack is left; and
 * the
 * loop is not due for a look outside.  Identity, name, scopes and locks are the child's meanwhile,
 * and
 * the joiner is seen as blocked.  If the child parks, the whole stack parks, under its name.
 *
 * Not under TSan, which would see one strand where there are two. */
#include "run/run.h"

static bool plain(const struct strand *s)
{
	const struct extra *x = LOOK(s->extra);

	return !s->planned && (!x || (!x->stack && !x->every.ns));
}

static bool room_here(const struct body *b)
{
	const char *floor = b->on->floor;

	return floor && (const char *)__builtin_frame_address(0) > floor;
}

/* The joiner's frame: the child's body lies in it. */
static tl_end run_here(struct loop *l, struct strand *me, struct strand *s)
{
	struct body *mine = me->body, b;
	int r;

	b.own = (struct ground){ .floor = mine->on->floor, .note = mine->on->note };
	strand_begin(s, &b);
	SHOW(mine->placed, true);
	loop_runs(l, s);
	r = strand_run(s);
	r = strand_part(s, r);
	loop_runs(l, me);
	SHOW(mine->placed, false);
	mine->on->note = b.own.note;
	timer_leave(l);
	return strand_end(s, r);
}

/* Read only of a strand that is in our own run queue or deque, and so nobody's else. */
static bool fits(const struct strand *me, const struct strand *s)
{
	uint32_t life = atomic_load_explicit(&s->life, memory_order_relaxed);

	return !s->begun && s->scope == me->body->inner && !(life & (LIFE_PAUSED | LIFE_ASKED)) &&
	       plain(s) && room_here(me->body);
}

bool place_join(struct strand *me, struct strand *s, tl_end *ret)
{
	struct loop *l = me->loop;

	if (!switch_may_place)
		return false;
	if (l->first == s ? !fits(me, s) || !loop_claim(l, s) : !work_claim(me, s, fits))
		return false;
	*ret = run_here(l, me, s);
	return true;
}
