/* test_fair.c - the numbers that sync.h states, in grants: by how many that came later a waiter is
 * passed, in a recursive lock, a read-write lock, a condition and a once that fails. */
#include "fair.h"

enum { WAITERS = 6, PASSERS = 4 };

/* -- all in one thread, so that only the counts decide */

struct one {
	struct either *l;
	enum kind kind;
};

static int take_it(void *arg)
{
	struct one *o = arg;
	int r = acquire(o->l, o->kind, TL_NEVER);

	if (r == 0)
		release(o->l, o->kind);
	return r;
}

static void one_thread(enum kind waits, enum kind passes)
{
	struct either l = { 0 };
	struct one o = { &l, waits };
	tl_scope s = { 0 };
	tl_strand t[2];
	long n = 0;

	tl_scope_open(&s);
	CHECK_EQ(acquire(&l, alone(waits), TL_NEVER), 0);
	for (int i = 0; i < 2; i++) {
		t[i] = start_task(&s, take_it, &o);
		await_state(t[i], TL_BLOCKED);
	}
	release(&l, alone(waits));
	for (; n <= PASSES && acquire(&l, passes, TL_POLL) == 0; n++)
		release(&l, passes);
	CHECK(n <= PASSES);
	CHECK_EQ(ending(t[0]), 0);
	CHECK_EQ(ending(t[1]), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	check_free(&l);
}

TEST_LIMIT(rlock_in_one_thread, 60) { one_thread(RLOCK, RLOCK); }
TEST_LIMIT(writer_passed_by_writers, 60) { one_thread(WRITE, WRITE); }
TEST_LIMIT(writer_passed_by_readers, 60) { one_thread(WRITE, READ); }
TEST_LIMIT(reader_passed_by_writers, 60) { one_thread(READ, WRITE); }
TEST_LIMIT(reader_passed_by_readers, 60) { one_thread(READ, READ); }

/* -- many of both kinds: those who were seen to wait, and those who come again and again until the
 * last of the first has had it */

struct many {
	struct either l;
	_Atomic long grants, left; /* left: of those who wait */
};

struct party {
	struct many *m;
	enum kind kind;
};

static int wait_once(void *arg)
{
	struct party *p = arg;
	struct many *m = p->m;

	CHECK_EQ(acquire(&m->l, p->kind, TL_NEVER), 0);
	/* Nobody was granted anything before it waited, and at most so many waited before it. */
	CHECK(atomic_fetch_add(&m->grants, 1) <= PASSES + WAITERS - 1);
	release(&m->l, p->kind);
	atomic_fetch_sub(&m->left, 1);
	return 0;
}

static int come_again(void *arg)
{
	struct party *p = arg;
	struct many *m = p->m;

	while (atomic_load(&m->left)) {
		CHECK_EQ(acquire(&m->l, p->kind, TL_NEVER), 0);
		atomic_fetch_add(&m->grants, 1);
		release(&m->l, p->kind);
	}
	return 0;
}

static void many(enum kind waits, enum kind passes)
{
	struct many m = { .left = WAITERS };
	struct party waiter = { &m, waits }, passer = { &m, passes };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	CHECK_EQ(acquire(&m.l, alone(waits), TL_NEVER), 0);
	for (int i = 0; i < WAITERS; i++)
		await_state(
			(i % 2 ? start_task : start_thread)(&s, wait_once, &waiter), TL_BLOCKED);
	for (int i = 0; i < PASSERS; i++)
		(i % 2 ? start_task : start_thread)(&s, come_again, &passer);
	release(&m.l, alone(waits));
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(m.grants >= WAITERS);
	check_free(&m.l);
}

TEST_LIMIT(rlock_among_many, 60) { many(RLOCK, RLOCK); }
TEST_LIMIT(writers_among_many_writers, 60) { many(WRITE, WRITE); }
TEST_LIMIT(writers_among_many_readers, 60) { many(WRITE, READ); }
TEST_LIMIT(readers_among_many_writers, 60) { many(READ, WRITE); }

/* -- nobody passes a writer that waits for the readers inside */

struct drain {
	tl_rwlock l;
	_Atomic long grants, number[2];
};

static int write_then(void *arg)
{
	struct drain *d = arg;

	CHECK_EQ(tl_rwlock_write(&d->l, TL_NEVER), 0);
	d->number[0] = atomic_fetch_add(&d->grants, 1);
	tl_rwlock_release(&d->l);
	return 0;
}

static int read_then(void *arg)
{
	struct drain *d = arg;

	CHECK_EQ(tl_rwlock_read(&d->l, TL_NEVER), 0);
	d->number[1] = atomic_fetch_add(&d->grants, 1);
	tl_rwlock_release(&d->l);
	return 0;
}

static int knock(void *arg)
{
	struct drain *d = arg;

	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(tl_rwlock_read(&d->l, TL_POLL), -EAGAIN);
		CHECK_EQ(tl_rwlock_write(&d->l, TL_POLL), -EAGAIN);
	}
	return 0;
}

TEST(nobody_passes_a_draining_writer)
{
	for (int thread = 0; thread < 2; thread++) {
		struct drain d = { 0 };
		tl_scope s = { 0 };

		CHECK_EQ(tl_rwlock_read(&d.l, TL_NEVER), 0);
		tl_scope_open(&s);
		await_state((thread ? start_thread : start_task)(&s, write_then, &d), TL_BLOCKED);
		await_state((thread ? start_task : start_thread)(&s, read_then, &d), TL_BLOCKED);
		CHECK_EQ(ending(start_task(&s, knock, &d)), 0);
		CHECK_EQ(ending(start_thread(&s, knock, &d)), 0);
		CHECK(!tl_rwlock_written(&d.l));
		tl_rwlock_release(&d.l);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(d.number[0], 0);
		CHECK_EQ(d.number[1], 1);
	}
}

/* -- who was told, and waits again, is told after all who have waited since */

enum { TOLD = 10 * WAITERS };

static struct room {
	tl_lock lock;
	tl_cond cond;
	int told, order[TOLD];
} room;

static int wait_again(void *arg)
{
	CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
	for (int i = 0; i < TOLD / WAITERS; i++) {
		CHECK_EQ(tl_cond_wait(&room.cond, &room.lock, TL_NEVER), 0);
		room.order[room.told++] = (int)(intptr_t)arg;
	}
	tl_lock_release(&room.lock);
	return 0;
}

static void await_waiters(int n)
{
	while (tl_cond_waiters(&room.cond) != n) {
		tl_yield();
		sched_yield();
	}
}

TEST(condition_in_turn)
{
	tl_scope s = { 0 };
	tl_strand t[WAITERS];

	CHECK_EQ(tl_cond_waiters(&room.cond), 0);
	tl_scope_open(&s);
	for (int i = 0; i < WAITERS; i++) {
		t[i] = (i % 2 ? start_task : start_thread)(&s, wait_again, (void *)(intptr_t)i);
		await_waiters(i + 1);
	}
	for (int i = 0; i < TOLD; i++) {
		int gone = i - (TOLD - WAITERS); /* in the last round they do not wait again */

		await_waiters(gone > 0 ? WAITERS - gone : WAITERS);
		CHECK_EQ(tl_lock_acquire(&room.lock, TL_NEVER), 0);
		tl_cond_notify(&room.cond, 1);
		tl_lock_release(&room.lock);
		if (gone >= 0)
			CHECK_EQ(ending(t[gone]), 0);
	}
	CHECK_EQ(tl_scope_close(&s), 0);
	for (int i = 0; i < TOLD; i++)
		CHECK_EQ(room.order[i], i % WAITERS);
	CHECK_EQ(tl_cond_waiters(&room.cond), 0);
}

/* -- after a failure who has waited longest runs, and none that comes later */

static struct line {
	tl_once once;
	tl_event began, go;
	_Atomic int served;
	int order[1 + WAITERS];
} line;

static int fails_in_turn(void *arg)
{
	int i = atomic_fetch_add(&line.served, 1);

	line.order[i] = (int)(intptr_t)arg;
	tl_event_set(&line.began);
	if (i == 0)
		CHECK_EQ(tl_event_wait(&line.go, TL_NEVER), 0);
	return -EIO;
}

static int comes_late(void *arg)
{
	(void)arg;
	CHECK_EQ(line.served, 1 + WAITERS);
	return -EIO;
}

static int run_then_come_late(void *arg)
{
	int r;

	CHECK_EQ(tl_once_run(&line.once, fails_in_turn, arg, TL_NEVER), -EIO);
	r = tl_once_run(&line.once, comes_late, NULL, TL_POLL);
	CHECK(r == -EAGAIN || r == -EIO);
	return 0;
}

TEST(once_in_turn_after_failures)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	start_thread(&s, run_then_come_late, 0);
	CHECK_EQ(tl_event_wait(&line.began, TL_NEVER), 0);
	for (int i = 1; i <= WAITERS; i++) {
		t = (i % 2 ? start_task : start_thread)(
			&s, run_then_come_late, (void *)(intptr_t)i);
		await_state(t, TL_BLOCKED);
	}
	tl_event_set(&line.go);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(line.served, 1 + WAITERS);
	for (int i = 0; i <= WAITERS; i++)
		CHECK_EQ(line.order[i], i);
	CHECK(!tl_once_done(&line.once));
	CHECK_EQ(tl_once_run(&line.once, nothing, NULL, TL_POLL), 0);
}
