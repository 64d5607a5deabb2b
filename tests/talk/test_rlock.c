/* test_rlock.c - the recursive lock: as deep as its holder went; a condition takes all of it. */
#include "talk.h"

static int poll_it(void *arg)
{
	int r = tl_rlock_acquire(arg, TL_POLL);

	if (r == 0)
		tl_rlock_release(arg);
	return r;
}

static int from_elsewhere(tl_fn *fn, void *arg)
{
	tl_scope s = { .keep_going = true };
	int r;

	tl_scope_open(&s);
	r = ending(start_thread(&s, fn, arg));
	tl_scope_close(&s);
	return r;
}

/* D2: its holder acquires it again at once
 * D2: free when each acquire was released
 * D2: others wait until the last release */
TEST(as_deep_as_it_went)
{
	tl_rlock l = { 0 };

	CHECK(!tl_rlock_held(&l));
	for (uint64_t i = 1; i <= 3; i++) {
		CHECK_EQ(tl_rlock_acquire(&l, TL_NEVER), 0);
		CHECK_EQ(tl_rlock_depth(&l), i);
	}
	for (int i = 3; i > 0; i--) {
		CHECK(tl_rlock_held(&l));
		CHECK_EQ(from_elsewhere(poll_it, &l), -EAGAIN);
		tl_rlock_release(&l);
	}
	CHECK(!tl_rlock_held(&l));
	CHECK_EQ(from_elsewhere(poll_it, &l), 0);
	CHECK_EQ(tl_rlock_depth(&l), 0);
}

static int depth_of(void *arg) { return (int)tl_rlock_depth(arg); }
static int is_held(void *arg) { return tl_rlock_held(arg); }

/* D2: the depth is seen by the holder, others see none
 * D2: says to anyone whether it is held */
TEST(depth_is_the_holders_own)
{
	tl_rlock l = { 0 };

	CHECK_EQ(tl_rlock_acquire(&l, TL_NEVER), 0);
	CHECK_EQ(from_elsewhere(depth_of, &l), 0);
	CHECK_EQ(from_elsewhere(is_held, &l), true);
	tl_rlock_release(&l);
	CHECK_EQ(from_elsewhere(is_held, &l), false);
}

static int acquire_soon(void *arg)
{
	tl_time soon = tl_after(tl_ms(5));
	int r = tl_rlock_acquire(arg, soon);

	CHECK(tl_now().ns >= soon.ns);
	return r;
}

/* D2: an acquire with a deadline gives up when it has passed */
TEST(a_deadline_passes)
{
	tl_rlock l = { 0 };

	CHECK_EQ(tl_rlock_acquire(&l, TL_NEVER), 0);
	CHECK_EQ(tl_rlock_acquire(&l, tl_after(tl_ms(-1))), 0); /* its holder waits for nothing */
	CHECK_EQ(from_elsewhere(acquire_soon, &l), -ETIMEDOUT);
	CHECK_EQ(tl_rlock_depth(&l), 2);
	tl_rlock_release(&l);
	tl_rlock_release(&l);
	CHECK_EQ(from_elsewhere(poll_it, &l), 0);
}

/* D2: a release by one that does not hold it is misuse */
TEST(release_by_a_stranger)
{
	tl_rlock l = { 0 };

	tl_on_report(count_report, NULL);
	tl_rlock_release(&l);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_rlock_acquire(&l, TL_POLL), 0);
	tl_rlock_release(&l);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
}

static int ends_with_it(void *arg)
{
	int r = tl_rlock_acquire(arg, TL_NEVER);

	return r < 0 ? r : tl_rlock_acquire(arg, TL_NEVER);
}

TEST(lost_and_recovered)
{
	tl_rlock l = { 0 };

	tl_on_report(count_report, NULL);
	CHECK_EQ(from_elsewhere(ends_with_it, &l), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_rlock_acquire(&l, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_rlock_recover(&l, TL_NEVER), 1);
	CHECK_EQ(tl_rlock_depth(&l), 1);
	tl_rlock_release(&l);
	CHECK_EQ(tl_rlock_acquire(&l, TL_NEVER), 0);
	tl_rlock_release(&l);
}

struct both {
	tl_rlock l;
	tl_cond c;
	bool told;
};

static int waits_deep(void *arg)
{
	struct both *b = arg;
	int r = 0;

	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_rlock_acquire(&b->l, TL_NEVER), 0);
	while (r == 0 && !b->told)
		r = tl_cond_rwait(&b->c, &b->l, TL_NEVER);
	CHECK_EQ(tl_rlock_depth(&b->l), 3);
	for (int i = 0; i < 3; i++)
		tl_rlock_release(&b->l);
	return r;
}

/* D2: a condition releases all levels and restores them */
TEST(a_condition_releases_all_of_it)
{
	struct both b = { 0 };
	tl_scope s = { .keep_going = true };
	tl_strand told, cancelled;

	tl_scope_open(&s);
	told = start_thread(&s, waits_deep, &b);
	cancelled = start_task(&s, waits_deep, &b);
	await_state(told, TL_BLOCKED);
	await_state(cancelled, TL_BLOCKED);
	tl_cancel(cancelled);
	CHECK_EQ(ending(cancelled), -ECANCELED);
	CHECK_EQ(tl_rlock_acquire(&b.l, TL_NEVER), 0);
	b.told = true;
	tl_cond_notify(&b.c, 1);
	tl_rlock_release(&b.l);
	CHECK_EQ(ending(told), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

struct sum {
	tl_rlock l;
	long n;
};

static int adds(void *arg)
{
	struct sum *x = arg;

	for (int i = 0; i < 2000; i++) {
		int deep = 1 + i % 3;

		for (int k = 0; k < deep; k++)
			CHECK_EQ(tl_rlock_acquire(&x->l, TL_NEVER), 0);
		x->n++;
		if (i % 64 == 0)
			tl_yield();
		for (int k = 0; k < deep; k++)
			tl_rlock_release(&x->l);
	}
	return 0;
}

TEST(one_at_a_time)
{
	struct sum x = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		tl_thread_start(&s, adds, &x, NULL);
		tl_task_start(&s, adds, &x, NULL);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(x.n, 8 * 2000);
}
