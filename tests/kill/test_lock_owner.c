/* test_lock_owner.c - a lock in shared memory whose holder, repairer or waiter is killed: no other
 * process waits for ever, none is let in as if nothing had happened, and a repair makes it sound.
 * */
#include "kill.h"

/* -- one killed holder, and everybody who may wait for it */

static int third(struct shared *m)
{
	atomic_store(&m->ready[1], 1);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
	return 0;
}

static int waiter(void *arg)
{
	struct shared *m = arg;

	return tl_lock_acquire(&m->lock, TL_NEVER);
}

static void quiet(const tl_report *r, void *arg) { *(int *)arg += r->kind == TL_R_MISUSE; }

static int ending(tl_strand t)
{
	tl_end e;

	CHECK_EQ(tl_join(t, &e, TL_NEVER), 0);
	return e.value;
}

/* Who only looks takes nothing from the dead, and still sees that they hold nothing. */
TEST_LIMIT(killed_holder_is_seen, 60)
{
	struct shared *m = share();
	pid_t holder = begin(hold_for_ever, m);

	await(&m->ready[0]);
	CHECK(tl_lock_held(&m->lock));
	kill_now(holder);
	CHECK(!tl_lock_held(&m->lock));
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
}

TEST_LIMIT(killed_holder, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand thread, task, late;
	pid_t holder, other;
	int misuses = 0;

	holder = begin(hold_for_ever, m);
	await(&m->ready[0]);
	other = begin(third, m);
	await(&m->ready[1]);
	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
	CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
	await_blocked(thread);
	await_blocked(task);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN); /* it lives */
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(30))), -ETIMEDOUT);
	CHECK_EQ(kill(holder, SIGKILL), 0);
	CHECK_EQ(ending(thread), -EOWNERDEAD);
	CHECK_EQ(ending(task), -EOWNERDEAD);
	went_well(other);
	CHECK_EQ(waitpid(holder, NULL, 0), holder); /* only now: nobody had to be reaped first */
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
	CHECK(!tl_lock_held(&m->lock));

	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	CHECK_EQ(m->a, m->b + 1);
	tl_on_report(quiet, &misuses);
	CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &late }), 0);
	await_blocked(late);
	m->b = m->a;
	tl_lock_release(&m->lock);
	CHECK_EQ(ending(late), 0); /* and it ends holding, so the lock is lost once more */
	CHECK_EQ(misuses, 1);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
	CHECK(tl_shared_free(m) == NULL);
}

/* -- a killed repairer */

static int repair_for_ever(struct shared *m)
{
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	atomic_store(&m->ready[2], 1);
	return stay();
}

TEST_LIMIT(killed_repairer, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand task, thread;
	pid_t p;

	p = begin(hold_for_ever, m);
	await(&m->ready[0]);
	kill_now(p);
	tl_scope_open(&s);
	for (int i = 0; i < 3; i++) {
		atomic_store(&m->ready[2], 0);
		p = begin(repair_for_ever, m);
		await(&m->ready[2]);
		/* Under repair: they wait. */
		CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
		CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
		await_blocked(thread);
		await_blocked(task);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN);
		kill_now(p);
		CHECK_EQ(ending(thread), -EOWNERDEAD);
		CHECK_EQ(ending(task), -EOWNERDEAD);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EOWNERDEAD);
	}
	CHECK_EQ(tl_lock_recover(&m->lock, TL_POLL), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), 0);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), -EOWNERDEAD);
}

/* -- killed waiters: whoever comes after them in the queue still gets it */

static int wait_and_hold(struct shared *m)
{
	atomic_fetch_add(&m->ready[3], 1);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	CHECK_EQ(++m->a, m->b + 1);
	m->b++;
	tl_lock_release(&m->lock);
	return 0;
}

TEST_LIMIT(killed_waiters, 60)
{
	struct shared *m = share();
	pid_t dead[4], live[4];

	for (int round = 0; round < 5; round++) {
		atomic_store(&m->ready[3], 0);
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
		for (int i = 0; i < 4; i++) {
			dead[i] = begin(wait_and_hold, m);
			live[i] = begin(wait_and_hold, m);
		}
		while (atomic_load(&m->ready[3]) < 8)
			sched_yield();
		for (int i = 0; i < 2; i++) /* before, and while the lock is given away */
			kill_now(dead[i]);
		tl_lock_release(&m->lock);
		for (int i = 2; i < 4; i++)
			CHECK_EQ(kill(dead[i], SIGKILL), 0);
		for (int i = 2; i < 4; i++)
			CHECK_EQ(waitpid(dead[i], NULL, 0), dead[i]);
		/* The late ones may have been killed holding it; then the others say so. */
		for (int i = 0; i < 4; i++) {
			int status;

			CHECK_EQ(waitpid(live[i], &status, 0), live[i]);
			CHECK(WIFEXITED(status));
		}
		CHECK(tl_lock_recover(&m->lock, TL_NEVER) >= 0);
		m->b = m->a;
		tl_lock_release(&m->lock);
	}
}

/* -- cancel and deadline, waiting across processes */

TEST_LIMIT(leaving_a_shared_wait, 60)
{
	struct shared *m = share();
	tl_scope s = { .keep_going = true };
	tl_strand task, thread;
	pid_t p = begin(hold_for_ever, m);

	await(&m->ready[0]);
	tl_scope_open(&s);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(tl_thread_start(&s, waiter, m, &(tl_opts){ .ret = &thread }), 0);
		CHECK_EQ(tl_task_start(&s, waiter, m, &(tl_opts){ .ret = &task }), 0);
		await_blocked(task);
		await_blocked(thread);
		tl_cancel(task);
		tl_cancel(thread);
		CHECK_EQ(ending(task), -ECANCELED);
		CHECK_EQ(ending(thread), -ECANCELED);
	}
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(1100))), -ETIMEDOUT);
	kill_now(p);
	CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- a thread that sleeps on a shared lock runs its tasks, also those that have yet to begin */

static int ring(void *arg) { return write(*(int *)arg, "x", 1) == 1 ? 0 : -errno; }

TEST(its_anywhere_tasks_run_meanwhile)
{
	tl_lock *l = tl_shared(sizeof *l);
	int bell[2], held[2], status;
	tl_scope s = { 0 };
	pid_t child;
	char c;

	CHECK(l && pipe(bell) == 0 && pipe(held) == 0);
	child = fork();
	if (child == 0) { /* holds it until the task rings */
		int r = tl_lock_acquire(l, TL_NEVER);

		r = r == 0 && write(held[1], "x", 1) == 1 && read(bell[0], &c, 1) == 1;
		tl_lock_release(l);
		_exit(!r);
	}
	CHECK_EQ(read(held[0], &c, 1), 1);
	tl_workers(1);
	tl_scope_open(&s);
	tl_task_start(&s, ring, &bell[1], &(tl_opts){ .anywhere = true });
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	tl_lock_release(l);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}
