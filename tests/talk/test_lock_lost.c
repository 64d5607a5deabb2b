/* test_lock_lost.c - claim L4 of src/talk/lock.c: a lock whose owner is gone is never acquired as
 * if it were sound, and strands nobody. */
#include "talk.h"

static int acquire_until(void *arg)
{
	void **a = arg;
	int r = tl_lock_acquire(a[0], *(tl_time *)a[1]);

	if (r == 0)
		tl_lock_release(a[0]);
	return r;
}

/* -- L4: an owner that ends */

static int end_holding(void *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	while (tl_yield() == 0)
		;
	return 0;
}

static int acquire_only(void *l) { return tl_lock_acquire(l, TL_NEVER); }
static int recover_it(void *l)
{
	int r = tl_lock_recover(l, TL_NEVER);

	if (r >= 0)
		tl_lock_release(l);
	return r;
}

static void lost(bool thread)
{
	tl_scope s = { .keep_going = true };
	tl_lock l = { 0 };
	tl_strand owner, a, b, c;

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	owner = (thread ? start_thread : start_task)(&s, end_holding, &l);
	while (!tl_lock_held(&l))
		tl_yield();
	a = start_task(&s, acquire_only, &l);
	b = start_thread(&s, acquire_only, &l);
	c = start_task(&s, acquire_only, &l);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	await_state(c, TL_BLOCKED);
	tl_cancel(owner);
	CHECK_EQ(ending(a), -EOWNERDEAD); /* all who wait, of every kind */
	CHECK_EQ(ending(b), -EOWNERDEAD);
	CHECK_EQ(ending(c), -EOWNERDEAD);
	CHECK_EQ(ending(owner), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK(!tl_lock_held(&l));
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), -EOWNERDEAD); /* and all who come */
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), -EOWNERDEAD);
	CHECK(!tl_lock_held(&l));

	/* Under repair it is like any other; a repairer that ends loses it again. */
	CHECK_EQ(tl_lock_recover(&l, TL_NEVER), 1);
	CHECK(tl_lock_held(&l));
	a = start_task(&s, acquire_until, (void *[]){ &l, &(tl_time){ 0 } });
	b = start_thread(&s, recover_it, &l);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	tl_lock_release(&l);
	CHECK_EQ(ending(a), 0);
	CHECK_EQ(ending(b), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	tl_lock_release(&l);
	tl_scope_cancel(&s);
	tl_scope_close(&s);
}

static void *named[2];
static int n_named;

static void note_lock(const tl_report *r, void *arg)
{
	(void)arg;
	CHECK_EQ(r->kind, TL_R_MISUSE);
	CHECK(n_named < 2);
	CHECK_EQ(sscanf(r->text, "ended holding lock %p", &named[n_named++]), 1);
}

static int end_holding_two(void *arg)
{
	tl_lock *l = arg;

	return tl_lock_acquire(&l[0], TL_NEVER) | tl_lock_acquire(&l[1], TL_NEVER);
}

/* Each lock is named. */
TEST(L4_two_locks)
{
	tl_scope s = { 0 };
	tl_lock l[2] = { 0 };

	tl_on_report(note_lock, NULL);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, end_holding_two, l)), 0);
	CHECK_EQ(n_named, 2);
	CHECK(named[0] == &l[1] && named[1] == &l[0]);
	CHECK_EQ(tl_lock_acquire(&l[0], TL_POLL), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(&l[1], TL_POLL), -EOWNERDEAD);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D1: a holder that ends is reported, and the next is told that the lock is lost */
TEST(L4_task_ends_holding) { lost(false); }
TEST(L4_thread_ends_holding) { lost(true); }

static int repair_and_end(void *l) { return tl_lock_recover(l, TL_NEVER) == 1 ? 0 : -EPROTO; }

TEST(L4_repairer_ends_holding)
{
	tl_scope s = { .keep_going = true };
	tl_lock l = { 0 };
	tl_strand t, w;

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	t = start_task(&s, end_holding, &l);
	tl_yield();
	tl_cancel(t);
	ending(t);
	CHECK_EQ(ending(start_thread(&s, repair_and_end, &l)), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), -EOWNERDEAD);
	CHECK_EQ(ending(start_task(&s, repair_and_end, &l)), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 3);
	CHECK_EQ(tl_lock_recover(&l, TL_POLL), 1);
	w = start_task(&s, recover_it, &l);
	await_state(w, TL_BLOCKED);
	tl_lock_release(&l);
	CHECK_EQ(ending(w), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(L4_hold_takes_over_and_leaves_it_lost)
{
	tl_scope s = { .keep_going = true };
	tl_lock l = { 0 };
	tl_strand t, a, b;

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	t = start_task(&s, end_holding, &l);
	tl_yield();
	tl_cancel(t);
	ending(t);
	tl_lock_hold(&l);
	CHECK(tl_lock_held(&l));
	a = start_task(&s, acquire_only, &l);
	b = start_thread(&s, acquire_only, &l);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	tl_lock_release(&l);
	CHECK_EQ(ending(a), -EOWNERDEAD);
	CHECK_EQ(ending(b), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), -EOWNERDEAD);
	tl_lock_hold(&l);
	tl_lock_release(&l);
	CHECK_EQ(tl_lock_recover(&l, TL_NEVER), 1);
	tl_lock_release(&l);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	tl_lock_release(&l);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* The function has returned, so its locks are lost at once: its children do not wait for ever. */
static int end_with_child(void *l)
{
	tl_strand t;

	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	t = start_task(NULL, acquire_only, l);
	await_state(t, TL_BLOCKED);
	return 0;
}

TEST(L4_owner_ends_before_its_children)
{
	tl_scope s = { .keep_going = true };
	tl_lock l = { 0 };

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_thread(&s, end_with_child, &l)), -EOWNERDEAD);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* An adopted thread is a strand too. */
static void *foreign(void *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	return NULL;
}

TEST(L4_adopted_thread_ends_holding)
{
	tl_lock l = { 0 };
	pthread_t p;

	tl_on_report(count_report, NULL);
	CHECK_EQ(pthread_create(&p, NULL, foreign, &l), 0);
	CHECK_EQ(pthread_join(p, NULL), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), -EOWNERDEAD);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_lock_recover(&l, TL_POLL), 1);
	tl_lock_release(&l);
}

/* -- the list of held locks */

enum { MANY = 40 };

static int hold_many(void *arg)
{
	tl_lock *l = arg;
	uint64_t seed = 5;
	int held[MANY] = { 0 };

	for (int i = 0; i < 20000; i++) {
		uint32_t k = number(&seed) % MANY;

		if (held[k])
			tl_lock_release(&l[k]);
		else
			CHECK_EQ(tl_lock_acquire(&l[k], TL_NEVER), 0);
		held[k] = !held[k];
		CHECK_EQ(tl_lock_held(&l[k]), held[k]);
	}
	for (int k = 0; k < MANY; k++)
		if (held[k] != k % 2) {
			if (held[k])
				tl_lock_release(&l[k]);
			else
				CHECK_EQ(tl_lock_acquire(&l[k], TL_NEVER), 0);
		}
	return 0;
}

TEST(ends_with_exactly_the_held_ones_lost)
{
	tl_scope s = { 0 };
	tl_lock l[MANY] = { 0 };

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, hold_many, l)), 0);
	CHECK_EQ(reports[TL_R_MISUSE], MANY / 2); /* one each */
	for (int k = 0; k < MANY; k++)
		CHECK_EQ(tl_lock_acquire(&l[k], TL_POLL), k % 2 ? -EOWNERDEAD : 0);
	for (int k = 0; k < MANY; k += 2)
		tl_lock_release(&l[k]);
	CHECK_EQ(tl_scope_close(&s), 0);
}
