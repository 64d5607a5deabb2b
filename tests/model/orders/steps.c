/* steps.c - what each step of a virtual thread does to memory, and when it can be done.
 *
 * Locks, tokens and the kernel's queues are locations too, on which every step is a read-modify-
 * write of the newest value: so they carry happens-before as they should, in the order in which
 * they are done. */
#include "explore.h"
#include <string.h>

static int place_of(const struct step *s) { return memory_place(s->p, s->size); }

/* The queue of sleepers on a word: a location of no bytes beside it. */
static int queue_of(void *word) { return memory_place((char *)word + 1, 0); }

struct touch step_touch(int t, const struct step *s)
{
	struct touch r = { 0 };

	(void)t;
	switch (s->kind) {
	case NOTHING:
	case RAISE: break;
	case LOAD: r.reads = 1ull << place_of(s); break;
	case HIT: r.hits = 1u << s->other; break;
	case SLEEP: r.reads = 1ull << place_of(s); /* fall through */
	case ASLEEP:
	case WAKE: r.writes = 1ull << queue_of(s->p); break;
	default: r.writes = 1ull << place_of(s);
	}
	return r;
}

bool step_can(int t, const struct step *s)
{
	struct fibre *me = &explorer->strands[t];

	switch (s->kind) {
	case NOTHING: return false;
	case LOAD:
		return me->awaits < 0 || me->last_place != s->p ||
		       memory_writer(place_of(s), memory_newest(place_of(s))) != me->awaits;
	case LOCK: return memory_value(place_of(s), -1) == 0;
	case TAKE: return memory_value(place_of(s), -1) > 0;
	case ASLEEP: return !me->queued;
	default: return true;
	}
}

/* Newest first, so that the first run is the one that a strong machine would do. */
static int pick(const int *options, int n)
{
	if (n == 0)
		orders_failed("nothing can happen next", __FILE__, __LINE__);
	return explore_choose(options, n);
}

static void load(int t, struct step *s)
{
	struct fibre *me = &explorer->strands[t];
	int options[WRITES], place = place_of(s), at;
	int after = me->awaits >= 0 && me->last_place == s->p ? me->awaits : -1;

	at = pick(options, memory_readable(t, place, s->order, false, after, options));
	s->result = memory_value(place, at);
	me->last_read = memory_writer(place, at);
	me->last_place = s->p;
	me->awaits = -1;
	memory_read(t, place, s->order, at, s->site);
}

static void store(int t, struct step *s)
{
	int options[WRITES], place = place_of(s);
	int at = pick(options, memory_writable(t, place, s->order, options));

	memory_write(t, place, s->order, at, s->x, s->site);
}

static uint64_t cut(uint64_t x, size_t size) { return size < 8 ? x & ((1ull << 8 * size) - 1) : x; }

static uint64_t apply(const struct step *s, uint64_t was)
{
	switch (s->how) {
	case exchange: return s->x;
	case fetch_add: return cut(was + s->x, s->size);
	case fetch_sub: return cut(was - s->x, s->size);
	case fetch_or: return was | s->x;
	case fetch_and: return was & s->x;
	}
	return 0;
}

static void rmw(int t, struct step *s)
{
	int options[WRITES], place = place_of(s);
	int at = pick(options, memory_readable(t, place, s->order, true, -1, options));

	s->result = memory_value(place, at);
	memory_update(t, place, s->order, at, apply(s, s->result), s->site);
}

/* Options from 0 are successes, below it failures; a weak one does not fail for nothing. */
static void cas(int t, struct step *s)
{
	int found[WRITES], options[2 * WRITES], place = place_of(s), k = 0, at;
	int n = memory_readable(t, place, s->order, true, -1, found);

	for (int i = 0; i < n; i++)
		if (memory_value(place, found[i]) == s->expected)
			options[k++] = found[i];
	n = memory_readable(t, place, s->failure, false, -1, found);
	for (int i = 0; i < n; i++)
		if (memory_value(place, found[i]) != s->expected)
			options[k++] = -1 - found[i];
	at = pick(options, k);
	s->ok = at >= 0;
	if (s->ok) {
		memory_update(t, place, s->order, at, s->x, s->site);
	} else {
		s->result = memory_value(place, -1 - at);
		memory_read(t, place, s->failure, -1 - at, s->site);
	}
}

/* One turn on a location that is passed from hand to hand. */
static void turn(int t, int place, uint64_t value, int order)
{
	memory_update(t, place, order, memory_newest(place), value, NULL);
}

static void sleep_on(int t, struct step *s)
{
	struct fibre *me = &explorer->strands[t];

	turn(t, queue_of(s->p), 0, ORDERS_ACQ_REL);
	s->order = ORDERS_RELAXED;
	load(t, s);
	s->ok = s->result == s->expected;
	if (s->ok) {
		me->queued = s->p;
		me->turn = explorer->turn++;
	}
}

static struct fibre *next_sleeper(const void *word)
{
	struct fibre *best = NULL;

	for (int i = 0; i < explorer->n_strands; i++) {
		struct fibre *k = &explorer->strands[i];

		if (k->queued == word && (!best || k->turn < best->turn))
			best = k;
	}
	return best;
}

static void wake(int t, struct step *s)
{
	struct fibre *k;

	turn(t, queue_of(s->p), 0, ORDERS_ACQ_REL);
	for (uint64_t n = s->x; n && (k = next_sleeper(s->p)); n--)
		k->queued = NULL;
}

static void raise_fence(int t, struct step *s)
{
	s->result = (uint64_t)memory_fence(t, s->order, s->site);
}

/* Fences of a membarrier come one after the other: first ours, theirs, and ours again. */
static void hit(struct step *s)
{
	s->result = (uint64_t)memory_fence(s->other, ORDERS_SEQ_CST, s->site);
	memory_sc_before(s->after, (int)s->result);
}

extern struct orders_site __start_orders_sites[];

void step_do(int t, struct step *s)
{
	if (s->site)
		explorer->touched[s->site - __start_orders_sites] = true;
	if (s->size && memory_gone(place_of(s)))
		orders_failed("touched after it was given back", __FILE__, __LINE__);
	switch (s->kind) {
	case NOTHING: break;
	case LOAD: load(t, s); break;
	case STORE: store(t, s); break;
	case RMW: rmw(t, s); break;
	case CAS: cas(t, s); break;
	case RAISE: raise_fence(t, s); break;
	case LOCK: turn(t, place_of(s), 1, ORDERS_ACQUIRE); break;
	case UNLOCK: turn(t, place_of(s), 0, ORDERS_RELEASE); break;
	case TRY:
		s->ok = memory_value(place_of(s), -1) == 0;
		turn(t, place_of(s), 1, s->ok ? ORDERS_ACQUIRE : ORDERS_RELAXED);
		break;
	case POST: turn(t, place_of(s), memory_value(place_of(s), -1) + 1, ORDERS_RELEASE); break;
	case TAKE: turn(t, place_of(s), memory_value(place_of(s), -1) - 1, ORDERS_ACQUIRE); break;
	case SLEEP: sleep_on(t, s); break;
	case ASLEEP: turn(t, queue_of(s->p), 0, ORDERS_RELAXED); break;
	case WAKE: wake(t, s); break;
	case HIT: hit(s); break;
	}
}

/* -- what the sources under test call.  Outside of virtual threads nobody else runs: the memory
 * itself is good enough. */

static uint64_t content(const void *p, size_t size)
{
	uint64_t x = 0;

	memcpy(&x, p, size);
	return x;
}

uint64_t orders_load(void *p, size_t size, const struct orders_site *at)
{
	struct step s = { .kind = LOAD, .p = p, .size = size, .order = at->order, .site = at };

	return explore_step(&s) ? s.result : content(p, size);
}

void orders_store(void *p, size_t size, uint64_t x, const struct orders_site *at)
{
	struct step s = { .kind = STORE,
		.p = p,
		.size = size,
		.x = cut(x, size),
		.order = at->order,
		.site = at };

	if (!explore_step(&s))
		memcpy(p, &s.x, size);
}

uint64_t orders_rmw(
	void *p, size_t size, enum orders_rmw how, uint64_t x, const struct orders_site *at)
{
	struct step s = { .kind = RMW,
		.p = p,
		.size = size,
		.x = cut(x, size),
		.how = how,
		.order = at->order,
		.site = at };

	if (!explore_step(&s)) {
		uint64_t now = apply(&s, s.result = content(p, size));

		memcpy(p, &now, size);
	}
	return s.result;
}

bool orders_cas(void *p, size_t size, uint64_t *expected, uint64_t x, const struct orders_site *at)
{
	struct step s = { .kind = CAS,
		.p = p,
		.size = size,
		.x = cut(x, size),
		.expected = cut(*expected, size),
		.order = at->order,
		.failure = at->failure,
		.site = at };

	if (!explore_step(&s)) {
		s.result = content(p, size);
		s.ok = s.result == s.expected;
		if (s.ok)
			memcpy(p, &s.x, size);
	}
	if (!s.ok)
		*expected = s.result;
	return s.ok;
}

void orders_fence(const struct orders_site *at)
{
	explore_step(&(struct step){ .kind = RAISE, .order = at->order, .site = at });
}

static struct step on(enum step_kind kind, void *p)
{
	return (struct step){ .kind = kind, .p = p };
}

void orders_lock(void *p) { explore_step((struct step[]){ on(LOCK, p) }); }
void orders_unlock(void *p) { explore_step((struct step[]){ on(UNLOCK, p) }); }
void orders_post(void *p) { explore_step((struct step[]){ on(POST, p) }); }
void orders_take(void *p) { explore_step((struct step[]){ on(TAKE, p) }); }

bool orders_try(void *p)
{
	struct step s = on(TRY, p);

	return !explore_step(&s) || s.ok;
}

bool orders_futex_wait(uint32_t *word, uint32_t expected)
{
	struct step s = { .kind = SLEEP, .p = word, .size = sizeof *word, .expected = expected };

	if (!explore_step(&s) || !s.ok)
		return false;
	s.kind = ASLEEP;
	return explore_step(&s);
}

void orders_futex_wake(uint32_t *word, int n)
{
	explore_step(&(struct step){ .kind = WAKE, .p = word, .x = (uint64_t)n });
}

void orders_barrier(const struct orders_site *at)
{
	struct step first = { .kind = RAISE, .order = at->order, .site = at }, last = first, s;
	int self = explorer->self, fences[THREADS], n = 0;

	if (!explore_step(&first) || at->order != ORDERS_SEQ_CST)
		return;
	for (int i = 0; i < explorer->n_strands; i++) {
		s = (struct step){ .kind = HIT, .other = i, .after = (int)first.result };
		if (i != self && explore_step(&s))
			fences[n++] = (int)s.result;
	}
	explore_step(&last);
	while (n--)
		memory_sc_before(fences[n], (int)last.result);
}

void orders_pause(void)
{
	if (explorer->self >= 0)
		explorer->strands[explorer->self].awaits =
			explorer->strands[explorer->self].last_read;
}
