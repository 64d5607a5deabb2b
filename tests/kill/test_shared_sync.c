/* test_shared_sync.c - what tells others, across processes: semaphore, condition, event, barrier,
 * latch, once, future, read-write lock.  Main strands, tasks and threads play the parts. */
#include "cast.h"
#include <limits.h>

enum { CAST = 6, ROUNDS = 300 };

static void all_went_well(const pid_t *p, int n)
{
	for (int i = 0; i < n; i++)
		went_well(p[i]);
}

/* -- semaphore */

struct units {
	tl_sem sem;
	_Atomic int inside;
};

static int take_and_give(void *arg)
{
	struct units *u = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(tl_sem_acquire(&u->sem, TL_NEVER), 0);
		CHECK(atomic_fetch_add(&u->inside, 1) < 2);
		if (i % 16 == 0)
			sched_yield();
		atomic_fetch_sub(&u->inside, 1);
		CHECK_EQ(tl_sem_release(&u->sem, 1), 0);
	}
	return 0;
}

TEST_LIMIT(semaphore_across_processes, 60)
{
	struct units *u = shared_zero(sizeof *u);
	pid_t p[CAST];

	u->sem = (tl_sem){ .value = 2, .limit = 2 };
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, take_and_give, u);
	CHECK_EQ(take_and_give(u), 0);
	all_went_well(p, CAST);
	CHECK_EQ(tl_sem_count(&u->sem), 2);
	CHECK_EQ(tl_sem_release(&u->sem, 1), -EOVERFLOW);
	CHECK_EQ(tl_sem_acquire(&u->sem, TL_POLL), 0);
	CHECK_EQ(tl_sem_acquire(&u->sem, TL_POLL), 0);
	CHECK_EQ(tl_sem_acquire(&u->sem, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_sem_acquire(&u->sem, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK_EQ(tl_sem_release(&u->sem, 3), -EOVERFLOW);
	CHECK_EQ(tl_sem_release(&u->sem, 0), -EINVAL);
	CHECK_EQ(tl_sem_release(&u->sem, 2), 0);
	CHECK_EQ(tl_sem_count(&u->sem), 2);
}

static int take_one(void *arg) { return tl_sem_acquire(arg, TL_NEVER); }

TEST_LIMIT(semaphore_wakes_as_many_as_units, 60)
{
	tl_sem *m = shared_zero(sizeof *m);
	pid_t p[CAST];

	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, take_one, m);
	CHECK_EQ(tl_sem_release(m, CAST - 1), 0);
	CHECK_EQ(tl_sem_release(m, 1), 0);
	all_went_well(p, CAST);
	CHECK_EQ(tl_sem_count(m), 0);
}

TEST_LIMIT(semaphore_cancel_takes_nothing, 60)
{
	tl_sem *m = shared_zero(sizeof *m);
	tl_scope s = { .keep_going = true };
	tl_strand t[2];
	tl_end e;
	long got = 0;

	tl_scope_open(&s);
	for (int i = 0; i < 200; i++) {
		pid_t p = cast(BY_MAIN, take_one, m);

		tl_task_start(&s, take_one, m, &(tl_opts){ .ret = &t[0] });
		tl_thread_start(&s, take_one, m, &(tl_opts){ .ret = &t[1] });
		await_blocked(t[0]);
		await_blocked(t[1]);
		CHECK_EQ(tl_sem_release(m, 2), 0);
		tl_cancel(t[0]);
		tl_cancel(t[1]);
		for (int j = 0; j < 2; j++) {
			CHECK_EQ(tl_join(t[j], &e, TL_NEVER), 0);
			CHECK(e.value == 0 || e.value == -ECANCELED);
			got += e.value == 0;
			if (e.value == 0)
				CHECK_EQ(tl_sem_release(m, 1), 0);
		}
		went_well(p); /* a unit is left for it, whoever took the others */
		CHECK_EQ(tl_sem_count(m), 1);
		CHECK_EQ(tl_sem_acquire(m, TL_POLL), 0);
	}
	tl_scope_close(&s);
	printf("%ld got a unit\n", got);
}

/* -- condition: a box that holds one thing */

struct box {
	tl_lock lock;
	tl_cond filled, emptied;
	bool full;
	long put, got;
};

static int fill(void *arg)
{
	struct box *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(tl_lock_acquire(&b->lock, TL_NEVER), 0);
		while (b->full)
			CHECK_EQ(tl_cond_wait(&b->emptied, &b->lock, TL_NEVER), 0);
		b->full = true;
		b->put++;
		tl_cond_notify(&b->filled, 1);
		tl_lock_release(&b->lock);
	}
	return 0;
}

static int empty(void *arg)
{
	struct box *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(tl_lock_acquire(&b->lock, TL_NEVER), 0);
		while (!b->full)
			CHECK_EQ(tl_cond_wait(&b->filled, &b->lock, TL_NEVER), 0);
		b->full = false;
		b->got++;
		tl_cond_notify(&b->emptied, 1);
		tl_lock_release(&b->lock);
	}
	return 0;
}

TEST_LIMIT(condition_across_processes, 60)
{
	struct box *b = shared_zero(sizeof *b);
	pid_t p[CAST];

	for (int i = 0; i < CAST; i++)
		p[i] = cast(i / 2 % KINDS, i % 2 ? empty : fill, b);
	all_went_well(p, CAST);
	CHECK_EQ(b->put, CAST / 2 * ROUNDS);
	CHECK_EQ(b->got, b->put);
	CHECK_EQ(tl_cond_waiters(&b->filled), 0);
	CHECK_EQ(tl_cond_waiters(&b->emptied), 0);
}

struct told {
	tl_lock lock;
	tl_cond cond;
	_Atomic long n;
};

static int be_told(void *arg)
{
	struct told *t = arg;

	CHECK_EQ(tl_lock_acquire(&t->lock, TL_NEVER), 0);
	CHECK_EQ(tl_cond_wait(&t->cond, &t->lock, TL_NEVER), 0);
	atomic_fetch_add(&t->n, 1);
	tl_lock_release(&t->lock);
	return 0;
}

static void tell(struct told *t, int n)
{
	CHECK_EQ(tl_lock_acquire(&t->lock, TL_NEVER), 0);
	tl_cond_notify(&t->cond, n);
	tl_lock_release(&t->lock);
}

TEST_LIMIT(condition_tells_as_many_as_asked, 60)
{
	struct told *t = shared_zero(sizeof *t);
	pid_t p[CAST];
	int left = CAST;

	tell(t, 3); /* nobody waits: nothing is stored */
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, be_told, t);
	while (tl_cond_waiters(&t->cond) < CAST)
		sched_yield();
	for (int n = 1; left; n++) {
		tell(t, n);
		left = left > n ? left - n : 0;
		await_more(&t->n, CAST - left - 1);
		CHECK_EQ(tl_cond_waiters(&t->cond), left);
		CHECK_EQ(atomic_load(&t->n), CAST - left);
	}
	all_went_well(p, CAST);
	CHECK_EQ(tl_lock_acquire(&t->lock, TL_NEVER), 0);
	CHECK_EQ(tl_cond_wait(&t->cond, &t->lock, tl_after(tl_ms(5))), -ETIMEDOUT);
	CHECK_EQ(tl_cond_waiters(&t->cond), 0);
	tl_cond_notify(&t->cond, INT_MAX);
	CHECK_EQ(tl_cond_wait(&t->cond, &t->lock, tl_after(tl_ms(5))), -ETIMEDOUT);
	tl_lock_release(&t->lock);
}

/* -- event */

struct bell {
	tl_event event;
	_Atomic long waits, heard;
};

static int listen_for(void *arg)
{
	struct bell *b = arg;

	atomic_fetch_add(&b->waits, 1);
	CHECK_EQ(tl_event_wait(&b->event, TL_NEVER), 0);
	atomic_fetch_add(&b->heard, 1);
	return 0;
}

TEST_LIMIT(event_across_processes, 60)
{
	struct bell *b = shared_zero(sizeof *b);
	pid_t p[CAST];

	CHECK_EQ(tl_event_wait(&b->event, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_event_wait(&b->event, tl_after(tl_ms(5))), -ETIMEDOUT);
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, listen_for, b);
	await_more(&b->waits, CAST - 1);
	CHECK_EQ(atomic_load(&b->heard), 0);
	tl_event_set(&b->event);
	all_went_well(p, CAST);
	CHECK(tl_event_is_set(&b->event));
	CHECK_EQ(tl_event_wait(&b->event, TL_POLL), 0);
	tl_event_clear(&b->event);
	CHECK(!tl_event_is_set(&b->event));
	CHECK_EQ(tl_event_wait(&b->event, TL_POLL), -EAGAIN);
}

static int in_turn(void *arg)
{
	tl_event *e = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(tl_event_wait(&e[0], TL_NEVER), 0);
		tl_event_clear(&e[0]);
		tl_event_set(&e[1]);
	}
	return 0;
}

TEST_LIMIT(event_to_and_fro, 120)
{
	for (int k = 0; k < KINDS; k++) {
		tl_event *e = shared_zero(2 * sizeof *e);
		pid_t p = cast(k, in_turn, e);

		for (int i = 0; i < ROUNDS; i++) {
			tl_event_set(&e[0]);
			CHECK_EQ(tl_event_wait(&e[1], TL_NEVER), 0);
			tl_event_clear(&e[1]);
		}
		went_well(p);
	}
}

/* Set and cleared at once: who waited goes on. */
static int await_pulse(void *arg)
{
	struct bell *b = arg;
	int r = tl_event_wait(&b->event, TL_NEVER);

	atomic_fetch_add(&b->heard, r == 0);
	return r;
}

TEST_LIMIT(event_pulse, 60)
{
	struct bell *b = shared_zero(sizeof *b);
	tl_scope s = { 0 };
	tl_strand t[2];

	tl_scope_open(&s);
	for (int i = 0; i < 100; i++) {
		tl_task_start(&s, await_pulse, b, &(tl_opts){ .ret = &t[0] });
		tl_thread_start(&s, await_pulse, b, &(tl_opts){ .ret = &t[1] });
		await_blocked(t[0]);
		await_blocked(t[1]);
		tl_event_set(&b->event);
		tl_event_clear(&b->event);
		CHECK_EQ(tl_join(t[0], NULL, TL_NEVER), 0);
		CHECK_EQ(tl_join(t[1], NULL, TL_NEVER), 0);
		CHECK_EQ(atomic_load(&b->heard), 2 * (i + 1));
	}
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- barrier */

struct race {
	tl_barrier barrier;
	_Atomic int numbers; /* a bit for each number of a round */
	_Atomic int round;
};

static int run_rounds(void *arg)
{
	struct race *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int n = tl_barrier_wait(&b->barrier, TL_NEVER);

		CHECK(n >= 0 && n < CAST);
		CHECK(!(atomic_fetch_or(&b->numbers, 1 << n) & 1 << n)); /* each once */
		CHECK_EQ(atomic_load(&b->round), i);
		n = tl_barrier_wait(&b->barrier, TL_NEVER);
		CHECK(n >= 0);
		if (n == CAST - 1) {
			CHECK_EQ(atomic_exchange(&b->numbers, 0), (1 << CAST) - 1);
			atomic_store(&b->round, i + 1);
		}
		CHECK(tl_barrier_wait(&b->barrier, TL_NEVER) >= 0);
	}
	return 0;
}

TEST_LIMIT(barrier_across_processes, 120)
{
	struct race *b = shared_zero(sizeof *b);
	pid_t p[CAST];

	b->barrier.parties = CAST;
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, run_rounds, b);
	all_went_well(p, CAST);
	CHECK_EQ(atomic_load(&b->round), ROUNDS);
	CHECK_EQ(tl_barrier_waiting(&b->barrier), 0);
}

static int broken_for(void *arg) { return -(tl_barrier_wait(arg, TL_NEVER) != -EPIPE); }

TEST_LIMIT(barrier_breaks_across_processes, 60)
{
	tl_barrier *b = shared_zero(sizeof *b);
	pid_t p[KINDS];

	b->parties = KINDS + 2;
	for (int way = 0; way < 3; way++) {
		for (int i = 0; i < KINDS; i++)
			p[i] = cast(i, broken_for, b);
		while (tl_barrier_waiting(b) < KINDS)
			sched_yield();
		if (way == 0)
			tl_barrier_abort(b);
		if (way == 1)
			CHECK_EQ(tl_barrier_wait(b, tl_after(tl_ms(1))), -ETIMEDOUT);
		if (way == 2)
			tl_barrier_reset(b);
		all_went_well(p, KINDS);
		CHECK_EQ(tl_barrier_broken(b), way < 2);
		CHECK_EQ(tl_barrier_waiting(b), 0);
		CHECK_EQ(tl_barrier_wait(b, TL_POLL), way < 2 ? -EPIPE : -EAGAIN);
		tl_barrier_reset(b);
		CHECK(!tl_barrier_broken(b));
	}
	b->action = broken_for;
	CHECK_EQ(tl_barrier_wait(b, TL_POLL), -EINVAL);
}

TEST_LIMIT(barrier_cancel_only_leaves, 60)
{
	tl_barrier *b = shared_zero(sizeof *b);
	tl_scope s = { .keep_going = true };
	tl_strand t;
	tl_end e;
	pid_t p;

	b->parties = 2;
	tl_scope_open(&s);
	tl_task_start(&s, broken_for, b, &(tl_opts){ .ret = &t });
	await_blocked(t);
	CHECK_EQ(tl_barrier_waiting(b), 1);
	tl_cancel(t);
	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	CHECK_EQ(tl_barrier_waiting(b), 0);
	p = cast(BY_MAIN, broken_for, b); /* it is not, so the child fails */
	CHECK(tl_barrier_wait(b, TL_NEVER) >= 0);
	CHECK_EQ(waitpid(p, &(int){ 0 }, 0), p);
	tl_scope_close(&s);
}

/* -- latch, once, future */

struct start {
	tl_latch ready, go;
	tl_once once;
	tl_future future;
	_Atomic int runs;
	uint64_t value;
};

static int set_up(void *arg)
{
	struct start *g = arg;

	return atomic_fetch_add(&g->runs, 1) < 2 ? -EIO : 0; /* two fail first */
}

static int get_ready(void *arg)
{
	struct start *g = arg;
	void *value = NULL;
	int r = -EIO;

	tl_latch_down(&g->ready, 1);
	CHECK_EQ(tl_latch_wait(&g->go, TL_NEVER), 0);
	while (r == -EIO)
		r = tl_once_run(&g->once, set_up, g, TL_NEVER);
	CHECK_EQ(r, 0);
	CHECK_EQ(tl_future_get(&g->future, &value, TL_NEVER), 0);
	return value == &g->value && g->value == 7 ? 0 : -EINVAL;
}

TEST_LIMIT(latch_once_and_future_across_processes, 60)
{
	struct start *g = shared_zero(sizeof *g);
	pid_t p[CAST];

	g->ready.count = CAST;
	g->go.count = 1;
	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, get_ready, g);
	CHECK_EQ(tl_latch_wait(&g->ready, TL_NEVER), 0);
	CHECK(tl_latch_down(&g->go, 1));
	while (!tl_once_done(&g->once))
		sched_yield();
	CHECK_EQ(tl_future_get(&g->future, NULL, TL_POLL), -EAGAIN);
	g->value = 7;
	CHECK_EQ(tl_future_set(&g->future, &g->value), 0);
	CHECK_EQ(tl_future_set(&g->future, NULL), -EBUSY);
	all_went_well(p, CAST);
	CHECK_EQ(atomic_load(&g->runs), 3);
}

/* -- read-write lock */

struct page {
	tl_rwlock lock;
	long a, b;
	_Atomic int reading;
};

static int read_and_write(void *arg)
{
	struct page *g = arg;

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(tl_rwlock_read(&g->lock, TL_NEVER), 0);
		atomic_fetch_add(&g->reading, 1);
		CHECK_EQ(g->a, g->b);
		if (i % 8 == 0)
			sched_yield();
		atomic_fetch_sub(&g->reading, 1);
		tl_rwlock_release(&g->lock);
		if (i % 4)
			continue;
		CHECK_EQ(tl_rwlock_write(&g->lock, TL_NEVER), 0);
		CHECK_EQ(atomic_load(&g->reading), 0);
		g->a++;
		sched_yield();
		g->b++;
		tl_rwlock_release(&g->lock);
	}
	return 0;
}

TEST_LIMIT(rwlock_across_processes, 120)
{
	struct page *g = shared_zero(sizeof *g);
	pid_t p[CAST];

	for (int i = 0; i < CAST; i++)
		p[i] = cast(i % KINDS, read_and_write, g);
	all_went_well(p, CAST);
	CHECK_EQ(g->a, CAST * ROUNDS / 4);
	CHECK_EQ(g->b, g->a);
	CHECK_EQ(tl_rwlock_readers(&g->lock), 0);
	CHECK(!tl_rwlock_written(&g->lock));
}
