/* test_fair_leave.c - who leaves a queue, cancelled or too late, keeps no turn, loses none for
 * others, and swallows no wake-up: recursive lock, read-write lock both ways, latch, once.  The
 * like for condition, event and barrier is in their own tests. */
#include "fair.h"
#include "run/run.h"

enum how { CANCEL, DEADLINE };
enum { ROUNDS = SANITIZED ? 100 : 800 };

struct one {
	struct either *l;
	enum kind kind;
	tl_time until;
};

static int take_it(void *arg)
{
	struct one *o = arg;
	int r = acquire(o->l, o->kind, o->until);

	if (r == 0)
		release(o->l, o->kind);
	return r;
}

/* One leaves while nothing happens: whoever came after it is next. */
static void leaves(enum kind leaver, enum kind next, enum how how, bool thread)
{
	struct either l = { 0 };
	struct one a = { &l, leaver, how == DEADLINE ? tl_after(tl_ms(3)) : TL_NEVER },
		   b = { &l, next, TL_NEVER };
	tl_scope s = { .keep_going = true };
	tl_strand s1, s2;

	tl_scope_open(&s);
	CHECK_EQ(acquire(&l, alone(leaver), TL_NEVER), 0);
	s1 = (thread ? start_thread : start_task)(&s, take_it, &a);
	if (how == CANCEL)
		await_state(s1, TL_BLOCKED);
	s2 = (thread ? start_task : start_thread)(&s, take_it, &b);
	await_state(s2, TL_BLOCKED);
	if (how == CANCEL)
		tl_cancel(s1);
	CHECK_EQ(ending(s1), how == CANCEL ? -ECANCELED : -ETIMEDOUT);
	await_state(s2, TL_BLOCKED); /* it may have had its turn to look */
	release(&l, alone(leaver));
	CHECK_EQ(ending(s2), 0);
	tl_scope_close(&s);
	check_free(&l);
}

/* One leaves, or is too late for that, while it is woken: the other goes on either way. */
static void meets(enum kind leaver, enum kind next, enum how how, int round)
{
	struct either l = { 0 };
	struct one a = { &l, leaver, how == DEADLINE ? tl_after(tl_us(round % 100)) : TL_NEVER },
		   b = { &l, next, TL_NEVER };
	tl_scope s = { .keep_going = true };
	tl_strand s1, s2;
	int r;

	tl_scope_open(&s);
	CHECK_EQ(acquire(&l, alone(leaver), TL_NEVER), 0);
	s1 = (round % 2 ? start_thread : start_task)(&s, take_it, &a);
	if (how == CANCEL)
		await_state(s1, TL_BLOCKED);
	s2 = (round % 4 < 2 ? start_thread : start_task)(&s, take_it, &b);
	await_state(s2, TL_BLOCKED);
	if (how == CANCEL && round % 8 < 4) {
		tl_cancel(s1);
		for (tl_time on = tl_after(tl_us(round % 64)); tl_now().ns < on.ns;)
			continue; /* it is about to leave */
	}
	release(&l, alone(leaver));
	if (how == CANCEL)
		tl_cancel(s1);
	r = ending(s1);
	CHECK(r == 0 || r == (how == CANCEL ? -ECANCELED : -ETIMEDOUT));
	CHECK_EQ(ending(s2), 0);
	tl_scope_close(&s);
	check_free(&l);
}

/* Has it made up its mind to leave, or gone? */
static bool leaves_now(tl_strand t)
{
	const struct strand *s = slot_find(t);

	return !s || atomic_load(&s->park.word) == PARK_IDLE;
}

/* Return when a thread that waits for the object has decided to leave, and is still in the list: it
 * was kept from it for so long that it naps (see spin_pause), and who comes now is before it. */
static void decide(const void *object, tl_strand leaver, enum how how)
{
	struct spin *lock = &word_bucket(object)->lock;
	tl_time on;

	spin_lock(lock);
	if (how == CANCEL)
		tl_cancel(leaver);
	while (!leaves_now(leaver))
		sched_yield();
	for (on = tl_after(tl_ms(2)); tl_now().ns < on.ns;)
		sched_yield();
	spin_unlock(lock);
}

static const void *key(const struct either *l, enum kind k)
{
	return k == RLOCK ? &l->r.lock : &l->w.lock;
}

/* The release finds in the list one that has decided to leave: the other goes on. */
static void decided(enum kind leaver, enum kind next, enum how how, bool thread)
{
	struct either l = { 0 };
	struct one a = { &l, leaver, how == DEADLINE ? tl_after(tl_ms(1)) : TL_NEVER },
		   b = { &l, next, TL_NEVER };
	tl_scope s = { .keep_going = true };
	tl_strand s1, s2;

	tl_scope_open(&s);
	CHECK_EQ(acquire(&l, alone(leaver), TL_NEVER), 0);
	s1 = start_thread(&s, take_it, &a);
	while (tl_state(s1) != TL_BLOCKED && tl_alive(s1))
		sched_yield();
	s2 = (thread ? start_thread : start_task)(&s, take_it, &b);
	await_state(s2, TL_BLOCKED);
	decide(key(&l, leaver), s1, how);
	release(&l, alone(leaver));
	CHECK_EQ(ending(s1), how == CANCEL ? -ECANCELED : -ETIMEDOUT);
	CHECK_EQ(ending(s2), 0);
	tl_scope_close(&s);
	check_free(&l);
}

/* One is called, finds the lock taken again, and leaves: the next release calls the other. */
static void barged(enum kind leaver, enum kind next, bool thread)
{
	struct either l = { 0 };
	struct one a = { &l, leaver, TL_NEVER }, b = { &l, next, TL_NEVER };
	tl_scope s = { .keep_going = true };
	tl_strand s1, s2;
	int r, q;

	tl_scope_open(&s);
	CHECK_EQ(acquire(&l, alone(leaver), TL_NEVER), 0);
	s1 = start_task(&s, take_it, &a);
	await_state(s1, TL_BLOCKED);
	s2 = (thread ? start_thread : start_task)(&s, take_it, &b);
	await_state(s2, TL_BLOCKED);
	release(&l, alone(leaver));
	r = acquire(&l, alone(leaver), TL_POLL);
	CHECK(r == 0 || r == -EAGAIN); /* after a millisecond it is handed over */
	tl_cancel(s1);
	q = ending(s1);
	CHECK(q == 0 || (r == 0 && q == -ECANCELED)); /* 0 too where a release may yield */
	if (r == 0)
		release(&l, alone(leaver));
	CHECK_EQ(ending(s2), 0);
	tl_scope_close(&s);
	check_free(&l);
}

static void both(enum kind leaver, enum kind next)
{
	for (int i = 0; i < 20; i++)
		barged(leaver, next, i % 2);
	for (enum how how = CANCEL; how <= DEADLINE; how++) {
		leaves(leaver, next, how, false);
		leaves(leaver, next, how, true);
		for (int i = 0; i < 6; i++)
			decided(leaver, next, how, i % 2);
		for (int i = 0; i < ROUNDS; i++)
			meets(leaver, next, how, i);
	}
}

TEST_LIMIT(rlock, 60) { both(RLOCK, RLOCK); }
TEST_LIMIT(reader_before_writer, 60) { both(READ, WRITE); }
TEST_LIMIT(reader_before_reader, 60) { both(READ, READ); }
TEST_LIMIT(writer_before_reader, 60) { both(WRITE, READ); }
TEST_LIMIT(writer_before_writer, 60) { both(WRITE, WRITE); }

/* -- a writer that waits for the readers inside, with a reader behind it */

static void drainer_leaves(enum how how)
{
	struct either l = { 0 };
	struct one first = { &l, WRITE, how == DEADLINE ? tl_after(tl_ms(3)) : TL_NEVER },
		   reader = { &l, READ, TL_NEVER }, writer = { &l, WRITE, TL_NEVER };
	tl_scope s = { .keep_going = true };
	tl_strand t[3];

	tl_scope_open(&s);
	CHECK_EQ(tl_rwlock_read(&l.w, TL_NEVER), 0);
	t[0] = start_task(&s, take_it, &first);
	if (how == CANCEL)
		await_state(t[0], TL_BLOCKED);
	t[1] = start_thread(&s, take_it, &reader);
	if (how == CANCEL) {
		await_state(t[1], TL_BLOCKED);
		tl_cancel(t[0]);
	}
	CHECK_EQ(ending(t[0]), how == CANCEL ? -ECANCELED : -ETIMEDOUT);
	CHECK_EQ(ending(t[1]), 0); /* while we still read */
	t[2] = start_task(&s, take_it, &writer);
	await_state(t[2], TL_BLOCKED);
	tl_rwlock_release(&l.w);
	CHECK_EQ(ending(t[2]), 0);
	tl_scope_close(&s);
	check_free(&l);
}

TEST(a_draining_writer_is_cancelled) { drainer_leaves(CANCEL); }
TEST(a_draining_writer_is_too_late) { drainer_leaves(DEADLINE); }

/* -- latch */

static int wait_for(void *arg) { return tl_latch_wait(arg, TL_NEVER); }

TEST_LIMIT(latch, 60)
{
	for (int round = 0; round < ROUNDS; round++) {
		tl_latch a = { .count = 1 };
		tl_scope s = { .keep_going = true };
		tl_strand t[2];
		int r;

		tl_scope_open(&s);
		for (int i = 0; i < 2; i++) {
			t[i] = ((round + i) % 2 ? start_thread : start_task)(&s, wait_for, &a);
			await_state(t[i], TL_BLOCKED);
		}
		CHECK_EQ(tl_latch_wait(&a, tl_after(tl_us(round))), -ETIMEDOUT);
		if (round % 4 < 2)
			tl_cancel(t[0]);
		CHECK(tl_latch_down(&a, 1));
		tl_cancel(t[0]);
		r = ending(t[0]);
		CHECK(r == 0 || r == -ECANCELED);
		CHECK_EQ(ending(t[1]), 0);
		tl_scope_close(&s);
	}
}

/* -- once: the run fails, and the one that is woken for the next is cancelled */

struct run {
	tl_once o;
	tl_event began, go;
	_Atomic int runs;
};

static int fail_first(void *arg)
{
	struct run *x = arg;

	if (atomic_fetch_add(&x->runs, 1))
		return 0;
	tl_event_set(&x->began);
	CHECK_EQ(tl_event_wait(&x->go, TL_NEVER), 0);
	return -EIO;
}

static int run_it(void *arg)
{
	return tl_once_run(&((struct run *)arg)->o, fail_first, arg, TL_NEVER);
}

TEST(once)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct run x = { 0 };
		tl_scope s = { .keep_going = true };
		tl_strand t[3];
		int r;

		tl_scope_open(&s);
		for (int i = 0; i < 3; i++) {
			t[i] = ((round >> i) % 2 ? start_thread : start_task)(&s, run_it, &x);
			if (i == 0)
				CHECK_EQ(tl_event_wait(&x.began, TL_NEVER), 0);
			else
				await_state(t[i], TL_BLOCKED);
		}
		CHECK(!tl_once_done(&x.o));
		tl_event_set(&x.go);
		if (round % 16 < 8)
			CHECK_EQ(ending(t[0]), -EIO);
		tl_cancel(t[1]);
		r = ending(t[1]);
		CHECK(r == 0 || r == -ECANCELED);
		CHECK_EQ(ending(t[2]), 0);
		CHECK_EQ(ending(t[0]), -EIO);
		CHECK(tl_once_done(&x.o));
		CHECK_EQ(x.runs, 2);
		tl_scope_close(&s);
	}
}

/* -- once: the next that is woken has decided to leave, so another is */

struct turn {
	tl_once o;
	tl_scope *s;
	tl_strand t[2];
	bool tasks;
};

static int succeed(void *arg) { return (void)arg, 0; }

static int take_turn(void *arg)
{
	return tl_once_run(&((struct turn *)arg)->o, succeed, NULL, TL_NEVER);
}

static int fail_late(void *arg)
{
	struct turn *x = arg;

	for (int i = 0; i < 2; i++) {
		x->t[i] = (i && x->tasks ? start_task : start_thread)(x->s, take_turn, x);
		await_state(x->t[i], TL_BLOCKED);
	}
	decide(&x->o, x->t[0], CANCEL);
	return -EIO;
}

TEST(once_past_one_that_leaves)
{
	for (int i = 0; i < 10; i++) {
		tl_scope s = { .keep_going = true };
		struct turn x = { .s = &s, .tasks = i % 2 };

		tl_scope_open(&s);
		CHECK_EQ(tl_once_run(&x.o, fail_late, &x, TL_NEVER), -EIO);
		CHECK_EQ(ending(x.t[0]), -ECANCELED);
		CHECK_EQ(ending(x.t[1]), 0);
		CHECK(tl_once_done(&x.o));
		tl_scope_close(&s);
	}
}
