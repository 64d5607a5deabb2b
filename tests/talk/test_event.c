/* test_event.c - a flag to wait for: set wakes all who wait, whatever happens to it afterwards. */
#include "talk.h"

/* D5: starts clear
 * D5: clear makes newcomers wait
 * D5: set and clear may be repeated
 * D5: a wait with a deadline gives up when it has passed */
TEST(flag)
{
	tl_event e = { 0 };

	CHECK(!tl_event_is_set(&e));
	CHECK_EQ(tl_event_wait(&e, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_event_wait(&e, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_event_wait(&e, tl_after(tl_ms(5))), -ETIMEDOUT);
	tl_event_clear(&e);
	CHECK(!tl_event_is_set(&e));
	tl_event_set(&e);
	tl_event_set(&e);
	CHECK(tl_event_is_set(&e));
	CHECK_EQ(tl_event_wait(&e, TL_POLL), 0);
	CHECK_EQ(tl_event_wait(&e, tl_after(tl_ms(-1))), 0);
	CHECK_EQ(tl_event_wait(&e, TL_NEVER), 0);
	tl_event_clear(&e);
	tl_event_clear(&e);
	CHECK(!tl_event_is_set(&e));
	CHECK_EQ(tl_event_wait(&e, TL_POLL), -EAGAIN);
}

TEST(cancelled_caller)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };

	tl_event_set(&e);
	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_event_wait(&e, TL_NEVER), -ECANCELED); /* tested first */
	CHECK_EQ(tl_event_wait(&e, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int wait_for(void *e) { return tl_event_wait(e, TL_NEVER); }

/* D5: set wakes all who wait and lets later ones through */
TEST(set_opens_it)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };
	tl_strand t[4];

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		t[i] = (i % 2 ? start_task : start_thread)(&s, wait_for, &e);
		await_state(t[i], TL_BLOCKED);
	}
	tl_event_set(&e);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ending(t[i]), 0);
	CHECK_EQ(ending(start_task(&s, wait_for, &e)), 0);
	CHECK_EQ(ending(start_thread(&s, wait_for, &e)), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

enum { CROWD = 60 };

/* Until t is in the event's list: a set that finds nobody does not take the list's lock, so to be
 * about to wait is not enough. */
static void await_listed(tl_strand t)
{
	tl_info i = { 0 };

	while (tl_inspect(t, &i) < 0 || !i.waits || strcmp(i.waits, "event") != 0) {
		tl_yield();
		sched_yield();
	}
}

/* E1 */
/* D5: a clear right after a set loses nobody */
TEST_LIMIT(set_then_clear_loses_nobody, 60)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };
	tl_strand t[CROWD];

	tl_scope_open(&s);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < CROWD; i++) {
			t[i] = (i % 8 ? start_task : start_thread)(&s, wait_for, &e);
			await_listed(t[i]);
		}
		tl_event_set(&e);
		tl_event_clear(&e);
		for (int i = 0; i < CROWD; i++)
			CHECK_EQ(ending(t[i]), 0);
		CHECK_EQ(tl_event_wait(&e, TL_POLL), -EAGAIN);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D5: a cancelled wait leaves the others waiting */
TEST(those_who_left_are_not_woken)
{
	tl_event e = { 0 };
	tl_scope s = { 0 };
	tl_strand a, b, c;

	tl_scope_open(&s);
	a = start_task(&s, wait_for, &e);
	b = start_thread(&s, wait_for, &e);
	c = start_task(&s, wait_for, &e);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	await_state(c, TL_BLOCKED);
	tl_cancel(a);
	tl_cancel(b);
	CHECK_EQ(ending(a), -ECANCELED);
	CHECK_EQ(ending(b), -ECANCELED);
	CHECK_EQ(tl_state(c), TL_BLOCKED);
	tl_event_set(&e);
	CHECK_EQ(ending(c), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* Nobody waits for ever while it is set again and again, and nobody passes while it never was. */
static struct turnstile {
	tl_event go, never;
	_Atomic long passed, stop;
} turnstile;

static int pass(void *arg)
{
	uint64_t seed = seed_of((uint64_t)(intptr_t)arg);

	while (!atomic_load(&turnstile.stop)) {
		tl_time until = number(&seed) % 3 ? TL_NEVER : tl_after(tl_us(number(&seed) & 31));
		int r = tl_event_wait(&turnstile.go, until);

		CHECK(r == 0 || (r == -ETIMEDOUT && until.ns));
		atomic_fetch_add(&turnstile.passed, r == 0);
		CHECK_EQ(tl_event_wait(&turnstile.never, TL_POLL), -EAGAIN);
		tl_yield();
	}
	return 0;
}

static int swing(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000 || atomic_load(&turnstile.passed) < 100; i++) {
		tl_event_set(&turnstile.go);
		if (i % 3)
			tl_event_clear(&turnstile.go);
		if (i % 16 == 0)
			tl_yield();
	}
	atomic_store(&turnstile.stop, 1);
	tl_event_set(&turnstile.go);
	return 0;
}

TEST_LIMIT(turnstile_of_many, 60)
{
	intptr_t arg[12];
	tl_scope s = { 0 };

	for (int i = 0; i < 12; i++)
		arg[i] = i;
	tl_scope_open(&s);
	start_thread(&s, swing, NULL);
	crowd(MIXED, 12, pass, arg, sizeof *arg);
	CHECK_EQ(tl_scope_close(&s), 0);
}

struct once {
	tl_event e;
	_Atomic int phase;
};

static int set_once(void *arg)
{
	struct once *o = arg;

	while (!atomic_load(&o->phase))
		sched_yield();
	tl_event_set(&o->e);
	return 0;
}

/* Whoever sees it set may free it: the setter does not touch it any more. */
TEST_LIMIT(free_after_wait, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 3000; i++) {
		struct once *o = calloc(1, sizeof *o);
		tl_strand t;

		CHECK(o != NULL);
		t = start_thread(&s, set_once, o);
		atomic_store(&o->phase, 1);
		if (i % 2)
			while (tl_event_wait(&o->e, tl_after(tl_us(i % 16))) < 0)
				continue;
		else
			CHECK_EQ(tl_event_wait(&o->e, TL_NEVER), 0);
		free(o);
		ending(t);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}
