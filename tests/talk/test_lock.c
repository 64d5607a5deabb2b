/* test_lock.c - the private lock.  L1 to L5 are the claims of src/talk/lock.c. */
#include "talk.h"

enum { WORKERS = 12, ROUNDS = 3000 };

struct box {
	tl_lock lock;
	long a, b; /* equal whenever the lock is free */
	_Atomic int inside;
};

/* -- one strand */

/* D1: starts unlocked
 * D1: a deadline that has passed still tries once
 * D1: says whether it is held */
TEST(uncontended)
{
	tl_lock l = { 0 };

	CHECK(!tl_lock_held(&l));
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
		CHECK(tl_lock_held(&l));
		tl_lock_release(&l);
		CHECK(!tl_lock_held(&l));
	}
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), 0);
	tl_lock_release(&l);
	CHECK_EQ(tl_lock_acquire(&l, tl_after(tl_ms(-5))), 0); /* tries once */
	tl_lock_release(&l);
	CHECK_EQ(tl_lock_recover(&l, TL_NEVER), 0);
	tl_lock_release(&l);
	tl_lock_hold(&l);
	tl_lock_release(&l);
	CHECK(!tl_lock_held(&l));
}

/* D1: a second acquire by the holder is told, instead of waiting for ever */
TEST(second_acquire_is_deadlock)
{
	tl_lock l = { 0 };

	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), -EDEADLK);
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), -EDEADLK);
	CHECK_EQ(tl_lock_recover(&l, TL_NEVER), -EDEADLK);
	CHECK(tl_lock_held(&l));
	tl_lock_release(&l);
	CHECK(!tl_lock_held(&l));
}

static int release_it(void *l) { return tl_lock_release(l), 0; }

/* D1: a release by one that does not hold it is misuse: a semaphore hands over */
TEST(misuse)
{
	tl_lock l = { 0 };
	tl_scope s = { 0 };

	tl_on_report(count_report, NULL);
	tl_lock_release(&l); /* nobody holds it */
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	tl_scope_open(&s);
	ending(start_task(&s, release_it, &l)); /* a stranger, of this loop and of another */
	ending(start_thread(&s, release_it, &l));
	CHECK_EQ(reports[TL_R_MISUSE], 3);
	CHECK(tl_lock_held(&l));
	tl_lock_hold(&l); /* held by the caller itself: cannot be waited for */
	CHECK_EQ(reports[TL_R_MISUSE], 4);
	tl_lock_release(&l);
	CHECK(!tl_lock_held(&l));
	tl_lock_release(&l);
	CHECK_EQ(reports[TL_R_MISUSE], 5);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- leaving without it */

static int acquire_until(void *arg)
{
	void **a = arg;
	int r = tl_lock_acquire(a[0], *(tl_time *)a[1]);

	if (r == 0)
		tl_lock_release(a[0]);
	return r;
}

static void leave(bool thread)
{
	tl_lock l = { 0 };
	tl_time soon = tl_after(tl_ms(20)), past = tl_after(tl_ms(-1)), never = TL_NEVER,
		poll = TL_POLL;
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	t = (thread ? start_thread : start_task)(&s, acquire_until, (void *[]){ &l, &poll });
	CHECK_EQ(ending(t), -EAGAIN);
	t = (thread ? start_thread : start_task)(&s, acquire_until, (void *[]){ &l, &past });
	CHECK_EQ(ending(t), -ETIMEDOUT);
	t = (thread ? start_thread : start_task)(&s, acquire_until, (void *[]){ &l, &soon });
	CHECK_EQ(ending(t), -ETIMEDOUT);
	CHECK(tl_now().ns >= soon.ns);
	t = (thread ? start_thread : start_task)(&s, acquire_until, (void *[]){ &l, &never });
	await_state(t, TL_BLOCKED);
	tl_cancel(t);
	CHECK_EQ(ending(t), -ECANCELED);
	t = (thread ? start_thread : start_task)(&s, acquire_until, (void *[]){ &l, &never });
	await_state(t, TL_BLOCKED);
	tl_lock_release(&l); /* intact after all that */
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	tl_lock_release(&l);
	CHECK_EQ(tl_scope_close(&s), -EAGAIN);
}

/* D1: one at a time: who comes while it is held waits
 * D1: an acquire that may not wait answers at once
 * D1: an acquire with a deadline gives up when it has passed
 * D1: after an acquire that gave up the lock works as before */
TEST(leaving_task) { leave(false); }
/* D1: one at a time: who comes while it is held waits
 * D1: an acquire that may not wait answers at once
 * D1: an acquire with a deadline gives up when it has passed
 * D1: after an acquire that gave up the lock works as before */
TEST(leaving_thread) { leave(true); }

TEST(cancelled_caller)
{
	tl_lock l = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_lock_recover(&l, TL_NEVER), -ECANCELED);
	CHECK(!tl_lock_held(&l));
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), 0); /* cleanup can */
	tl_lock_release(&l);
	CHECK_EQ(tl_scope_close(&s), 0);
}

struct held {
	tl_lock lock;
	tl_event go, done;
};

static int hold_through(void *arg)
{
	struct held *h = arg;

	tl_lock_hold(&h->lock);
	CHECK(tl_cancelled());
	tl_lock_release(&h->lock);
	return 0;
}

TEST(hold_under_a_cancelled_scope)
{
	struct held h = { 0 };
	tl_scope s = { 0 };
	tl_strand a, b;

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&h.lock, TL_NEVER), 0);
	a = start_task(&s, hold_through, &h);
	b = start_thread(&s, hold_through, &h);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	tl_cancel(a);
	tl_cancel(b);
	for (int i = 0; i < 200; i++)
		tl_yield();
	CHECK_EQ(tl_state(a), TL_BLOCKED);
	CHECK(tl_alive(b));
	tl_lock_release(&h.lock);
	CHECK_EQ(ending(a), 0);
	CHECK_EQ(ending(b), 0);
	CHECK(!tl_lock_held(&h.lock));
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- L1, L2: at most one, and all get their turn */

static void enter(struct box *x)
{
	CHECK_EQ(atomic_fetch_add(&x->inside, 1), 0);
	CHECK_EQ(x->a, x->b);
	x->a++;
}

static void leave_box(struct box *x)
{
	x->b++;
	CHECK_EQ(atomic_fetch_sub(&x->inside, 1), 1);
	tl_lock_release(&x->lock);
}

static int count(void *arg)
{
	struct box *x = *(struct box **)arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 16 == 5)
			tl_lock_hold(&x->lock);
		else
			CHECK_EQ(tl_lock_acquire(&x->lock, TL_NEVER), 0);
		enter(x);
		if (i % 8 == 0)
			tl_yield();
		leave_box(x);
		if (i % 32 == 0)
			tl_yield();
	}
	return 0;
}

static void counter(enum mix how)
{
	struct box x = { 0 }, *at[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		at[i] = &x;
	crowd(how, WORKERS, count, at, sizeof *at);
	CHECK_EQ(x.a, (long)WORKERS * ROUNDS);
	CHECK(!tl_lock_held(&x.lock));
}

TEST_LIMIT(L1_tasks_of_one_loop, 60) { counter(ONE_LOOP); }
TEST_LIMIT(L1_tasks_of_several_loops, 60) { counter(LOOPS); }
TEST_LIMIT(L1_threads, 60) { counter(THREADS); }
/* D1: every waiter gets it in the end, one at a time */
TEST_LIMIT(L1_mixed, 60) { counter(MIXED); }

/* L3: some leave while they wait; the rest still get it, and nobody is left behind. */
struct leaver {
	struct box *x;
	uint64_t seed;
	long got;
};

static int count_or_leave(void *arg)
{
	struct leaver *v = arg;

	for (int i = 0; i < ROUNDS / 2; i++) {
		uint32_t n = number(&v->seed);
		tl_time until = n % 3 == 0   ? TL_NEVER
				: n % 3 == 1 ? tl_after(tl_us(n >> 8 & 63))
					     : TL_POLL;
		int r = tl_lock_acquire(&v->x->lock, until);

		if (r == 0) {
			enter(v->x);
			v->got++;
			if (n % 5 == 0)
				tl_yield();
			leave_box(v->x);
		} else {
			CHECK_EQ(r, until.ns == TL_POLL.ns ? -EAGAIN : -ETIMEDOUT);
			tl_yield();
		}
	}
	return 0;
}

static void leaving(enum mix how)
{
	struct leaver v[WORKERS];
	struct box x = { 0 };
	long got = 0;

	for (int i = 0; i < WORKERS; i++)
		v[i] = (struct leaver){ &x, seed_of((uint64_t)i), 0 };
	crowd(how, WORKERS, count_or_leave, v, sizeof *v);
	for (int i = 0; i < WORKERS; i++)
		got += v[i].got;
	CHECK_EQ(x.a, got);
	CHECK(!tl_lock_held(&x.lock));
}

TEST_LIMIT(L3_leaving_one_loop, 60) { leaving(ONE_LOOP); }
TEST_LIMIT(L3_leaving_loops, 60) { leaving(LOOPS); }
TEST_LIMIT(L3_leaving_threads, 60) { leaving(THREADS); }
TEST_LIMIT(L3_leaving_mixed, 60) { leaving(MIXED); }

/* Waiters are cancelled one after the other while the lock goes round. */
static int wait_for_turn(void *arg)
{
	struct box *x = arg;
	int r;

	while ((r = tl_lock_acquire(&x->lock, TL_NEVER)) == 0) {
		enter(x);
		leave_box(x);
		if ((r = tl_yield()) < 0)
			break;
	}
	return r;
}

static int cancelling(void *arg)
{
	struct box *x = arg;

	for (int round = 0; round < 150; round++) {
		tl_scope s = { 0 };
		tl_strand t[6];

		tl_scope_open(&s);
		for (int i = 0; i < 6; i++)
			t[i] = (i % 3 ? start_task : start_thread)(&s, wait_for_turn, x);
		for (int i = 0; i < 6; i++) {
			tl_yield();
			tl_cancel(t[i]);
			CHECK_EQ(ending(t[i]), -ECANCELED);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	return 0;
}

/* D1: a cancelled waiter neither keeps the lock nor loses it for others */
TEST_LIMIT(L3_cancelled_waiters, 60)
{
	struct box x = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	start_task(&s, cancelling, &x);
	start_thread(&s, cancelling, &x);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(x.a, x.b);
	CHECK(!tl_lock_held(&x.lock));
}

/* Locks, conditions and semaphores of one bucket do not disturb each other. */
TEST(many_locks_at_once)
{
	static struct box x[2000];
	static struct box *at[2000];

	for (int i = 0; i < 2000; i++)
		at[i] = &x[i / 4];
	for (int i = 0; i < 2000; i++)
		CHECK(at[i] != NULL);
	crowd(LOOPS, 60, count, at, sizeof *at);
	for (int i = 0; i < 15; i++)
		CHECK_EQ(x[i].a, 4l * ROUNDS);
}
