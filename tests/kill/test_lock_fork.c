/* test_lock_fork.c - what a child of fork(2) makes of the locks that its parent held. */
#include "kill.h"
#include <stdlib.h>

static int found_lost(tl_lock *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_POLL), -EOWNERDEAD);
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), -EOWNERDEAD);
	CHECK_EQ(tl_lock_recover(l, TL_NEVER), 1);
	CHECK_EQ(tl_lock_acquire(l, TL_POLL), -EDEADLK);
	tl_lock_release(l);
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	tl_lock_release(l);
	return 0;
}

static int end_quietly(void *arg)
{
	(void)arg;
	return 0;
}

static void private_lock(void)
{
	tl_lock l[3] = { 0 };
	pid_t pid;

	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_lock_acquire(&l[i], TL_NEVER), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			found_lost(&l[(i + 1) % 3]);
		tl_task_start(NULL, end_quietly, NULL, NULL);
		_exit(tl_finish());
	}
	CHECK(pid > 0);
	went_well(pid);
	for (int i = 0; i < 3; i++) {
		CHECK(tl_lock_held(&l[i])); /* the parent's own is untouched */
		tl_lock_release(&l[i]);
	}
}

/* D1: a held lock in the child of a fork does not block it for ever */
TEST_LIMIT(private_lock_across_fork, 60) { private_lock(); }

/* The window makes the parent known to be alive; a private lock is lost to the child all the same.
 * */
TEST_LIMIT(private_lock_beside_a_window, 60)
{
	struct shared *m = share();

	private_lock();
	tl_shared_free(m);
}

/* The strand that forked ends in the child: it holds nothing of what it held in the parent. */
static void not_in_the_child(const tl_report *r, void *arg)
{
	if (getpid() != *(pid_t *)arg)
		_exit(r->kind == TL_R_MISUSE ? 3 : 4);
}

/* What the parent's other strands had is not the child's to give back: no leak check here. */
static void leave_well(void) { _exit(0); }

static int fork_holding(void *arg)
{
	tl_lock *l = arg;
	pid_t pid;

	for (int i = 0; i < 3; i++)
		CHECK_EQ(tl_lock_acquire(&l[i], TL_NEVER), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			CHECK_EQ(tl_lock_recover(&l[(i + 1) % 3], TL_NEVER), 1);
		for (int i = 0; i < 3; i++)
			tl_lock_release(&l[(i + 1) % 3]);
		atexit(leave_well);
		return 0; /* the last thread of that process: it exits with 0 */
	}
	CHECK(pid > 0);
	went_well(pid);
	for (int i = 0; i < 3; i++)
		tl_lock_release(&l[i]);
	return 0;
}

TEST_LIMIT(forking_strand_ends, 60)
{
	pid_t parent = getpid();
	tl_lock l[3] = { 0 };
	tl_scope s = { 0 };

	if (TSAN)
		SKIP("the sanitizer cannot leave a process by the end of its last thread");
	tl_on_report(not_in_the_child, &parent);
	tl_scope_open(&s);
	tl_thread_start(&s, fork_holding, l, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int hold_private(void *l)
{
	CHECK_EQ(tl_lock_acquire(l, TL_NEVER), 0);
	while (tl_yield() == 0)
		sched_yield();
	tl_lock_release(l);
	return 0;
}

/* Another strand of the parent holds it; children of children too. */
TEST_LIMIT(private_lock_of_another_strand_across_forks, 60)
{
	tl_scope s = { 0 };
	tl_lock l = { 0 };
	tl_strand t;
	pid_t pid;

	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, hold_private, &l, &(tl_opts){ .ret = &t }), 0);
	while (!tl_lock_held(&l))
		tl_yield();
	pid = fork();
	if (pid == 0) {
		pid = fork();
		CHECK(pid >= 0);
		found_lost(&l);
		if (pid == 0)
			_exit(0);
		went_well(pid);
		_exit(0);
	}
	CHECK(pid > 0);
	went_well(pid);
	tl_cancel(t);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(tl_lock_acquire(&l, TL_POLL), 0);
	tl_lock_release(&l);
}

/* The parent's shared lock stays the parent's, as long as it lives. */
static int not_mine(struct shared *m)
{
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_lock_acquire(&m->lock, tl_after(tl_ms(20))), -ETIMEDOUT);
	return 0;
}

TEST_LIMIT(shared_lock_across_fork, 60)
{
	struct shared *m = share();

	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	went_well(begin(not_mine, m));
	CHECK(tl_lock_held(&m->lock));
	tl_lock_release(&m->lock);
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_POLL), 0);
	tl_lock_release(&m->lock);
}

/* A process that ends in good order but holding is no different from a killed one. */
static int leave_it_held(struct shared *m) { return tl_lock_acquire(&m->lock, TL_NEVER); }

TEST_LIMIT(holder_exits, 60)
{
	struct shared *m = share();

	for (int i = 0; i < 20; i++) {
		went_well(begin(leave_it_held, m));
		CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), -EOWNERDEAD);
		CHECK_EQ(tl_lock_recover(&m->lock, TL_NEVER), 1);
		tl_lock_release(&m->lock);
	}
}
