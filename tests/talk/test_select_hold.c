/* test_select_hold.c - locks and semaphores and points in time as cases: who holds, who does not,
 * and that a turn spent on a branch not taken is passed on. */
#include "talk.h"

/* -- a lock alone */

TEST(lock_free)
{
	tl_lock l = { 0 };
	tl_case c[] = { TL_ACQUIRE(&l) };

	CHECK_EQ(tl_select(c, 1, TL_POLL), 0);
	CHECK_EQ(c[0].result, 0);
	CHECK(tl_lock_held(&l));
	CHECK_EQ(tl_select(c, 1, TL_NEVER), 0); /* by the caller himself */
	CHECK_EQ(c[0].result, -EDEADLK);
	tl_lock_release(&l);
	CHECK(!tl_lock_held(&l));
}

static int choose_and_release(void *arg)
{
	struct choice *h = arg;
	int r = tl_select(h->c, h->n, h->until);

	if (r >= 0 && h->c[r].what == TL_W_LOCK && h->c[r].result == 0)
		tl_lock_release(h->c[r].object);
	if (r >= 0 && h->c[r].what == TL_W_SEM && h->c[r].result == 0)
		CHECK_EQ(tl_sem_release(h->c[r].object, 1), 0);
	return r;
}

static tl_strand holding(tl_scope *s, struct choice *h, bool thread)
{
	tl_strand t = (thread ? start_thread : start_task)(s, choose_and_release, h);

	await_state(t, TL_BLOCKED);
	return t;
}

/* Soon after it began to wait it is woken to try, later it is handed the lock. */
TEST(lock_waited)
{
	tl_lock l = { 0 };
	struct choice h = { .c = { TL_ACQUIRE(&l) }, .n = 1 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 6; i++) {
		tl_strand t;

		CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
		t = holding(&s, &h, i & 1);
		if (i & 2)
			CHECK_EQ(tl_sleep(tl_ms(3)), 0);
		tl_lock_release(&l);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK(!tl_lock_held(&l));
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int hold_and_end(void *arg)
{
	CHECK_EQ(tl_lock_acquire(arg, TL_NEVER), 0);
	return tl_sleep_until(TL_NEVER);
}

TEST(lock_lost)
{
	tl_lock l = { 0 };
	struct choice h = { .c = { TL_ACQUIRE(&l) }, .n = 1 };
	tl_scope s = { .keep_going = true };
	tl_strand owner, t;

	tl_on_report(count_report, NULL);
	tl_scope_open(&s);
	owner = start_task(&s, hold_and_end, &l);
	await_state(owner, TL_BLOCKED);
	t = waiting(&s, &h, true);
	tl_cancel(owner);
	CHECK_EQ(ending(t), 0);
	CHECK_EQ(h.c[0].result, -EOWNERDEAD);
	CHECK_EQ(tl_lock_recover(&l, TL_POLL), 1);
	tl_lock_release(&l);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(lock_shared)
{
	tl_lock *l = tl_shared(sizeof *l);
	tl_case c[1];

	CHECK(l != NULL);
	c[0] = TL_ACQUIRE(l);
	CHECK_EQ(tl_select(c, 1, TL_NEVER), 0);
	CHECK_EQ(c[0].result, -ENOTSUP);
	CHECK(!tl_lock_held(l));
	tl_shared_free(l);
}

/* -- a semaphore alone */

TEST(sem_alone)
{
	tl_sem m = { .value = 1 };
	struct choice h = { .c = { TL_ACQUIRE(&m) }, .n = 1 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++) {
		tl_strand t;

		CHECK_EQ(tl_select(h.c, 1, TL_POLL), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK_EQ(tl_sem_count(&m), 0);
		CHECK_EQ(tl_select(h.c, 1, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_select(h.c, 1, tl_after(tl_ms(1))), -ETIMEDOUT);
		t = waiting(&s, &h, i & 1);
		CHECK_EQ(tl_sem_release(&m, 1), 0);
		CHECK_EQ(ending(t), 0);
		CHECK_EQ(h.c[0].result, 0);
		CHECK_EQ(tl_sem_count(&m), 0);
		CHECK_EQ(tl_sem_release(&m, 1), 0);
		CHECK_EQ(tl_sem_count(&m), 1);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* First come, first served, among those who select and those who do not. */
static int note_order(void *arg)
{
	static _Atomic int next;
	struct {
		tl_sem *m;
		int place;
		bool selects;
	} *h = arg;
	tl_case c[] = { TL_ACQUIRE(h->m) };

	CHECK_EQ(h->selects ? tl_select(c, 1, TL_NEVER) : tl_sem_acquire(h->m, TL_NEVER), 0);
	CHECK_EQ(atomic_fetch_add(&next, 1), h->place);
	CHECK_EQ(tl_sem_release(h->m, 1), 0);
	return 0;
}

TEST(sem_in_turn)
{
	tl_sem m = { .value = 0 };
	struct {
		tl_sem *m;
		int place;
		bool selects;
	} h[8];
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 8; i++) {
		h[i].m = &m;
		h[i].place = i;
		h[i].selects = i % 3 != 0;
		await_state(start_task(&s, note_order, &h[i]), TL_BLOCKED);
	}
	CHECK_EQ(tl_sem_release(&m, 1), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_sem_count(&m), 1);
}

/* -- a point in time */

TEST(at)
{
	tl_event e = { 0 };
	tl_time soon = tl_after(tl_ms(3));
	tl_case c[] = { TL_AT(soon), TL_SET(&e), TL_AT(TL_NEVER), TL_AT(tl_after(tl_s(500))) };
	tl_case past = TL_AT(tl_after(tl_ms(-1)));

	CHECK_EQ(tl_select(&c[1], 3, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_select(c, 4, TL_NEVER), 0);
	CHECK_EQ(c[0].result, 0);
	CHECK(tl_now().ns >= soon.ns);
	CHECK_EQ(tl_select(c, 4, soon), 0); /* what has come beats the deadline ... */
	soon = tl_after(tl_ms(3));
	c[0] = TL_AT(soon);
	CHECK_EQ(tl_select(c, 4, soon), 0); /* ... and what comes with it */
	CHECK_EQ(tl_select(&past, 1, TL_POLL), 0);
	CHECK_EQ(tl_select(&c[2], 1, tl_after(tl_ms(2))), -ETIMEDOUT);
	CHECK_EQ(tl_select(&c[2], 2, tl_after(tl_ms(2))), -ETIMEDOUT);
	c[0] = TL_AT(tl_after(tl_s(500)));
	tl_event_set(&e);
	CHECK_EQ(tl_select(c, 4, TL_NEVER), 1);
}

TEST(at_cancelled)
{
	struct choice h = { .c = { TL_AT(tl_after(tl_s(500))) }, .n = 1 };
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	t = waiting(&s, &h, false);
	tl_cancel(t);
	CHECK_EQ(ending(t), -ECANCELED);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- against each other */

/* Woken by the one, it leaves no claim on the others: each is free, and the next gets it. */
static void one_of(int k, bool thread)
{
	tl_lock l = { 0 };
	tl_sem m = { .value = 0, .limit = 1 };
	tl_queue *q = make_queue(1, 8);
	tl_event e = { 0 };
	int64_t v = 0;
	struct choice h = { .c = { TL_ACQUIRE(&l), TL_ACQUIRE(&m), TL_GET(q, &v, 8), TL_SET(&e) },
		.n = 4 };
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	t = waiting(&s, &h, thread);
	switch (k) {
	case 0: tl_lock_release(&l); break;
	case 1: CHECK_EQ(tl_sem_release(&m, 1), 0); break;
	case 2: CHECK_EQ(put(q, 9, TL_NEVER), 0); break;
	default: tl_event_set(&e);
	}
	CHECK_EQ(tl_join(t, NULL, TL_NEVER), 0);
	CHECK_EQ(h.c[k].result, k == 2 ? 8 : 0);
	CHECK_EQ(v, k == 2 ? 9 : 0);
	if (k != 0) {
		tl_lock_release(&l);
		CHECK_EQ(tl_lock_acquire(&l, TL_POLL), 0);
		tl_lock_release(&l);
	} else {
		CHECK_EQ(tl_lock_recover(&l, TL_POLL), 1); /* t ended holding it */
		tl_lock_release(&l);
	}
	CHECK_EQ(tl_sem_acquire(&m, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_sem_release(&m, 1), 0);
	CHECK_EQ(tl_sem_release(&m, 1), -EOVERFLOW);
	CHECK_EQ(tl_sem_count(&m), 1);
	CHECK_EQ(put(q, 1, TL_POLL), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	tl_queue_close(q);
}

TEST(one_of_each)
{
	tl_on_report(count_report, NULL);
	for (int k = 0; k < 8; k++)
		one_of(k / 2, k % 2);
}

/* A lock's wake goes to a select that has just been told of something else: the next in line must
 * hear of the lock all the same.  Both tellers run before the select does. */
static int take_and_go(void *arg)
{
	CHECK_EQ(tl_lock_acquire(arg, TL_NEVER), 0);
	tl_lock_release(arg);
	return 0;
}

TEST(lock_passed_on)
{
	for (int i = 0; i < 64; i++) {
		tl_lock l = { 0 };
		tl_future f = { 0 };
		struct choice h = { .c = { TL_ACQUIRE(&l), TL_DONE(&f) }, .n = 2 };
		tl_scope s = { 0 };
		tl_strand t, next;

		tl_scope_open(&s);
		CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
		t = start_task(&s, choose_and_release, &h);
		await_state(t, TL_BLOCKED);
		next = start_task(&s, take_and_go, &l);
		await_state(next, TL_BLOCKED);
		tl_lock_release(&l);                  /* wakes t, to try ... */
		CHECK_EQ(tl_future_set(&f, NULL), 0); /* ... and so it may take this instead */
		ending(t);
		CHECK_EQ(ending(next), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK(!tl_lock_held(&l));
	}
}

TEST(cancelled_holds_nothing)
{
	tl_lock l = { 0 };
	tl_sem m = { .value = 0 };
	struct choice h = { .c = { TL_ACQUIRE(&l), TL_ACQUIRE(&m) }, .n = 2 };
	tl_scope s = { .keep_going = true };

	tl_scope_open(&s);
	CHECK_EQ(tl_lock_acquire(&l, TL_NEVER), 0);
	for (int i = 0; i < 4; i++) {
		tl_strand t = waiting(&s, &h, i & 1);

		tl_cancel(t);
		CHECK_EQ(ending(t), -ECANCELED);
	}
	h.until = tl_after(tl_ms(2));
	CHECK_EQ(ending(start_thread(&s, choose, &h)), -ETIMEDOUT);
	tl_lock_release(&l);
	CHECK(!tl_lock_held(&l));
	CHECK_EQ(tl_sem_release(&m, 1), 0);
	CHECK_EQ(tl_sem_count(&m), 1);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT); /* what the last one answered */
}
