/* cast.h - processes whose parts are played by their main strand, by a task or by a thread. */
#ifndef TESTS_CAST_H
#define TESTS_CAST_H
#include "kill.h"

enum kind { BY_MAIN, BY_TASK, BY_THREAD, KINDS };

static inline int beside(void *arg)
{
	while (!atomic_load((_Atomic int *)arg))
		tl_sleep(tl_us(200));
	return 0;
}

/* A task that shares its loop, so that the loop cannot sleep on one word alone. */
static inline int play(enum kind kind, tl_fn *fn, void *arg)
{
	_Atomic int over = 0;
	tl_scope s = { 0 };
	tl_strand t;
	tl_end end = { 0 };

	if (kind == BY_MAIN)
		return fn(arg);
	tl_scope_open(&s);
	if (kind == BY_TASK) {
		tl_task_start(&s, beside, &over, NULL);
		tl_task_start(&s, fn, arg, &(tl_opts){ .ret = &t });
	} else {
		tl_thread_start(&s, fn, arg, &(tl_opts){ .ret = &t });
	}
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	atomic_store(&over, 1);
	return tl_scope_close(&s) < 0 || end.value < 0;
}

static inline pid_t cast(enum kind kind, tl_fn *fn, void *arg)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
		_exit(play(kind, fn, arg));
	}
	return pid;
}

static inline void *shared_zero(size_t size)
{
	void *p = tl_shared(size);

	CHECK(p != NULL);
	return p;
}

static inline void nap(uint64_t *seed, uint32_t most_us)
{
	struct timespec t = { 0, (long)(number(seed) % most_us) * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); /* where it strikes is chance */
}

static inline void await_more(_Atomic long *n, long than)
{
	while (atomic_load(n) <= than)
		sched_yield();
}

#endif
