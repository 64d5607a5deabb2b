/* timer.c - the timers of a loop: a 4-ary heap with the time beside the pointer, so that sifting
 * reads one cache line per level.
 *
 * A strand has at most one entry.  An entry says "look at this strand at the latest then": waiting
 * with a later deadline leaves it where it is, so a server whose every read has a deadline of half
 * a minute touches the heap twice a minute per connection, not twice per read.  An entry that fires
 * too early pokes its strand, which arms again. */
#include "base/mem.h"
#include "run/run.h"
#include <errno.h>

enum { FAN = 4, FIRST_ROOM = 64 };

static void put(struct loop *l, uint32_t i, struct timer t)
{
	l->timers[i] = t;
	t.strand->timer = i + 1;
}

static void up(struct loop *l, uint32_t i, struct timer t)
{
	for (; i && t.at < l->timers[(i - 1) / FAN].at; i = (i - 1) / FAN)
		put(l, i, l->timers[(i - 1) / FAN]);
	put(l, i, t);
}

static uint32_t least_child(const struct loop *l, uint32_t i)
{
	uint32_t c = i * FAN + 1, end = c + FAN < l->n_timers ? c + FAN : l->n_timers, least = c;

	for (; c < end; c++)
		if (l->timers[c].at < l->timers[least].at)
			least = c;
	return least;
}

static void down(struct loop *l, uint32_t i, struct timer t)
{
	for (;;) {
		uint32_t c = least_child(l, i);

		if (c >= l->n_timers || l->timers[c].at >= t.at)
			break;
		put(l, i, l->timers[c]);
		i = c;
	}
	put(l, i, t);
}

int timer_room(struct loop *l)
{
	uint32_t room = l->room ? l->room * 2 : FIRST_ROOM;
	struct timer *bigger;

	if (l->claims == l->room) {
		bigger = mem_resize(l->timers, room * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		l->timers = bigger;
		l->room = room;
	}
	l->claims++;
	return 0;
}

void timer_leave(struct loop *l)
{
	if (--l->claims == 1)
		loop_alone(l);
}

void timer_at(struct strand *s, int64_t at)
{
	struct loop *l = s->loop;
	struct timer t = { at, s };

	if (s->timer) {
		if (at < l->timers[s->timer - 1].at)
			up(l, s->timer - 1, t);
		return;
	}
	up(l, l->n_timers++, t);
}

void timer_off(struct strand *s)
{
	struct loop *l = s->loop;
	uint32_t i = s->timer - 1;
	struct timer last;

	if (!s->timer)
		return;
	s->timer = 0;
	last = l->timers[--l->n_timers];
	if (i == l->n_timers)
		return;
	if (i && last.at < l->timers[(i - 1) / FAN].at)
		up(l, i, last);
	else
		down(l, i, last);
}

void timer_fire(struct loop *l, int64_t now)
{
	while (l->n_timers && l->timers[0].at <= now) {
		struct strand *s = l->timers[0].strand;

		timer_off(s);
		wait_poke(&s->park);
	}
}

int64_t timer_next(const struct loop *l) { return l->n_timers ? l->timers[0].at : 0; }
