/* timer.c - the timers of a loop.
 *
 * A strand has at most one alarm.  An alarm says "look at this strand at the latest then": waiting
 * with a later deadline leaves it where it is, so a server whose every read has a deadline of half
 * a minute touches the heap twice a minute per connection, not twice per read.  One that rings too
 * early pokes its strand, which sets it again.
 *
 * Alarms are entries of a heap, in the order of time and then of setting.  Nobody looks for an
 * entry: one whose alarm is off or was set to an earlier time is stale.  It is dropped when its
 * time comes, with all others when they dominate, and at once when no alarm is left.  strand.alarm
 * is the turn of the one entry that counts, 0 is none.
 *
 * A strand with slack has a second entry of the same turn, in a heap of windows: the time from
 * which it may ring together with whoever rings then.  There is one if there is memory: it only
 * saves wake-ups.
 *
 * An entry names a record, and that may be another strand's by now, also on another loop: its alarm
 * is read before its loop, pairs with the writes in strand_init and set. */
#include "base/mem.h"
#include "run/bias.h"
#include <errno.h>

enum { SLOT_BITS = 24, FEW = 64, CROWD = 32 };

static struct strand *record(struct entry e)
{
	return slot_at((uint32_t)e.who & ((1u << SLOT_BITS) - 1));
}

/* Whose alarm it is; NULL: stale. */
static struct strand *owner(const struct loop *l, struct entry e)
{
	struct strand *s = record(e);

	return LOOK(s->alarm) == (uint32_t)(e.who >> SLOT_BITS) && LOOK(s->loop) == l ? s : NULL;
}

static bool counts(struct entry e, void *loop) { return owner(loop, e) != NULL; }

/* At most half of the entries, and a few, are stale. */
static uint32_t most(uint32_t alarms) { return 2 * alarms + FEW; }

int timer_room(struct loop *l)
{
	if (!heap_reserve(&l->timers, most(l->claims + 1)))
		return -ENOMEM;
	l->claims++;
	return 0;
}

void timer_leave(struct loop *l)
{
	if (--l->claims == 1)
		loop_alone(l);
}

static struct entry set(struct strand *s, int64_t at)
{
	struct loop *l = s->loop;
	uint64_t slot = atomic_load_explicit(&s->id, memory_order_relaxed) << (64 - SLOT_BITS);
	struct entry e = { .at = at };

	if (l->timers.n >= most(l->alarms) - 1)
		heap_keep(&l->timers, counts, l);
	if (!s->alarm)
		l->alarms++;
	do
		l->turns++;
	while ((uint32_t)l->turns == 0);
	e.who = l->turns << SLOT_BITS | slot >> (64 - SLOT_BITS);
	s->rings = at;
	SHOW(s->alarm, (uint32_t)l->turns);
	heap_push(&l->timers, e);
	return e;
}

void timer_at(struct strand *s, int64_t at)
{
	if (!s->alarm || at < s->rings)
		set(s, at);
}

void timer_between(struct strand *s, int64_t at, int64_t slack)
{
	struct heap *windows = &s->loop->windows;
	struct entry e;
	int64_t last;

	if (__builtin_add_overflow(at, slack, &last))
		last = INT64_MAX;
	if (s->alarm && s->rings == last)
		return;
	e = set(s, last);
	if (!slack)
		return;
	if (windows->n == windows->room) {
		heap_keep(windows, counts, s->loop);
		heap_reserve(windows, most(windows->n));
	}
	e.at = at;
	if (windows->n < windows->room)
		heap_push(windows, e);
}

void timer_off(struct strand *s)
{
	struct loop *l = s->loop;

	if (!s->alarm)
		return;
	SHOW(s->alarm, 0);
	if (--l->alarms == 0) {
		heap_clear(&l->timers);
		heap_clear(&l->windows);
	}
}

static bool is_due(struct heap *h, int64_t now)
{
	const struct entry *least = heap_least(h);

	return least && least->at <= now;
}

/* Its end will touch those beside it in its scope.  They may be looked at if that lock is l's. */
static void siblings_near(struct loop *l, const struct strand *s)
{
	struct scope *in = s->scope ? scope_of(s->scope) : NULL;

	if (!in || LOOK(in->owner->loop) != l || !bias_enter(l))
		return;
	if (!LOOK(in->shared)) {
		__builtin_prefetch(s->sibling.prev, 1);
		__builtin_prefetch(s->sibling.next, 1);
	}
	bias_out(l);
}

/* Strands whose time has come lie anywhere: while the heap is asked for one, others are on their
 * way from memory, and later those beside them in their scope.  True: there may be more. */
static bool ring(struct loop *l, struct heap *h, int64_t now)
{
	struct entry crowd[CROWD];
	uint32_t n;

	for (n = 0; n < CROWD && is_due(h, now); n++) {
		crowd[n] = *heap_least(h);
		strand_near(record(crowd[n]));
		heap_pop(h);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct strand *s = owner(l, crowd[i]);

		if (s) {
			siblings_near(l, s);
			timer_off(s);
			wait_poke(&s->park);
		}
	}
	return n == CROWD;
}

/* A crowd at a time, so that they begin before others have driven them out of the cache. */
void timer_fire(struct loop *l, int64_t now)
{
	ring(l, &l->timers, now);
	while (ring(l, &l->windows, now))
		;
}

int64_t timer_next(struct loop *l)
{
	const struct entry *e;

	while ((e = heap_least(&l->timers)) && !owner(l, *e))
		heap_pop(&l->timers);
	return e ? e->at : 0;
}

bool timer_due(struct loop *l)
{
	int64_t next = timer_next(l);

	return next && next <= l->now;
}
