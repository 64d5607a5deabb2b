/* object_sync.c - objects to wait with: Lock, RLock, Condition, Semaphore, BoundedSemaphore, Event,
 * Barrier.
 *
 * Who waits is tried again, in the order in which they came, whenever the object has changed
 * (object_settle); so a lock that is let go belongs at once to who has waited longest, and nobody
 * is passed.  A lock is held by a strand of a client.  When that client's process has gone the lock
 * is lost, until a `recover` takes it and releases it again. */
#include "object.h"
#include <errno.h>

static bool mine(const struct call *c, const struct holder *h)
{
	return h->client == c->client && h->strand == c->strand;
}

static int not_mine(struct call *c) { return say(c, -EPERM, "the caller does not hold it"); }

static int whole(struct call *c, int64_t least, int64_t initial, int64_t *ret)
{
	*ret = initial;
	if (want_int(c, 0, ret) < 0 || *ret < least)
		return wanted(
			c, least ? "a whole number from 1" : "a whole number from 0", c->args[0]);
	return 0;
}

static int text_as(struct call *c, const char *text) { return text_of(c, text, TL_NIL, NULL); }

/* -- Lock, RLock, and the lock of a Condition */

static int acquire(struct call *c)
{
	struct state *s = &c->object->state;

	if (s->holder.client && mine(c, &s->holder)) {
		if (c->object->type == &type_lock)
			return say(c, -EDEADLK, "the caller holds it");
		s->depth++;
		return 0;
	}
	if (s->holder.client)
		return -EAGAIN;
	if (s->lost)
		return say(c, -EOWNERDEAD, "its holder has died; see recover");
	if (turn_still(c) < 0)
		return -EPIPE;
	s->holder = (struct holder){ c->client, c->strand };
	s->depth = 1;
	return 0;
}

static int recover(struct call *c)
{
	struct state *s = &c->object->state;
	bool lost = s->lost;
	int r;

	s->lost = false;
	r = acquire(c);
	if (r < 0)
		s->lost = lost;
	else
		c->ret = TL_BOOL(lost);
	return r;
}

static int release(struct call *c)
{
	struct state *s = &c->object->state;

	if (!s->holder.client || !mine(c, &s->holder))
		return not_mine(c);
	if (--s->depth == 0)
		s->holder.client = NULL;
	return 0;
}

static int held(struct call *c)
{
	c->ret = TL_BOOL(c->object->state.holder.client != NULL);
	return 0;
}

static int lock_text(struct call *c)
{
	const struct state *s = &c->object->state;
	const char *state = s->lost ? "lost" : s->holder.client ? "locked" : "unlocked";
	char text[40] = "<";

	strcat(strcat(strcat(strcat(text, state), " "), c->object->type->name), ">");
	return text_as(c, text);
}

void lock_owner_gone(struct object *o, const struct client *c)
{
	if (o->state.holder.client != c)
		return;
	o->state.holder.client = NULL;
	o->state.lost = true;
	object_settle(o);
}

/* -- Condition: its stages are told in `stage` and `seen` of the call that waits.
 *	0  has just come		gives the lock up		-> 1
 *	1  waits to be told		told, or asked to leave		-> 2
 *	2  wants the lock back, as deep as it was (seen)
 * state.waiting counts those in 1; state.units how many of them are to be told. */

enum { COMES, WAITS, RETURNS };

static int cond_return(struct call *c)
{
	struct state *s = &c->object->state;
	int r = acquire(c);

	if (r == 0)
		s->depth = c->seen;
	return r < 0 ? r : c->leaving;
}

static int cond_wait(struct call *c)
{
	struct state *s = &c->object->state;

	if (c->stage == COMES) {
		if (c->leaving || !s->holder.client || !mine(c, &s->holder))
			return c->leaving ? c->leaving : not_mine(c);
		c->seen = s->depth;
		s->holder.client = NULL;
		s->waiting++;
		c->stage = WAITS;
		return -EAGAIN;
	}
	if (c->stage == WAITS) {
		if (!s->units && !c->leaving)
			return -EAGAIN;
		c->leaving = c->leaving ? c->leaving : turn_still(c); /* another is told */
		s->units -= s->units && !c->leaving;
		s->waiting--;
		s->units = s->units < s->waiting ? s->units : s->waiting;
		c->stage = RETURNS;
	}
	return c->leaving == -EPIPE ? -EPIPE : cond_return(c);
}

static int notify(struct call *c)
{
	struct state *s = &c->object->state;
	int64_t n = 1;
	int r = s->holder.client && mine(c, &s->holder) ? want_int(c, 0, &n) : not_mine(c);

	if (r < 0)
		return r;
	n = n < 0 ? 0 : n;
	s->units = n < s->waiting - s->units ? s->units + n : s->waiting;
	return 0;
}

static int notify_all(struct call *c)
{
	struct state *s = &c->object->state;

	if (!s->holder.client || !mine(c, &s->holder))
		return not_mine(c);
	s->units = s->waiting;
	return 0;
}

/* -- Semaphore */

static int sem_open(struct call *c)
{
	int r = whole(c, 0, 1, &c->object->state.units);

	c->object->state.limit = INT64_MAX;
	if (c->object->type == &type_bounded_semaphore)
		c->object->state.limit = c->object->state.units;
	return r;
}

static int sem_acquire(struct call *c)
{
	int r = c->object->state.units ? turn_still(c) : -EAGAIN;

	c->object->state.units -= r == 0;
	return r;
}

static int sem_release(struct call *c)
{
	struct state *s = &c->object->state;
	int64_t n;
	int r = whole(c, 1, 1, &n);

	if (r < 0)
		return r;
	if (n > s->limit - s->units)
		return say(c, -EOVERFLOW, "released more often than acquired");
	s->units += n;
	return 0;
}

static int sem_count(struct call *c)
{
	c->ret = TL_INT(c->object->state.units);
	return 0;
}

static int sem_text(struct call *c)
{
	return text_of(c, c->object->type == &type_semaphore ? "Semaphore(" : "BoundedSemaphore(",
		TL_INT(c->object->state.units), ")");
}

/* -- Event: who waits goes on also if it is cleared at once: it is served before the next call */

static int event_set(struct call *c)
{
	c->object->state.set = true;
	return 0;
}

static int event_clear(struct call *c)
{
	c->object->state.set = false;
	return 0;
}

static int event_is_set(struct call *c)
{
	c->ret = TL_BOOL(c->object->state.set);
	return 0;
}

static int event_wait(struct call *c) { return c->object->state.set ? 0 : -EAGAIN; }

static int event_text(struct call *c)
{
	return text_as(c, c->object->state.set ? "<set Event>" : "<unset Event>");
}

/* -- Barrier: stage is 1 for who waits; seen is the round it came in.  A wait that runs out of time
 * breaks it; one that is cancelled, or whose client goes, only leaves.  So numbers are given when
 * all have come, which begins with units at 0: who comes last has the last. */

static int barrier_open(struct call *c) { return whole(c, 1, 1, &c->object->state.limit); }

static int broken(struct call *c) { return say(c, -EPIPE, "the barrier is broken"); }

static int barrier_leave(struct call *c)
{
	c->object->state.waiting--;
	if (c->leaving == -ETIMEDOUT)
		c->object->state.broken = true;
	return c->leaving;
}

/* Nobody passes by the number of those who have gone. */
static int count_again(struct call *c)
{
	for (struct waiter *w = c->object->first, *next; w; w = next) {
		next = w->next;
		if (turn_still(w->call) < 0)
			object_leave(c->object, w, -EPIPE);
	}
	return turn_still(c);
}

static int barrier_come(struct call *c)
{
	struct state *s = &c->object->state;

	if (s->broken)
		return broken(c);
	if (s->waiting + 1 == s->limit && count_again(c) < 0)
		return -EPIPE;
	if (s->waiting + 1 == s->limit) {
		c->ret = TL_INT(s->waiting);
		s->waiting = s->units = 0;
		s->round++;
		return 0;
	}
	s->waiting++;
	c->seen = s->round;
	c->stage = 1;
	return -EAGAIN;
}

static int barrier_wait(struct call *c)
{
	struct state *s = &c->object->state;

	if (!c->stage)
		return c->leaving ? c->leaving : barrier_come(c);
	if (c->seen != s->round) {
		c->ret = TL_INT(s->units++);
		return 0;
	}
	if (s->broken) {
		s->waiting--;
		return broken(c);
	}
	return c->leaving ? barrier_leave(c) : -EAGAIN;
}

static int barrier_abort(struct call *c)
{
	c->object->state.broken = true;
	return 0;
}

/* Those inside are told that it is broken; it is whole again when they have left. */
static int barrier_reset(struct call *c)
{
	c->object->state.broken = true;
	object_settle(c->object);
	c->object->state.broken = false;
	return 0;
}

static int barrier_parties(struct call *c)
{
	c->ret = TL_INT(c->object->state.limit);
	return 0;
}

static int barrier_broken(struct call *c)
{
	c->ret = TL_BOOL(c->object->state.broken);
	return 0;
}

static int barrier_text(struct call *c)
{
	return text_of(c, "Barrier(", TL_INT(c->object->state.limit), ")");
}

static const struct verb lock_verbs[] = {
	{ "acquire", 0, 0, true, false, acquire },
	{ "recover", 0, 0, true, false, recover },
	{ "release", 0, 0, true, false, release },
	{ "held", 0, 0, false, false, held },
	{ "text", 0, 0, false, false, lock_text },
	{ 0 },
};

static const struct verb condition_verbs[] = {
	{ "wait", 0, 0, true, true, cond_wait },
	{ "notify", 0, 1, true, false, notify },
	{ "notify_all", 0, 0, true, false, notify_all },
	{ 0 },
};

static const struct verb sem_verbs[] = {
	{ "acquire", 0, 0, true, false, sem_acquire },
	{ "release", 0, 1, true, false, sem_release },
	{ "count", 0, 0, false, false, sem_count },
	{ "text", 0, 0, false, false, sem_text },
	{ 0 },
};

static const struct verb event_verbs[] = {
	{ "set", 0, 0, true, false, event_set },
	{ "clear", 0, 0, true, false, event_clear },
	{ "is_set", 0, 0, false, false, event_is_set },
	{ "wait", 0, 0, false, false, event_wait },
	{ "text", 0, 0, false, false, event_text },
	{ 0 },
};

static const struct verb barrier_verbs[] = {
	{ "wait", 0, 0, true, false, barrier_wait },
	{ "abort", 0, 0, true, false, barrier_abort },
	{ "reset", 0, 0, true, false, barrier_reset },
	{ "parties", 0, 0, false, false, barrier_parties },
	{ "broken", 0, 0, false, false, barrier_broken },
	{ "text", 0, 0, false, false, barrier_text },
	{ 0 },
};

const struct type type_lock = { "Lock", NULL, NULL, lock_verbs, true, NULL };
const struct type type_rlock = { "RLock", NULL, NULL, lock_verbs, true, NULL };
const struct type type_condition = { "Condition", NULL, NULL, condition_verbs, true, lock_verbs };
const struct type type_semaphore = { "Semaphore", sem_open, NULL, sem_verbs, true, NULL };
const struct type type_bounded_semaphore = { "BoundedSemaphore", sem_open, NULL, sem_verbs, true,
	NULL };
const struct type type_event = { "Event", NULL, NULL, event_verbs, true, NULL };
const struct type type_barrier = { "Barrier", barrier_open, NULL, barrier_verbs, false, NULL };
