/* test_cond.c - the condition: n of those who wait, oldest first; never stored, never lost. */
#include "talk.h"
#include <limits.h>
#include <sys/mman.h>

static struct room {
	tl_lock lock;
	tl_cond cond;
	int order[32], woken;
	bool open;
} room;

static int wait_here(void *arg)
{
	int me = (int)(intptr_t)arg, r;

	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	r = tl_cond_wait(&room.cond, &room.lock, TL_NEVER);
	if (r != -EOWNERDEAD) {
		if (r == 0)
			room.order[room.woken++] = me;
		tl_lock_release(&room.lock); /* held, also on failure: else this is misuse */
	}
	return r;
}

static void notify(int n)
{
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	tl_cond_notify(&room.cond, n);
	tl_lock_release(&room.lock);
}

static void gather(tl_scope *s, tl_strand *t, int n)
{
	tl_on_report(count_report, NULL);
	for (int i = 0; i < n; i++) {
		t[i] = (i % 2 ? start_task : start_thread)(s, wait_here, (void *)(intptr_t)i);
		/* Blocked on the condition, not on the lock: nobody holds it for long here. */
		for (tl_info info;;) {
			await_state(t[i], TL_BLOCKED);
			CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
			tl_lock_release(&room.lock);
			if (tl_inspect(t[i], &info) == 0 && info.object == &room.cond)
				break;
			tl_yield();
		}
	}
}

/* D4: a wait releases the lock and holds it again after
 * D4: notify wakes at most n of those who wait
 * D4: notify all wakes everyone */
TEST(notify_n_oldest_first)
{
	tl_scope s = { 0 };
	tl_strand t[9];

	tl_scope_open(&s);
	gather(&s, t, 9);
	notify(0);
	notify(-3);
	notify(1);
	CHECK_EQ(ending(t[0]), 0);
	CHECK_EQ(room.woken, 1);
	notify(3);
	for (int i = 1; i < 4; i++)
		CHECK_EQ(ending(t[i]), 0);
	CHECK_EQ(room.woken, 4);
	notify(2);
	CHECK_EQ(ending(t[4]), 0);
	CHECK_EQ(ending(t[5]), 0);
	CHECK_EQ(tl_state(t[6]), TL_BLOCKED);
	notify(INT_MAX);
	for (int i = 6; i < 9; i++)
		CHECK_EQ(ending(t[i]), 0);
	CHECK_EQ(room.woken, 9);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* One at a time, the order of the wake-ups is the order in which they came. */
TEST(order)
{
	tl_scope s = { 0 };
	tl_strand t[9];

	tl_scope_open(&s);
	gather(&s, t, 9);
	for (int i = 0; i < 9; i++) {
		notify(1);
		CHECK_EQ(ending(t[i]), 0);
		CHECK_EQ(room.order[i], i);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* D4: a wait holds the lock again also when its deadline passed
 * D4: what nobody waits for is not stored */
TEST(not_stored)
{
	notify(5);
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	tl_cond_notify(&room.cond, INT_MAX);
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK(tl_lock_held(&room.lock));
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, tl_after(tl_ms(-5))), -ETIMEDOUT);
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, TL_POLL), -EAGAIN);
	tl_lock_release(&room.lock);
}

static int wait_a_while(void *arg)
{
	int r = tl_lock_acquire(&room.lock, TL_NEVER);

	(void)arg;
	if (r < 0)
		return r;
	r = tl_cond_wait(&room.cond, &room.lock, TL_NEVER);
	tl_lock_release(&room.lock);
	return r;
}

/* D4: a wait without the lock is refused
 * D4: notify without the lock is reported, and yet it tells */
TEST(misuse)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_on_report(count_report, NULL);
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, TL_NEVER), -EPERM);
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, TL_POLL), -EPERM);
	CHECK_EQ(reports[TL_R_MISUSE], 2);
	notify(1);
	CHECK_EQ(reports[TL_R_MISUSE], 2);
	tl_scope_open(&s);
	t = start_task(&s, wait_a_while, NULL);
	await_state(t, TL_BLOCKED);
	tl_cond_notify(&room.cond, 1); /* without the lock */
	CHECK_EQ(reports[TL_R_MISUSE], 3);
	CHECK_EQ(tl_scope_close(&s), 0); /* and yet it was told */
}

/* D4: notify does not release the lock */
TEST(notify_keeps_the_lock)
{
	tl_scope s = { 0 };
	tl_strand t[2];

	tl_scope_open(&s);
	gather(&s, t, 2);
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	tl_cond_notify(&room.cond, 2);
	for (int i = 0; i < 100; i++)
		tl_yield();
	CHECK(tl_lock_held(&room.lock) && room.woken == 0); /* both want it */
	tl_lock_release(&room.lock);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- leaving */

static bool is_open(void *arg)
{
	(void)arg;
	CHECK(tl_lock_held(&room.lock));
	return room.open;
}

/* D4: a wait holds the lock again also when it is cancelled */
TEST(cancel_takes_the_lock_again)
{
	tl_scope s = { 0 };
	tl_strand t[4];

	tl_scope_open(&s);
	gather(&s, t, 4);
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	for (int i = 0; i < 4; i++)
		tl_cancel(t[i]);
	for (int i = 0; i < 100; i++)
		tl_yield();
	for (int i = 0; i < 4; i++)
		CHECK(tl_alive(t[i])); /* they want the lock, which we hold */
	for (int i = 0; i < 4; i++)
		tl_cancel(t[i]);
	tl_lock_release(&room.lock);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ending(t[i]), -ECANCELED);
	CHECK_EQ(reports[TL_R_MISUSE], 0);
	CHECK(!tl_lock_held(&room.lock));
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(cancelled_caller_keeps_the_lock)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, TL_NEVER), -ECANCELED);
	CHECK_EQ(tl_cond_wait_for(&room.cond, &room.lock, is_open, NULL, TL_NEVER), -ECANCELED);
	CHECK(tl_lock_held(&room.lock));
	tl_lock_release(&room.lock);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* A wake that meets a cancel or a deadline goes to somebody (C2). */
static struct meet {
	tl_lock lock;
	tl_cond cond;
	long woken, left;
	_Atomic long present;
	_Atomic int stop;
} meet;

static int meet_wait(void *arg)
{
	uint64_t seed = seed_of((uint64_t)(intptr_t)arg);
	int r = 0;

	while (!atomic_load(&meet.stop) && (r = tl_lock_acquire(&meet.lock, TL_NEVER)) == 0) {
		uint32_t n = number(&seed);

		r = tl_cond_wait(&meet.cond, &meet.lock,
			n % 2 ? TL_NEVER : tl_after(tl_us((int)(n >> 8 & 63) - 8)));
		meet.woken += r == 0;
		meet.left += r != 0;
		tl_lock_release(&meet.lock);
		if (r == -ECANCELED)
			break;
	}
	return r == -ETIMEDOUT ? 0 : r;
}

/* Two wait, one is told, one is cancelled, in every order the machine finds: exactly one has been
 * woken, the cancelled one only if it was told in time; the wake is never lost. */
static int meet_once(void *arg)
{
	int r;

	CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
	atomic_fetch_add(&meet.present, 1);
	r = tl_cond_wait(&meet.cond, &meet.lock, arg ? *(tl_time *)arg : TL_NEVER);
	meet.woken += r == 0;
	tl_lock_release(&meet.lock);
	return r;
}

static int cancel_it(void *arg) { return tl_cancel(*(tl_strand *)arg), 0; }

/* D4: a cancelled waiter passes on the notification it got */
TEST_LIMIT(C2_wake_meets_cancel, 60)
{
	for (int round = 0; round < 3000; round++) {
		tl_scope s = { 0 };
		tl_strand a, b;
		bool threads = round % 4 == 0;

		meet.woken = 0;
		atomic_store(&meet.present, 0);
		tl_scope_open(&s);
		a = (threads ? start_thread : start_task)(&s, meet_once, NULL);
		await_count(&meet.present, 1);
		b = start_task(&s, meet_once, NULL);
		await_count(&meet.present, 2);
		if (round % 3)
			tl_thread_start(&s, cancel_it, &a, NULL);
		CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0); /* both are in the list now */
		if (round % 3 == 0)
			tl_cancel(a);
		tl_cond_notify(&meet.cond, 1);
		tl_lock_release(&meet.lock);
		if (ending(a) == 0) { /* it was for a; so b is still there to be told */
			CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
			CHECK_EQ(meet.woken, 1);
			tl_cond_notify(&meet.cond, 1);
			tl_lock_release(&meet.lock);
			CHECK_EQ(ending(b), 0);
			CHECK_EQ(meet.woken, 2);
		} else {
			CHECK_EQ(ending(b), 0);
			CHECK_EQ(meet.woken, 1);
		}
		CHECK_EQ(tl_scope_close(&s), 0);
	}
}

TEST_LIMIT(C2_wake_meets_deadline, 60)
{
	for (int round = 0; round < 2000; round++) {
		tl_time soon = tl_after(tl_us(30 + round % 64));
		tl_scope s = { .keep_going = true };
		tl_strand a, b;
		int r;

		meet.woken = 0;
		atomic_store(&meet.present, 0);
		tl_scope_open(&s);
		a = (round % 4 ? start_task : start_thread)(&s, meet_once, &soon);
		await_count(&meet.present, 1);
		b = start_task(&s, meet_once, NULL);
		await_count(&meet.present, 2);
		while (tl_now().ns < soon.ns - 5000)
			continue;
		CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
		tl_cond_notify(&meet.cond, 1);
		tl_lock_release(&meet.lock);
		r = ending(a);
		CHECK(r == 0 || r == -ETIMEDOUT);
		if (r == 0) {
			CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
			tl_cond_notify(&meet.cond, INT_MAX);
			tl_lock_release(&meet.lock);
		}
		CHECK_EQ(ending(b), 0);
		CHECK_EQ(meet.woken, r == 0 ? 2 : 1);
		CHECK_EQ(tl_scope_close(&s), r);
	}
}

/* Many wait, leave and come again while others notify: all get out in the end. */
static int meet_tell(void *arg)
{
	uint64_t seed = seed_of(77);
	bool seen = false;

	(void)arg;
	for (int i = 0; i < 10000 || !seen; i++) {
		CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
		tl_cond_notify(&meet.cond, (int)(number(&seed) % 4));
		seen = meet.woken > 100 && meet.left > 100;
		tl_lock_release(&meet.lock);
		if (i % 8 == 0)
			tl_yield();
	}
	atomic_store(&meet.stop, 1);
	return 0;
}

static int meet_flush(void *arg)
{
	while (tl_alive(*(tl_strand *)arg)) { /* until the last has seen `stop` */
		CHECK_EQ(tl_lock_acquire(&meet.lock, TL_NEVER), 0);
		if (atomic_load(&meet.stop))
			tl_cond_notify(&meet.cond, INT_MAX);
		tl_lock_release(&meet.lock);
		tl_yield();
		sched_yield();
	}
	return 0;
}

static int meet_crowd(void *arg)
{
	intptr_t args[12];

	(void)arg;
	for (int i = 0; i < 12; i++)
		args[i] = i;
	crowd(MIXED, 12, meet_wait, args, sizeof *args);
	return 0;
}

TEST_LIMIT(stress, 60)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = start_thread(&s, meet_crowd, NULL);
	start_thread(&s, meet_tell, NULL);
	start_thread(&s, meet_flush, &t);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- wait_for */

static int wait_open(void *arg)
{
	int r;

	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	r = tl_cond_wait_for(&room.cond, &room.lock, is_open, NULL, *(tl_time *)arg);
	tl_lock_release(&room.lock);
	return r;
}

/* D4: wait for a predicate tests it under the lock, again after each wake-up */
TEST(wait_for)
{
	tl_time never = TL_NEVER, soon = tl_after(tl_ms(10)), past = tl_after(tl_ms(-1)),
		poll = TL_POLL;
	tl_scope s = { .keep_going = true };
	tl_strand a, b;

	tl_scope_open(&s);
	CHECK_EQ(ending(start_task(&s, wait_open, &past)), -ETIMEDOUT);
	CHECK_EQ(ending(start_task(&s, wait_open, &soon)), -ETIMEDOUT);
	CHECK_EQ(ending(start_task(&s, wait_open, &poll)), -EAGAIN);
	a = start_task(&s, wait_open, &never);
	b = start_thread(&s, wait_open, &never);
	await_state(a, TL_BLOCKED);
	await_state(b, TL_BLOCKED);
	for (int i = 0; i < 10; i++)
		notify(2); /* to look, and to go on waiting */
	CHECK(tl_alive(a) && tl_alive(b));
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	room.open = true;
	tl_cond_notify(&room.cond, INT_MAX);
	tl_lock_release(&room.lock);
	CHECK_EQ(ending(a), 0);
	CHECK_EQ(ending(b), 0);
	CHECK_EQ(ending(start_task(&s, wait_open, &past)), 0);
	CHECK_EQ(ending(start_task(&s, wait_open, &poll)), 0);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

/* D4: wait for a predicate has one deadline over all */
TEST(wait_for_is_woken_and_gives_up_all_the_same)
{
	tl_time soon = tl_after(tl_ms(20));
	tl_scope s = { .keep_going = true };
	tl_strand t;

	tl_scope_open(&s);
	t = start_thread(&s, wait_open, &soon);
	while (tl_alive(t)) {
		notify(1); /* so often that no single wait ever gets old */
		tl_yield();
	}
	CHECK_EQ(ending(t), -ETIMEDOUT);
	CHECK(tl_now().ns >= soon.ns);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

/* -- the lock is lost on the way back */

static int hold_and_end(void *arg)
{
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	tl_event_set(arg);
	while (tl_yield() == 0)
		sched_yield();
	return 0;
}

TEST(lost_on_the_way_back)
{
	tl_scope s = { .keep_going = true };
	tl_event holds = { 0 };
	tl_strand t[3], owner;

	tl_scope_open(&s);
	gather(&s, t, 3);
	notify(1);
	CHECK_EQ(ending(t[0]), 0);
	owner = start_thread(&s, hold_and_end, &holds);
	CHECK_EQ(tl_event_wait(&holds, TL_NEVER), 0);
	tl_cancel(t[1]); /* it leaves, and finds the lock held */
	tl_cancel(owner);
	CHECK_EQ(ending(t[1]), -EOWNERDEAD);
	ending(owner);
	CHECK_EQ(tl_lock_recover(&room.lock, TL_NEVER), 1);
	tl_cond_notify(&room.cond, INT_MAX); /* the other only waited: nothing was lost for it */
	tl_lock_release(&room.lock);
	CHECK_EQ(ending(t[2]), 0);
	CHECK_EQ(reports[TL_R_MISUSE], 1);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* -- nobody waits any more: the lock of those who did may be gone */

static _Atomic int misuses_after;
static void count_after(const tl_report *r, void *arg)
{
	(void)arg;
	atomic_fetch_add(&misuses_after, r->kind == TL_R_MISUSE);
}

TEST(a_lock_that_is_gone)
{
	tl_cond c = { 0 };
	tl_lock *l = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tl_on_report(count_after, NULL);
	CHECK(l != MAP_FAILED);
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	CHECK_EQ(tl_cond_wait(&c, l, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_lock_release(l);
	munmap(l, 4096);
	tl_cond_notify(&c, 1);
	CHECK_EQ(misuses_after, 0);
}
