/* Values of those that never begin, begin again, fork, are foreign, or are many. */
#include "locals.h"

/* -- those that never begin */

static int never(void *arg) { return (void)arg, CHECK(!"it ran"), 0; }

static void cancelled_unborn(start_fn *how, tl_opts o, bool by_scope)
{
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;

	o.ret = &t;
	n_copies = n_drops = 0;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, never, NULL, &o), 0);
	if (o.paused || o.at.ns)
		UNTIL(tl_state(t) == TL_CREATED);
	by_scope ? tl_scope_cancel(&s) : tl_cancel(t);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), by_scope ? -ECANCELED : 0);
	if (!by_scope) {
		CHECK_EQ(end.how, TL_CANCELLED);
		CHECK_EQ(n_drops, 1);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_copies, 1);
	CHECK_EQ(n_drops, 1);
	CHECK_EQ(dropped_in, t.id);
}

TEST(who_never_begins_drops_its_copies)
{
	tl_opts paused = { .paused = true }, later = { .at = tl_after(tl_s(1000)) };

	set(&inherited, 1);
	for (int by_scope = 0; by_scope < 2; by_scope++) {
		cancelled_unborn(tl_task_start, (tl_opts){ 0 }, by_scope);
		cancelled_unborn(tl_task_start, paused, by_scope);
		cancelled_unborn(tl_thread_start, paused, by_scope);
		cancelled_unborn(tl_task_start, later, by_scope);
		cancelled_unborn(tl_thread_start, later, by_scope);
	}
}

static void refused(start_fn *how)
{
	tl_scope s = { 0 };

	n_copies = n_drops = 0;
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(how(&s, never, NULL, NULL), -ECANCELED);
	CHECK_EQ(n_copies, n_drops);
	CHECK_EQ(tl_scope_close(&s), 0);
	if (how == tl_task_start || SANITIZED)
		return;
	tl_scope_open(&s);
	CHECK_EQ(how(&s, never, NULL, &(tl_opts){ .stack = (size_t)1 << 50 }), -EAGAIN);
	CHECK_EQ(n_copies, n_drops);
	CHECK_EQ(tl_scope_close(&s), -EAGAIN);
}

TEST(a_refused_start_drops_the_copies)
{
	set(&inherited, 1);
	both(refused);
}

/* -- again and again */

static int ticks;

static int tick(void *arg)
{
	(void)arg;
	CHECK_EQ(get(&fresh), ticks ? ticks : -1);
	CHECK_EQ(get(&inherited), 5 + ticks);
	set(&fresh, ++ticks);
	set(&inherited, 5 + ticks);
	return 0;
}

TEST(a_repeated_task_keeps_its_values)
{
	tl_scope s = { 0 };
	tl_strand t;

	set(&inherited, 5);
	tl_scope_open(&s);
	tl_task_start(&s, tick, NULL, &(tl_opts){ .every = tl_us(200), .ret = &t });
	UNTIL(ticks == 5);
	CHECK_EQ(n_drops, 0);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(n_drops, 2);
	CHECK_EQ(dropped_in, t.id);
}

/* -- main, foreign threads, forks, helpers */

static void in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void finishes(void)
{
	CHECK_EQ(get(&fresh), 4); /* the forking strand's */
	CHECK_EQ(tl_finish(), 0);
	CHECK_EQ(n_drops, 1);
	CHECK(tl_local_get(&fresh) == NULL);
}

TEST(main_drops_at_finish)
{
	set(&fresh, 4);
	in_child(finishes);
	finishes();
}

static int forks(void *arg)
{
	set(&fresh, 4);
	in_child(finishes);
	CHECK_EQ(n_drops, 0);
	CHECK_EQ(get(&fresh), 4);
	return (void)arg, 0;
}

TEST(a_fork_keeps_those_of_the_strand_that_forked)
{
	tl_scope s = { 0 };

	set(&fresh, 1000);
	tl_scope_open(&s);
	tl_task_start(&s, forks, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	n_drops = 0;
	tl_scope_open(&s);
	tl_thread_start(&s, forks, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void *foreign(void *id)
{
	CHECK_EQ(get(&fresh), -1);
	set(&fresh, 1);
	*(uint64_t *)id = tl_self().id;
	return NULL;
}

TEST(a_foreign_thread_drops_as_it_ends)
{
	uint64_t id;
	pthread_t t;

	set(&fresh, 1000);
	CHECK_EQ(pthread_create(&t, NULL, foreign, &id), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(n_drops, 1);
	CHECK_EQ(dropped_in, id);
}

static int offloaded(void *record)
{
	CHECK_EQ(get(&fresh), -1);
	CHECK_EQ(get(&inherited), -1);
	set(&fresh, *(int *)record);
	return 0;
}

TEST(offloaded_functions_see_none_and_leave_none)
{
	int x = 3;

	set(&fresh, 1);
	set(&inherited, 2);
	for (int i = 1; i < 20; i++) {
		CHECK_EQ(tl_offload(offloaded, &x, sizeof x, TL_NEVER), 0);
		CHECK_EQ(n_drops, i);
	}
}

/* -- many at once */

enum { KEYS = 64 };
static tl_local shared_keys[KEYS];

static int sets_all(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	for (uintptr_t i = 0; i < KEYS; i++)
		CHECK_EQ(tl_local_set(&shared_keys[i], (void *)(me * KEYS + i + 1)), 0);
	tl_yield();
	for (uintptr_t i = 0; i < KEYS; i++)
		CHECK_EQ(tl_local_get(&shared_keys[i]), me * KEYS + i + 1);
	return 0;
}

TEST(keys_first_used_by_many_at_once)
{
	for (int round = 0; round < 20; round++) {
		tl_scope s = { 0 };

		memset(shared_keys, 0, sizeof shared_keys);
		tl_scope_open(&s);
		for (uintptr_t i = 0; i < 6; i++)
			tl_thread_start(&s, sets_all, (void *)i, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

/* A tree of strands of both kinds; each knows what its values must be, some never begin. */
enum { MANY = 12 };
static tl_local heirlooms[MANY], own[MANY];
static _Atomic int alive;

static void *storm_copy(void *value)
{
	atomic_fetch_add(&alive, 1);
	return (char *)value + 1;
}

static void storm_drop(void *value)
{
	CHECK(value != NULL);
	atomic_fetch_sub(&alive, 1);
}

struct knot {
	unsigned seed, depth;
	char *values[MANY];
};

static unsigned dice(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static int knot(void *arg)
{
	struct knot me = *(struct knot *)arg;
	char *mine[MANY] = { 0 };

	for (int i = 0; i < MANY; i++) {
		CHECK(tl_local_get(&heirlooms[i]) == me.values[i]);
		CHECK(tl_local_get(&own[i]) == NULL);
	}
	for (int step = 0; step < 12; step++) {
		unsigned i = dice(&me.seed) % MANY, what = dice(&me.seed) % 6;
		char *value = dice(&me.seed) % 3 ? (char *)(uintptr_t)(dice(&me.seed) + 1) : NULL;
		char **slot = what < 2 ? &me.values[i] : &mine[i];

		if (what < 4) {
			alive += !!value - !!*slot;
			CHECK_EQ(tl_local_set(what < 2 ? &heirlooms[i] : &own[i], value), 0);
			*slot = value;
		} else if (me.depth) {
			struct knot k = { .seed = dice(&me.seed), .depth = me.depth - 1 };
			bool thread = dice(&me.seed) % 8 == 0, doomed = dice(&me.seed) % 5 == 0;
			tl_strand t;

			for (int j = 0; j < MANY; j++)
				k.values[j] = me.values[j] ? me.values[j] + 1 : NULL;
			(thread ? tl_thread_start : tl_task_start)(NULL, knot, &k,
				&(tl_opts){ .copy = sizeof k,
					.paused = doomed,
					.ret = &t,
					.anywhere = dice(&me.seed) % 2 && !thread });
			if (doomed)
				tl_cancel(t);
			else if (dice(&me.seed) % 2)
				tl_join(t, NULL, TL_NEVER);
		} else {
			tl_yield();
		}
	}
	for (int i = 0; i < MANY; i++) {
		CHECK(tl_local_get(&heirlooms[i]) == me.values[i]);
		CHECK(tl_local_get(&own[i]) == mine[i]);
	}
	return 0;
}

TEST_LIMIT(a_storm_of_heirs, 60)
{
	const char *given = getenv("TELAR_SEED");
	unsigned seed = given ? (unsigned)atoi(given) : (unsigned)getpid();
	tl_scope s = { 0 };

	printf("seed %u\n", seed);
	CHECK_EQ(tl_workers(2), 0);
	for (int i = 0; i < MANY; i++) {
		heirlooms[i] = (tl_local){ .drop = storm_drop, .copy = storm_copy };
		own[i] = (tl_local){ .drop = storm_drop };
	}
	tl_scope_open(&s);
	for (unsigned i = 0; i < 40; i++) {
		struct knot k = { .seed = seed + i, .depth = 4 };

		tl_task_start(&s, knot, &k, &(tl_opts){ .copy = sizeof k });
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(alive, 0);
}
