/* Deadlock reports: made when nothing can wake anybody, and never otherwise. */
#include "strands.h"
#include "telar/shared.h"
#include "wait/wait.h"
#include <pthread.h>
#include <stdint.h>

static tl_strand a, b;
static char names[256];

/* What breaks the deadlock, when all three are told: the hook may do what does not block. */
static void tell_and_break(const tl_report *r, void *arg)
{
	remember(r, arg);
	if (r->kind == TL_R_DEADLOCK) {
		strcat(strcat(names, r->name), " ");
		CHECK(r->strand.id != 0);
		CHECK(strstr(r->text, "join") || strstr(r->text, "scope") ||
			strstr(r->text, "sleep"));
	}
	if (seen_reports[TL_R_DEADLOCK] == 3)
		tl_cancel(a);
}

static int join_b(void *arg) { return (void)arg, tl_join(b, NULL, TL_NEVER); }
static int join_a(void *arg) { return (void)arg, tl_join(a, NULL, TL_NEVER); }

static void embrace(start_fn *how_a, start_fn *how_b)
{
	tl_scope s = { 0 };

	if (TSAN)
		SKIP("the sanitizer has a thread of its own, which is a foreign one");
	tl_on_report(tell_and_break, NULL);
	tl_scope_open(&s);
	CHECK_EQ(how_a(&s, join_b, NULL, &(tl_opts){ .ret = &a, .name = "A", .paused = true }), 0);
	CHECK_EQ(how_b(&s, join_a, NULL, &(tl_opts){ .ret = &b, .name = "B", .paused = true }), 0);
	tl_resume(a);
	tl_resume(b);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 3); /* A, B and who waits for them */
	CHECK(strstr(names, "A ") && strstr(names, "B ") && strstr(names, "MainThread "));
}

TEST(two_tasks_join_each_other) { embrace(tl_task_start, tl_task_start); }
TEST(two_threads_join_each_other) { embrace(tl_thread_start, tl_thread_start); }
TEST(a_task_and_a_thread_join_each_other) { embrace(tl_task_start, tl_thread_start); }

static int small(void *arg) { return (void)arg, 0; }

TEST(a_deadlock_after_offloads)
{
	tl_offload(small, NULL, 0, TL_NEVER); /* its helper is still there */
	embrace(tl_task_start, tl_task_start);
}

TEST(a_deadlock_in_a_forked_child)
{
	int status;
	pid_t pid;

	if (TSAN)
		SKIP("the sanitizer has a thread of its own, which is a foreign one");
	tl_offload(small, NULL, 0, TL_NEVER);
	pid = fork();
	if (pid == 0) {
		embrace(tl_task_start, tl_task_start);
		_exit(42);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

/* -- and never otherwise */

static _Atomic int woken;

static void *foreign_waker(void *arg)
{
	tl_strand t = *(tl_strand *)arg;

	while (tl_state(t) != TL_BLOCKED)
		sched_yield();
	for (int i = 0; i < 2000; i++)
		sched_yield();
	tl_cancel(t);
	atomic_store(&woken, 1);
	return NULL;
}

TEST(a_foreign_thread_may_wake_us)
{
	tl_scope s = { 0 };
	pthread_t t;

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	a = start(tl_task_start, &s, forever, NULL);
	CHECK_EQ(pthread_create(&t, NULL, foreign_waker, &a), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}

static int slow(void *arg)
{
	for (int i = 0; i < 3000; i++)
		sched_yield();
	return (void)arg, 0;
}

TEST(an_offload_may_wake_us)
{
	tl_on_report(remember, NULL);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(tl_offload(slow, NULL, 0, TL_NEVER), 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}

static int ping(void *arg)
{
	_Atomic uint32_t *word = arg;

	for (uint32_t i = 0; i < 20000; i += 2) {
		uint32_t seen;

		while ((seen = atomic_load(word)) != i)
			CHECK_EQ(word_wait(word, seen, "ping", word, TL_NEVER), 0);
		atomic_store(word, i + 1);
		word_wake(word, word, 1);
	}
	return 0;
}

static int pong(void *arg)
{
	_Atomic uint32_t *word = arg;

	for (uint32_t i = 1; i < 20000; i += 2) {
		uint32_t seen;

		while ((seen = atomic_load(word)) != i)
			CHECK_EQ(word_wait(word, seen, "pong", word, TL_NEVER), 0);
		atomic_store(word, i + 1);
		word_wake(word, word, 1);
	}
	return 0;
}

/* Two loops that sleep and wake each other all the time are never both asleep. */
TEST_LIMIT(ping_pong_is_no_deadlock, 60)
{
	_Atomic uint32_t word = 0;
	tl_scope s = { 0 };

	tl_on_report(remember, NULL);
	tl_scope_open(&s);
	tl_thread_start(&s, ping, (void *)&word, NULL);
	tl_task_start(&s, pong, (void *)&word, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}

/* Is that process asleep in the kernel?  Field 3 of proc(5)'s stat. */
static bool asleep(pid_t pid)
{
	char path[64], text[256] = "", *p;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	p = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
	fclose(f);
	return p && p[2] == 'S';
}

static int wait_shared(void *arg)
{
	_Atomic uint32_t *word = arg;

	while (!atomic_load(word))
		CHECK_EQ(word_wait(word, 0, "shared", word, TL_NEVER), 0);
	return 0;
}

/* Another process may wake who waits on shared memory. */
TEST(a_process_may_wake_us)
{
	_Atomic uint32_t *word = tl_shared(sizeof *word);
	tl_scope s = { 0 };
	int status;
	pid_t pid;

	CHECK(word != NULL);
	tl_on_report(remember, NULL);
	pid = fork();
	if (pid == 0) {
		for (int seen = 0; seen < 20; seen = asleep(getppid()) ? seen + 1 : 0)
			usleep(1000);
		atomic_store(word, 1);
		word_wake(word, word, 1);
		_exit(0);
	}
	tl_scope_open(&s);
	tl_task_start(&s, wait_shared, word, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(seen_reports[TL_R_DEADLOCK], 0);
}
