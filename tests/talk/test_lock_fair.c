/* test_lock_fair.c - the private lock is handed over to one that has waited too long, or was passed
 * too often: L5 and half of L2 of src/talk/lock.c. */
#include "talk.h"
#include "wait/wait.h"

struct held {
	tl_lock lock;
	tl_event go, done;
};

/* Until t has waited for the lock for longer than makes it the next owner.  Blocked, it is about to
 * enter the list; it has when the list's lock is free. */
static void await_old(tl_lock *l, tl_strand t)
{
	await_state(t, TL_BLOCKED);
	spin_lock(&word_bucket(l)->lock);
	spin_unlock(&word_bucket(l)->lock);
	for (tl_time old = tl_after(tl_ms(2)); tl_now().ns < old.ns;)
		sched_yield();
}

/* -- hand-over: a barger that never waits cannot keep out one that does */

static int be_barged(void *arg)
{
	struct held *h = arg;

	CHECK_EQ(tl_lock_acquire(&h->lock, TL_NEVER), 0);
	CHECK_EQ(tl_event_wait(&h->go, TL_NEVER), 0);
	tl_lock_release(&h->lock);
	tl_event_set(&h->done);
	return 0;
}

static void handover(bool thread)
{
	struct held h = { 0 };
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&h.lock, TL_NEVER), 0);
	t = (thread ? start_thread : start_task)(&s, be_barged, &h);
	await_old(&h.lock, t);
	tl_lock_release(&h.lock);
	CHECK_EQ(tl_lock_acquire(&h.lock, TL_POLL), -EAGAIN); /* it is the waiter's already */
	tl_event_set(&h.go);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(!tl_lock_held(&h.lock));
}

TEST(handover_in_one_loop) { handover(false); }
TEST(handover_between_threads) { handover(true); }

/* -- handed over, and cancelled before it runs: it has the lock, and gives it back */

static int take_it(void *arg)
{
	struct held *h = arg;
	int r = tl_lock_acquire(&h->lock, TL_NEVER);

	if (r == 0)
		tl_lock_release(&h->lock);
	return r;
}

/* D1: a cancel that meets the hand-over loses nothing */
TEST(cancel_meets_the_handover)
{
	struct held h = { 0 };
	tl_scope s = { .keep_going = true };
	tl_strand a, b;

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&h.lock, TL_NEVER), 0);
	a = start_task(&s, take_it, &h);
	await_old(&h.lock, a);
	b = start_thread(&s, take_it, &h);
	await_state(b, TL_BLOCKED);
	tl_lock_release(&h.lock);
	CHECK_EQ(tl_lock_acquire(&h.lock, TL_POLL), -EAGAIN);
	tl_cancel(a); /* too late */
	CHECK_EQ(ending(a), 0);
	CHECK_EQ(ending(b), 0);
	CHECK(!tl_lock_held(&h.lock));
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- L5: passed by so many that came later, and not by one more.  All in one thread, so that only
 * the counts decide. */

enum { PASSES = 65536 };

/* How often the caller gets it past those who wait. */
static long times_passed(tl_lock *l)
{
	long n = 0;

	for (; n <= PASSES && tl_lock_acquire(l, TL_POLL) == 0; n++)
		tl_lock_release(l);
	return n;
}

/* D1: a waiter is passed by others a stated number of times at most */
TEST_LIMIT(L5_passed_so_often_at_most, 60)
{
	struct held h = { 0 };
	tl_scope s = { 0 };
	tl_strand a, b;

	for (int round = 0; round < 3; round++) {
		tl_scope_open(&s);
		CHECK_EQ(tl_lock_acquire(&h.lock, TL_NEVER), 0);
		a = start_task(&s, take_it, &h);
		await_state(a, TL_BLOCKED);
		b = start_task(&s, take_it, &h);
		await_state(b, TL_BLOCKED);
		tl_lock_release(&h.lock);
		CHECK(times_passed(&h.lock) <= PASSES);
		CHECK(tl_lock_held(&h.lock)); /* by a, which has yet to run */
		CHECK_EQ(tl_state(a), TL_READY);
		CHECK_EQ(ending(a), 0);
		CHECK_EQ(ending(b), 0);
		CHECK(!tl_lock_held(&h.lock));
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

static int barge(void *arg)
{
	struct held *h = arg;

	while (!tl_event_is_set(&h->done)) {
		CHECK_EQ(tl_lock_acquire(&h->lock, TL_NEVER), 0);
		tl_lock_release(&h->lock);
	}
	return 0;
}

static int wait_often(void *arg)
{
	struct held *h = arg;

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(tl_lock_acquire(&h->lock, TL_NEVER), 0);
		tl_lock_release(&h->lock);
	}
	tl_event_set(&h->done);
	return 0;
}

TEST_LIMIT(L2_bargers_starve_nobody, 60)
{
	struct held h = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 3; i++)
		start_thread(&s, barge, &h);
	start_thread(&s, wait_often, &h);
	CHECK_EQ(tl_scope_close(&s), 0);
}
