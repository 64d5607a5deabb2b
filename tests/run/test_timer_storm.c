/* test_timer_storm.c - timers of every sort on several loops, cancelled at any moment and from any
 * loop, also by handles whose records are somebody else's by now.  Each one-shot runs once or was
 * cancelled, never both and never neither; none is early; each repeated one keeps to the rule of
 * its .missed; and in the end nothing is left, neither a strand nor an alarm. */
#include "run/run.h"
#include "strands.h"

enum { ACTORS = 4, ROUNDS = TSAN ? 6 : 20, FIRSTS = 200, ALL = 2 * FIRSTS, MOST_CALLS = 6 };
enum sort { ONCE, CANCELS_ITSELF, FAILS }; /* how it ends if nobody cancels it */

/* A timer.  One of the second half of its round is started by one of the first, when that fires.
 * None is used again, so whoever cancels one of a round that is over has a stale handle, and may
 * hit nobody: that one would be cancelled without having been asked. */
struct shot {
	/* its starter's, before it starts */
	tl_opts o;
	enum sort sort;
	bool waits; /* for an hour: to be cancelled in the end */
	int most;   /* calls, unless it is cancelled */
	struct shot *child;
	tl_scope *scope;
	/* its own */
	int calls;
	bool busy;
	int64_t planned, over; /* of the call before */
	/* everybody's */
	_Atomic uint64_t id;
	_Atomic bool asked; /* set before each cancel */
};

static struct shot shots[ACTORS][ROUNDS][ALL];
static _Atomic int rounds[ACTORS]; /* that have begun */
static _Atomic int fired, repeated, cancelled;

struct actor {
	int me;
	uint32_t seed;
};

static uint32_t chance(struct actor *a, uint32_t n)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 17;
	a->seed ^= a->seed << 5;
	return (uint32_t)((uint64_t)a->seed * n >> 32);
}

/* -- a timer */

static int shoot(void *arg);

static void launch(struct shot *s, start_fn *how)
{
	tl_opts o = s->o;
	tl_strand t;
	int r;

	o.ret = &t;
	if (how == tl_thread_start)
		o.slack = (tl_span){ 0 };
	r = how(s->scope, shoot, s, &o);
	if (r < 0)
		CHECK_EQ(r, -ECANCELED);
	atomic_store(&s->id, t.id);
}

/* The second and later calls. */
static void check_rule(const struct shot *s, int64_t planned)
{
	int64_t every = s->o.every.ns, step = planned - s->planned;

	switch (s->o.missed) {
	case TL_SKIP:
		CHECK_EQ(step % every, 0);
		CHECK(planned > s->over);
		break;
	case TL_BURST: CHECK_EQ(step, every); break;
	case TL_DELAY: CHECK(step >= every); break;
	}
}

static void check_time(const struct shot *s, int64_t planned, int64_t now)
{
	CHECK(now >= planned);
	CHECK(planned >= s->o.at.ns);
	if (s->calls)
		check_rule(s, planned);
	else if (s->o.missed != TL_DELAY)
		CHECK_EQ(planned, s->o.at.ns);
}

static int shoot(void *arg)
{
	struct shot *s = arg;
	int64_t planned = slot_find(tl_self())->planned;

	CHECK(!s->busy);
	s->busy = true;
	check_time(s, planned, tl_now().ns);
	if (s->calls == 0 && s->child)
		launch(s->child, tl_task_start);
	if (s->calls == 1)
		tl_yield();
	s->planned = planned;
	s->over = tl_now().ns;
	s->busy = false;
	if (++s->calls < s->most)
		return 0;
	CHECK_EQ(s->calls, s->most);
	if (s->sort == CANCELS_ITSELF)
		tl_cancel(tl_self());
	return s->sort == FAILS ? -ENODATA : s->calls;
}

/* -- what it may be */

static void choose_time(struct actor *a, struct shot *s, int64_t base)
{
	switch (chance(a, 8)) {
	case 0: s->o.at = PAST; break;
	case 1: s->o.at.ns = base + 500000; break; /* the same for many */
	case 2:
	case 3:
		s->o.at.ns = base + 3600000000000 + chance(a, 100000);
		s->waits = true;
		break;
	default: s->o.at.ns = base + chance(a, 3000000); break;
	}
	if (chance(a, 4) == 0)
		s->o.slack = tl_us(chance(a, 2000));
	if (chance(a, 32) == 0) { /* comes with another, or not */
		s->o.slack = tl_s(3600);
		s->waits = true;
	}
}

static void choose(struct actor *a, struct shot *s, tl_scope *scope, int64_t base)
{
	s->scope = scope;
	s->most = 1;
	s->o.daemon = chance(a, 8) == 0;
	s->o.paused = chance(a, 16) == 0;
	choose_time(a, s, base);
	if (chance(a, 6) == 0) {
		s->o.every = tl_us(1 + chance(a, 200));
		s->o.missed = chance(a, 3);
		s->most = 1 + (int)chance(a, MOST_CALLS);
		s->sort = chance(a, 2) ? CANCELS_ITSELF : FAILS;
	}
}

/* -- those who start and cancel them */

static void cancel(struct shot *s)
{
	atomic_store(&s->asked, true);
	tl_cancel((tl_strand){ atomic_load(&s->id) });
}

/* Of any loop, in this round or one that is over. */
static void cancel_any(struct actor *a)
{
	uint32_t whose = chance(a, ACTORS);
	int n = atomic_load(&rounds[whose]);

	if (n)
		cancel(&shots[whose][chance(a, 2) ? n - 1 : (int)chance(a, n)][chance(a, ALL)]);
}

static void disturb(struct actor *a)
{
	switch (chance(a, 16)) {
	case 0: CHECK_EQ(tl_yield(), 0); break;
	case 1: CHECK_EQ(tl_sleep(tl_us(chance(a, 50))), 0); break;
	case 2:
	case 3:
	case 4:
	case 5: cancel_any(a); break;
	}
}

static void check_end(const struct shot *s, tl_end end)
{
	if (end.how == TL_RETURNED) {
		CHECK_EQ(s->calls, s->most);
		CHECK(s->sort != CANCELS_ITSELF);
		CHECK_EQ(end.value, s->sort == FAILS ? -ENODATA : 1);
		atomic_fetch_add(s->o.every.ns ? &repeated : &fired, 1);
	} else {
		CHECK_EQ(end.value, -ECANCELED);
		CHECK(s->asked || (s->sort == CANCELS_ITSELF && s->calls == s->most));
		CHECK(s->o.every.ns || s->calls == 0);
		atomic_fetch_add(&cancelled, 1);
	}
}

static void settle(struct shot *s)
{
	tl_strand t = { atomic_load(&s->id) };
	tl_end end;

	if (!t.id)
		return; /* whoever would have started it never ran, or its scope was cancelled */
	tl_resume(t);
	if (s->waits)
		cancel(s);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	check_end(s, end);
}

/* Shielded: who cancels a scope is inside.  A parent comes before its child. */
static void settle_all(struct shot *all)
{
	tl_scope s = { .shield = true, .grace = tl_s(3600) };

	tl_scope_open(&s);
	for (int i = 0; i < ALL; i++)
		settle(&all[i]);
	tl_scope_close(&s);
}

static void play(struct actor *a, struct shot *all)
{
	tl_scope scope = { .keep_going = true };
	int64_t base = tl_now().ns;
	int r;

	for (int i = 0; i < ALL; i++)
		choose(a, &all[i], &scope, base);
	tl_scope_open(&scope);
	for (int i = 0; i < FIRSTS; i++) {
		if (chance(a, 64) == 0 && !all[i].o.every.ns) {
			launch(&all[i], tl_thread_start); /* waits for its children: has none */
		} else {
			all[i].child = chance(a, 2) ? &all[FIRSTS + i] : NULL;
			launch(&all[i], tl_task_start);
		}
		disturb(a);
	}
	if (chance(a, 4) == 0) {
		for (int i = 0; i < ALL; i++)
			all[i].asked = true;
		tl_scope_cancel(&scope);
	}
	settle_all(all);
	r = tl_scope_close(&scope);
	CHECK(r == 0 || r == -ENODATA);
}

static int act(void *arg)
{
	struct actor *a = arg;

	for (int i = 0; i < ROUNDS; i++) {
		atomic_store(&rounds[a->me], i + 1);
		play(a, shots[a->me][i]);
	}
	return 0;
}

/* The loop is the thread's alone by now. */
static int act_and_leave_nothing(void *arg)
{
	act(arg);
	CHECK_EQ(loop_here->claims, 1);
	CHECK_EQ(loop_here->alarms, loop_here->zero->alarm != 0);
	return 0;
}

/* -- storms */

enum mix { ONE_LOOP, LOOPS, ANYWHERE, MIXED };

static int start_actor(tl_scope *s, struct actor *a, enum mix how)
{
	tl_opts o = { .copy = sizeof *a, .anywhere = how == ANYWHERE };

	if (how == MIXED)
		return start_actor(s, a, (enum mix)(a->me % MIXED));
	return how == LOOPS ? tl_thread_start(s, act_and_leave_nothing, a, &o)
			    : tl_task_start(s, act, a, &o);
}

static void rage(enum mix how, uint32_t seed)
{
	tl_scope s = { 0 };

	memset(shots, 0, sizeof shots);
	memset(rounds, 0, sizeof rounds);
	fired = repeated = cancelled = 0;
	tl_scope_open(&s);
	for (int i = 0; i < ACTORS; i++) {
		struct actor a = { i, (seed + (uint32_t)i) * 2654435761u | 1 };

		CHECK_EQ(start_actor(&s, &a, how), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(fired > 0 && repeated > 0 && cancelled > 0);
}

static void storm(enum mix how, uint32_t first, uint32_t n)
{
	tl_on_report(remember, NULL);
	tl_workers(3);
	for (uint32_t seed = first; seed < first + n; seed++)
		rage(how, seed);
	CHECK_EQ(tl_list(NULL, 0), how < ANYWHERE ? 1 : 3);
	CHECK_EQ(seen_reports[TL_R_MISUSE], 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
	CHECK_EQ(loop_here->claims, 1);
	CHECK_EQ(loop_here->alarms, loop_here->zero->alarm != 0);
}

TEST_LIMIT(storm_one_loop, 60) { storm(ONE_LOOP, 1, 1); }
TEST_LIMIT(storm_loops, 60) { storm(LOOPS, 2, 1); }
TEST_LIMIT(storm_anywhere, 60) { storm(ANYWHERE, 3, 1); }
TEST_LIMIT(storm_mixed, 60) { storm(MIXED, 4, 1); }
TEST_LONG(storms, 600) { storm(MIXED, 100, 40); }
