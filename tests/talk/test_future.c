/* test_future.c - set once, read by many. */
#include "talk.h"

TEST(set_once)
{
	tl_future f = { 0 };
	int x, *p = NULL;

	CHECK(!tl_future_done(&f));
	CHECK_EQ(tl_future_get(&f, (void **)&p, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_future_get(&f, (void **)&p, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_future_get(&f, (void **)&p, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK(p == NULL);
	CHECK_EQ(tl_future_set(&f, &x), 0);
	CHECK(tl_future_done(&f));
	CHECK_EQ(tl_future_set(&f, NULL), -EBUSY);
	CHECK_EQ(tl_future_fail(&f, -EPROTO), -EBUSY);
	for (int i = 0; i < 3; i++) {
		p = NULL;
		CHECK_EQ(tl_future_get(&f, (void **)&p, i ? TL_NEVER : TL_POLL), 0);
		CHECK(p == &x);
	}
	CHECK_EQ(tl_future_get(&f, NULL, tl_after(tl_ms(-1))), 0);
}

TEST(fail_once)
{
	void *p = &p;
	tl_future f = { 0 };

	CHECK_EQ(tl_future_fail(&f, 0), -EINVAL);
	CHECK_EQ(tl_future_fail(&f, 5), -EINVAL);
	CHECK(!tl_future_done(&f));
	CHECK_EQ(tl_future_fail(&f, -EPROTO), 0);
	CHECK_EQ(tl_future_fail(&f, -EPERM), -EBUSY);
	CHECK_EQ(tl_future_set(&f, &f), -EBUSY);
	CHECK_EQ(tl_future_get(&f, &p, TL_NEVER), -EPROTO);
	CHECK_EQ(tl_future_get(&f, &p, TL_POLL), -EPROTO);
	CHECK(p == &p);
}

TEST(null_is_a_value)
{
	void *p = &p;
	tl_future f = { 0 };

	CHECK_EQ(tl_future_set(&f, NULL), 0);
	CHECK_EQ(tl_future_get(&f, &p, TL_NEVER), 0);
	CHECK(p == NULL);
}

enum { CROWD = 40 };
static int payload;

static int get_it(void *f)
{
	void *p = NULL;
	int r = tl_future_get(f, &p, TL_NEVER);

	if (r == 0)
		CHECK_EQ(*(int *)p, 12345);
	return r;
}

static int set_it(void *f)
{
	payload = 12345;
	return tl_future_set(f, &payload);
}

TEST_LIMIT(many_getters, 60)
{
	for (int round = 0; round < 60; round++) {
		tl_future f = { 0 };
		tl_scope s = { 0 };
		tl_strand t[CROWD];

		payload = 0;
		tl_scope_open(&s);
		for (int i = 0; i < CROWD; i++)
			t[i] = (i % 8 ? start_task : start_thread)(&s, get_it, &f);
		if (round % 3)
			for (int i = 0; i < CROWD; i++)
				await_state(t[i], TL_BLOCKED);
		tl_cancel(t[3]);
		(round % 2 ? start_thread : start_task)(&s, set_it, &f);
		for (int i = 0; i < CROWD; i++)
			if (i != 3)
				CHECK_EQ(ending(t[i]), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

/* Many set at once: one is it, the value is its, whole. */
static struct race {
	tl_future f;
	_Atomic int won, go;
	intptr_t winner;
} * race;

static int try_to_set(void *arg)
{
	intptr_t me = *(intptr_t *)arg;
	int r;

	while (!atomic_load(&race->go))
		tl_yield();
	r = me % 2 ? tl_future_set(&race->f, (void *)me) : tl_future_fail(&race->f, -(int)me);
	if (r == 0) {
		race->winner = me;
		atomic_fetch_add(&race->won, 1);
	}
	CHECK(r == 0 || r == -EBUSY);
	return 0;
}

static int read_race(void *arg)
{
	void *p = NULL;
	int r = tl_future_get(&race->f, &p, TL_NEVER);

	CHECK(r == 0 ? (intptr_t)p % 2 == 1 : r < 0 && p == NULL);
	*(intptr_t *)arg = r == 0 ? (intptr_t)p : -r;
	return 0;
}

TEST_LIMIT(setters_race, 60)
{
	for (int round = 0; round < 300; round++) {
		intptr_t me[4] = { 11, 12, 13, 14 }, saw[4] = { 0 };
		struct race now = { 0 };
		tl_scope s = { 0 };

		race = &now;
		tl_scope_open(&s);
		for (int i = 0; i < 4; i++) {
			(i < 2 ? start_thread : start_task)(&s, read_race, &saw[i]);
			(i % 2 ? start_thread : start_task)(&s, try_to_set, &me[i]);
		}
		atomic_store(&now.go, 1);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(now.won, 1);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(saw[i], now.winner);
	}
}

/* Whoever has read it may free it. */
static int set_heap(void *f) { return tl_future_set(f, f); }

TEST_LIMIT(free_after_get, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 2000; i++) {
		tl_future *f = calloc(1, sizeof *f);
		void *p = NULL;
		tl_strand t;

		CHECK(f != NULL);
		t = start_thread(&s, set_heap, f);
		if (i % 2)
			CHECK_EQ(tl_future_get(f, &p, TL_NEVER), 0);
		else
			while (tl_future_get(f, &p, tl_after(tl_us(i % 16))) == -ETIMEDOUT)
				continue;
		CHECK(p == f);
		free(f);
		ending(t);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}
