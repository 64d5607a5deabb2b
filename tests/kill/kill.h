/* kill.h - what the tests that kill share: a lock in shared memory, what it guards, and a cast of
 * processes. */
#ifndef TESTS_KILL_H
#define TESTS_KILL_H
#include "check.h"
#include "telar.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <time.h>

struct shared {
	tl_lock lock;
	long a, b;             /* equal whenever the lock is free and sound */
	_Atomic int inside;    /* pid of the holder */
	_Atomic int ready[16]; /* steps of the cast */
	_Atomic long repairs;
};

static inline struct shared *share(void)
{
	struct shared *m = tl_shared(sizeof *m);

	CHECK(m != NULL);
	return m;
}

static inline uint32_t number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

/* Until killed. */
static inline int stay(void)
{
	while (getppid() > 0)
		pause();
	return 0;
}

static inline pid_t begin(int (*fn)(struct shared *), struct shared *m)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
		_exit(fn(m) < 0 ? 1 : 0);
	}
	return pid;
}

static inline void await(_Atomic int *step)
{
	while (!atomic_load(step)) {
		tl_yield();
		sched_yield();
	}
}

static inline void await_blocked(tl_strand t)
{
	while (tl_state(t) != TL_BLOCKED) {
		tl_yield();
		sched_yield();
	}
}

static inline void kill_now(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

static inline void went_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static inline int hold_for_ever(struct shared *m)
{
	CHECK_EQ(tl_lock_acquire(&m->lock, TL_NEVER), 0);
	m->a++; /* and never b */
	atomic_store(&m->ready[0], 1);
	return stay();
}

#endif
