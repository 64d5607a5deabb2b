/* test_sem.c - the semaphore: strictly first come, first served; no unit is ever lost or made. */
#include "talk.h"
#include <limits.h>

/* D3: acquire takes a unit or waits for one
 * D3: an acquire that may not wait answers at once
 * D3: an acquire with a deadline gives up when it has passed
 * D3: one without a limit goes beyond its first value
 * D3: says how many units are free */
TEST(counts)
{
	tl_sem m = { .value = 2 };

	CHECK_EQ(tl_sem_count(&m), 2);
	CHECK_EQ(tl_sem_acquire(&m, TL_NEVER), 0);
	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), 0);
	CHECK_EQ(tl_sem_count(&m), 0);
	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_sem_acquire(&m, tl_after(tl_ms(-1))), -ETIMEDOUT);
	CHECK_EQ(tl_sem_acquire(&m, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK_EQ(tl_sem_count(&m), 0);
	CHECK_EQ(tl_sem_release(&m, 5), 0); /* not bounded: may exceed what it began with */
	CHECK_EQ(tl_sem_count(&m), 5);
	CHECK_EQ(tl_sem_acquire(&m, tl_after(tl_ms(-1))), 0);
	CHECK_EQ(tl_sem_count(&m), 4);
}

/* D3: one of all zeros has no units: zero is ready */
TEST(zero_is_no_units)
{
	tl_sem m = { 0 };

	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_sem_release(&m, 1), 0);
	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), 0);
}

/* D3: a release of fewer than one is refused
 * D3: a bounded one refuses a release beyond its limit and keeps its value */
TEST(refuses)
{
	tl_sem m = { .value = 1, .limit = 3 }, free = { .value = INT_MAX };

	CHECK_EQ(tl_sem_release(&m, 0), -EINVAL);
	CHECK_EQ(tl_sem_release(&m, -1), -EINVAL);
	CHECK_EQ(tl_sem_release(&m, INT_MIN), -EINVAL);
	CHECK_EQ(tl_sem_release(&m, 3), -EOVERFLOW);
	CHECK_EQ(tl_sem_release(&m, INT_MAX), -EOVERFLOW);
	CHECK_EQ(tl_sem_count(&m), 1);
	CHECK_EQ(tl_sem_release(&m, 2), 0);
	CHECK_EQ(tl_sem_release(&m, 1), -EOVERFLOW);
	CHECK_EQ(tl_sem_count(&m), 3);
	CHECK_EQ(tl_sem_release(&free, 1), -EOVERFLOW);
	CHECK_EQ(tl_sem_count(&free), INT_MAX);
}

static void refuses_value(tl_sem *m, int32_t value)
{
	tl_case c[] = { TL_ACQUIRE(m) };

	m->value = value;
	CHECK_EQ(tl_sem_acquire(m, TL_NEVER), -EINVAL);
	CHECK_EQ(tl_sem_acquire(m, TL_POLL), -EINVAL);
	CHECK_EQ(tl_sem_release(m, 1), -EINVAL);
	CHECK_EQ(tl_sem_count(m), 0);
	CHECK_EQ(m->value, value);
	CHECK_EQ(tl_select(c, 1, TL_NEVER), 0);
	CHECK_EQ(c[0].result, -EINVAL);
}

static int takes(void *m) { return tl_sem_acquire(m, TL_NEVER); }

/* D3: one that begins with a negative value is refused */
TEST(a_negative_value_is_misuse)
{
	tl_sem mine = { 0 }, *shared = tl_shared(sizeof *shared);
	tl_scope s = { 0 };
	tl_strand t;

	tl_on_report(count_report, NULL);
	CHECK(shared != NULL);
	*shared = (tl_sem){ 0 };
	for (int32_t value = -3; value < 0; value++) {
		refuses_value(&mine, value);
		shared->value = value;
		CHECK_EQ(tl_sem_acquire(shared, TL_NEVER), -EINVAL);
		CHECK_EQ(tl_sem_acquire(shared, TL_POLL), -EINVAL);
		CHECK_EQ(tl_sem_release(shared, 1), -EINVAL);
		CHECK_EQ(tl_sem_count(shared), 0);
		CHECK_EQ(shared->value, value);
	}
	CHECK_EQ(reports[TL_R_MISUSE], 3 * 7);
	mine.value = 0; /* with somebody who waits it is what a semaphore is */
	tl_scope_open(&s);
	t = start_task(&s, takes, &mine);
	await_state(t, TL_BLOCKED);
	CHECK_EQ(mine.value, -1);
	CHECK_EQ(tl_sem_acquire(&mine, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_sem_release(&mine, 1), 0);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 3 * 7);
}

TEST(cancelled_caller)
{
	tl_sem m = { .value = 1 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_sem_acquire(&m, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_sem_count(&m), 1);
	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), 0);
	CHECK_EQ(tl_sem_release(&m, 1), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- order */

enum { QUEUE = 10 };

static struct line {
	tl_sem m;
	_Atomic int served;
	int order[QUEUE];
} line;

static int stand(void *arg)
{
	int me = (int)(intptr_t)arg, r = tl_sem_acquire(&line.m, TL_NEVER);

	if (r == 0)
		line.order[atomic_fetch_add(&line.served, 1)] = me;
	return r;
}

static void line_up(tl_scope *s, tl_strand *t)
{
	for (int i = 0; i < QUEUE; i++) {
		t[i] = (i % 2 ? start_task : start_thread)(s, stand, (void *)(intptr_t)i);
		await_state(t[i], TL_BLOCKED);
	}
}

/* D3: acquire takes a unit or waits for one
 * D3: waiters are served strictly in the order they came
 * D3: a newcomer does not overtake one that waits */
TEST(first_come_first_served)
{
	tl_scope s = { 0 };
	tl_strand t[QUEUE];

	tl_scope_open(&s);
	line_up(&s, t);
	CHECK_EQ(tl_sem_count(&line.m), 0);
	for (int i = 0; i < QUEUE; i++) {
		CHECK_EQ(tl_sem_release(&line.m, 1), 0);
		CHECK_EQ(tl_sem_acquire(&line.m, TL_POLL), -EAGAIN); /* it is granted already */
		CHECK_EQ(tl_sem_count(&line.m), 0);
		CHECK_EQ(ending(t[i]), 0);
		CHECK_EQ(line.served, i + 1);
		CHECK_EQ(line.order[i], i);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D3: release gives n units and wakes as many */
TEST(release_n_wakes_n)
{
	tl_scope s = { 0 };
	tl_strand t[QUEUE];

	tl_scope_open(&s);
	line_up(&s, t);
	CHECK_EQ(tl_sem_release(&line.m, 4), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ending(t[i]), 0);
	CHECK_EQ(line.served, 4);
	CHECK_EQ(tl_state(t[4]), TL_BLOCKED);
	CHECK_EQ(tl_sem_release(&line.m, QUEUE), 0); /* more than wait: the rest stays */
	for (int i = 4; i < QUEUE; i++)
		CHECK_EQ(ending(t[i]), 0);
	CHECK_EQ(tl_sem_count(&line.m), 4);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* Those who wait make no room beyond the limit: a release is measured as if nobody did. */
TEST(W33_waiters_make_no_room)
{
	tl_scope s = { 0 };
	tl_strand t[QUEUE];

	line.m.limit = 2;
	tl_scope_open(&s);
	line_up(&s, t);
	CHECK_EQ(tl_sem_release(&line.m, 3), -EOVERFLOW);
	for (int i = 0; i < QUEUE; i++)
		CHECK_EQ(tl_state(t[i]), TL_BLOCKED);
	CHECK_EQ(tl_sem_count(&line.m), 0);
	for (int i = 0; i < QUEUE; i += 2)
		CHECK_EQ(tl_sem_release(&line.m, 2), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(those_who_leave_are_passed_over)
{
	tl_scope s = { 0 };
	tl_strand t[QUEUE];

	line.m.limit = 2;
	tl_scope_open(&s);
	line_up(&s, t);
	for (int i = 0; i < QUEUE; i++)
		if (i != 5) {
			tl_cancel(t[i]);
			CHECK_EQ(ending(t[i]), -ECANCELED);
		}
	CHECK_EQ(tl_sem_release(&line.m, 2), 0);
	CHECK_EQ(ending(t[5]), 0);
	CHECK_EQ(tl_sem_count(&line.m), 1);
	CHECK_EQ(tl_sem_release(&line.m, 2), -EOVERFLOW);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* A unit that is granted to one who is cancelled at the same time is used or given back. */
static int take_and_tell(void *arg)
{
	tl_sem *m = arg;
	int r = tl_sem_acquire(m, TL_NEVER);

	if (r == 0)
		CHECK_EQ(tl_sem_release(m, 1), 0);
	return r;
}

/* D3: a cancelled waiter that was granted its unit passes it on */
TEST_LIMIT(grant_meets_cancel, 60)
{
	for (int round = 0; round < 2000; round++) {
		tl_scope s = { 0 };
		tl_sem m = { .value = 1, .limit = 1 };
		tl_strand a, b, c;

		tl_scope_open(&s);
		CHECK_EQ(tl_sem_acquire(&m, TL_NEVER), 0);
		a = (round % 8 ? start_task : start_thread)(&s, take_and_tell, &m);
		b = start_task(&s, take_and_tell, &m);
		await_state(a, TL_BLOCKED);
		await_state(b, TL_BLOCKED);
		if (round % 2) {
			CHECK_EQ(tl_sem_release(&m, 1), 0);
			tl_cancel(a); /* too late: it has the unit */
			CHECK_EQ(ending(a), 0);
		} else {
			tl_cancel(a);
			CHECK_EQ(tl_sem_release(&m, 1), 0);
			ending(a);
		}
		CHECK_EQ(ending(b), 0);
		c = start_task(&s, take_and_tell, &m);
		CHECK_EQ(ending(c), 0);
		CHECK_EQ(tl_sem_count(&m), 1);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

/* -- units free + units held == units made, whatever deadlines and cancels do */

enum { WORKERS = 12, ROUNDS = 3000, UNITS = 3 };

static struct pool {
	tl_sem m;
	_Atomic int held;
} pool;

static int borrow(void *arg)
{
	uint64_t seed = seed_of((uint64_t)(intptr_t)arg);

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t n = number(&seed);
		tl_time until = n % 4 == 0   ? TL_NEVER
				: n % 4 == 1 ? TL_POLL
					     : tl_after(tl_us(n >> 8 & 31));
		int r = tl_sem_acquire(&pool.m, until);

		if (r < 0) {
			CHECK_EQ(r, n % 4 == 1 ? -EAGAIN : -ETIMEDOUT);
			tl_yield();
			continue;
		}
		CHECK(atomic_fetch_add(&pool.held, 1) < UNITS);
		if (n % 5 == 0)
			tl_yield();
		atomic_fetch_sub(&pool.held, 1);
		CHECK_EQ(tl_sem_release(&pool.m, 1), 0); /* bounded: never one too many */
	}
	return 0;
}

static void stress(enum mix how)
{
	intptr_t arg[WORKERS];

	pool.m = (tl_sem){ .value = UNITS, .limit = UNITS };
	for (int i = 0; i < WORKERS; i++)
		arg[i] = i;
	crowd(how, WORKERS, borrow, arg, sizeof *arg);
	CHECK_EQ(pool.held, 0);
	CHECK_EQ(tl_sem_count(&pool.m), UNITS);
	CHECK_EQ(tl_sem_release(&pool.m, 1), -EOVERFLOW);
	for (int i = 0; i < UNITS; i++)
		CHECK_EQ(tl_sem_acquire(&pool.m, TL_POLL), 0);
	CHECK_EQ(tl_sem_acquire(&pool.m, TL_POLL), -EAGAIN);
}

TEST_LIMIT(stress_one_loop, 60) { stress(ONE_LOOP); }
TEST_LIMIT(stress_loops, 60) { stress(LOOPS); }
TEST_LIMIT(stress_threads, 60) { stress(THREADS); }
TEST_LIMIT(stress_mixed, 60) { stress(MIXED); }

/* Cancelled from another thread at any moment. */
static int borrow_until_told(void *arg)
{
	int r;

	(void)arg;
	while ((r = tl_sem_acquire(&pool.m, TL_NEVER)) == 0) {
		CHECK(atomic_fetch_add(&pool.held, 1) < UNITS);
		tl_yield();
		atomic_fetch_sub(&pool.held, 1);
		CHECK_EQ(tl_sem_release(&pool.m, 1), 0);
	}
	return r;
}

static int canceller(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		tl_scope s = { 0 };
		tl_strand t[6];

		tl_scope_open(&s);
		for (int k = 0; k < 6; k++)
			t[k] = (k % 3 ? start_task : start_thread)(&s, borrow_until_told, NULL);
		tl_yield();
		for (int k = 0; k < 6; k++)
			tl_cancel(t[k]);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

TEST_LIMIT(stress_cancels, 60)
{
	tl_scope s = { 0 };

	pool.m = (tl_sem){ .value = UNITS, .limit = UNITS };
	tl_scope_open(&s);
	start_thread(&s, canceller, NULL);
	start_thread(&s, canceller, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(pool.held, 0);
	CHECK_EQ(tl_sem_count(&pool.m), UNITS);
}

/* The limit holds also where many release at once over one who waits. */
static struct over {
	tl_sem m;
	_Atomic int given, taken;
} over;

static int give(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		if (tl_sem_release(&over.m, 1) == 0)
			atomic_fetch_add(&over.given, 1);
		CHECK(tl_sem_count(&over.m) <= 1);
	}
	return 0;
}

static int take(void *arg)
{
	(void)arg;
	for (int r; (r = tl_sem_acquire(&over.m, TL_NEVER)) == 0;) {
		CHECK(tl_sem_count(&over.m) <= 1);
		atomic_fetch_add(&over.taken, 1);
	}
	return -ECANCELED;
}

TEST_LIMIT(limit_under_race, 60)
{
	tl_scope s = { 0 };
	tl_strand t[2], g[2];

	over.m = (tl_sem){ .limit = 1 };
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++)
		t[i] = start_thread(&s, take, NULL);
	for (int i = 0; i < 2; i++)
		g[i] = start_thread(&s, give, NULL);
	for (int i = 0; i < 2; i++)
		ending(g[i]);
	for (int i = 0; i < 2; i++)
		tl_cancel(t[i]);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(over.given, over.taken + tl_sem_count(&over.m));
}
