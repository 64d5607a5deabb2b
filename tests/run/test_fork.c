/* A child of fork(2) begins afresh. */
#include "strands.h"
#include <pthread.h>

static int in_child(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static int nothing(void *arg) { return (void)arg, 0; }

struct world {
	tl_strand self, task, thread, paused;
};

static void afresh(void *arg)
{
	struct world *w = arg;
	_Atomic int n = 0;
	tl_scope s = { 0 };

	if (w) {
		CHECK_EQ(tl_state(w->task), -ESRCH);
		CHECK_EQ(tl_state(w->thread), -ESRCH);
		CHECK_EQ(tl_resume(w->paused), -ESRCH);
		CHECK_EQ(tl_join(w->task, NULL, TL_NEVER), -ESRCH);
		tl_cancel(w->thread);
		CHECK_EQ(tl_list(NULL, 0), 1);
		CHECK_EQ(tl_main().id, tl_self().id);
	}
	for (int round = 0; round < 3; round++) {
		s = (tl_scope){ 0 };
		tl_scope_open(&s);
		for (int i = 0; i < 1000; i++)
			tl_task_start(&s, count_up, (void *)&n, NULL);
		for (int i = 0; i < 10; i++)
			tl_thread_start(&s, count_up, (void *)&n, NULL);
		tl_task_start(&s, count_up, (void *)&n, &(tl_opts){ .at = tl_after(tl_ms(1)) });
		CHECK_EQ(tl_offload(nothing, NULL, 0, TL_NEVER), 0);
		CHECK_EQ(tl_scope_close(&s), 0);
	}
	CHECK_EQ(n, 3 * 1011);
}

TEST(before_the_first_call)
{
	CHECK_EQ(in_child(afresh, NULL), 0);
	afresh(NULL);
}

/* D7: after a fork only the forking strand is left */
TEST(with_strands_of_all_kinds)
{
	struct world w;
	tl_scope s = { 0 };

	tl_scope_open(&s);
	w.self = tl_self();
	w.task = start(tl_task_start, &s, forever, NULL);
	w.thread = start(tl_thread_start, &s, forever, NULL);
	tl_task_start(&s, forever, NULL, &(tl_opts){ .paused = true, .ret = &w.paused });
	tl_task_start(&s, forever, NULL, &(tl_opts){ .at = tl_after(tl_ms(10)) });
	UNTIL(tl_state(w.task) == TL_BLOCKED && tl_state(w.thread) == TL_BLOCKED);
	tl_offload(nothing, NULL, 0, TL_NEVER);
	CHECK_EQ(in_child(afresh, &w), 0);
	CHECK(tl_alive(w.task) && tl_alive(w.thread)); /* here all goes on */
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void close_inherited(void *scope)
{
	tl_scope *s = scope;
	_Atomic int n = 0;

	CHECK_EQ(tl_task_start(s, count_up, (void *)&n, NULL), 0);
	CHECK_EQ(tl_scope_close(s), 0); /* waits for nobody that is only in the parent */
	CHECK_EQ(n, 1);
	CHECK_EQ(tl_finish(), 0);
}

TEST(open_scopes_are_emptied)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, NULL);
	tl_thread_start(&s, forever, NULL, &(tl_opts){ .daemon = true });
	tl_yield();
	CHECK_EQ(in_child(close_inherited, &s), 0);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int fork_here(void *arg)
{
	CHECK_EQ(in_child(afresh, arg), 0);
	return 0;
}

TEST(from_a_task_and_from_a_thread)
{
	struct world w = { .self = tl_self() };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	w.task = start(tl_task_start, &s, forever, NULL);
	w.thread = w.paused = w.task;
	tl_yield();
	tl_task_start(&s, fork_here, &w, NULL);
	CHECK_EQ(tl_scope_join(&s, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_thread_start(&s, fork_here, &w, NULL);
	tl_cancel(w.task);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static void *fork_foreign(void *arg)
{
	CHECK_EQ(in_child(afresh, arg), 0);
	return NULL;
}

TEST(from_a_foreign_thread)
{
	pthread_t t;

	tl_self();
	CHECK_EQ(pthread_create(&t, NULL, fork_foreign, NULL), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

static _Atomic int stop;

static int busy(void *arg)
{
	while (!atomic_load(&stop)) {
		tl_scope s = { 0 };
		_Atomic int n = 0;

		tl_scope_open(&s);
		for (int i = 0; i < 50; i++)
			tl_task_start(&s, count_up, (void *)&n, NULL);
		tl_offload(nothing, NULL, 0, TL_NEVER);
		tl_scope_close(&s);
	}
	return (void)arg, 0;
}

/* The others may hold any lock of the library's at that moment. */
TEST_LIMIT(while_others_are_busy, 60)
{
	tl_scope s = { 0 };

	if (SANITIZED)
		SKIP("a fork may catch the sanitizer's own allocator locked by another thread");
	tl_scope_open(&s);
	tl_thread_start(&s, busy, NULL, NULL);
	tl_thread_start(&s, busy, NULL, NULL);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(in_child(afresh, NULL), 0);
	atomic_store(&stop, 1);
	CHECK_EQ(tl_scope_close(&s), 0);
}
