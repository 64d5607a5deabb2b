/* test_cond_anywhere.c - who tells those who wait on a shared condition is killed after each
 * instruction; they find out, and whoever finds out first leaves nobody asleep. */
#include "run/run.h"
#include "step.h"
#include <limits.h>

enum { WAITERS = 3 };

static struct scene {
	tl_lock lock;
	tl_cond cond;
	bool ready;
	_Atomic int waiting;
} * scene;

static pid_t waiters[WAITERS];
static int repaired; /* by those who waited */

/* With the lock. */
static void tell_all(void)
{
	scene->ready = true;
	tl_cond_notify(&scene->cond, INT_MAX);
	tl_lock_release(&scene->lock);
}

static void tells(void)
{
	if (tl_lock_acquire(&scene->lock, TL_NEVER) == 0)
		tell_all();
}

/* 1: it was it that repaired. */
static int waits(void)
{
	int r = tl_lock_acquire(&scene->lock, TL_NEVER);

	atomic_fetch_add(&scene->waiting, 1);
	while (r == 0 && !scene->ready)
		r = tl_cond_wait(&scene->cond, &scene->lock, TL_NEVER);
	if (r == -EOWNERDEAD && tl_lock_recover(&scene->lock, TL_NEVER) == 1) {
		tell_all();
		return 1;
	}
	if (r != -EOWNERDEAD)
		tl_lock_release(&scene->lock);
	return 0;
}

static void set_stage(void)
{
	memset(scene, 0, sizeof *scene);
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = fork();
		CHECK(waiters[i] >= 0);
		if (waiters[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(waits());
		}
	}
	while (atomic_load(&scene->waiting) < WAITERS || tl_cond_waiters(&scene->cond) < WAITERS)
		sched_yield();
}

static void all_end(bool returned)
{
	int status;

	window_died();
	if (!returned && !scene->ready && tl_lock_acquire(&scene->lock, TL_POLL) == 0)
		tell_all(); /* it had not begun */
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(waitpid(waiters[i], &status, 0), waiters[i]);
		CHECK(WIFEXITED(status));
		repaired += WEXITSTATUS(status);
	}
}

TEST_LIMIT(notify_all, 120)
{
	int n;

	scene = tl_shared(sizeof *scene);
	CHECK(scene != NULL);
	n = everywhere(set_stage, tells, all_end);
	printf("%d places to die, %d repairs\n", n, repaired);
	CHECK(repaired > 0);
}
