/* test_once.c - one run that succeeds, whoever comes first. */
#include "talk.h"
#include "telar/shared.h"
#include <sys/wait.h>
#include <unistd.h>

static int count(void *arg)
{
	++*(int *)arg; /* plain: nobody else runs */
	return 7;
}

TEST(one_success)
{
	tl_once o = { 0 };
	int n = 0;

	CHECK(!tl_once_done(&o));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tl_once_run(&o, count, &n, TL_NEVER), 0);
		CHECK(tl_once_done(&o));
	}
	CHECK_EQ(n, 1);
}

static int fail_twice(void *arg) { return ++*(int *)arg <= 2 ? -EIO : 0; }

TEST(a_failure_is_the_callers_own)
{
	tl_once o = { 0 };
	int n = 0;

	CHECK_EQ(tl_once_run(&o, fail_twice, &n, TL_NEVER), -EIO);
	CHECK_EQ(tl_once_run(&o, fail_twice, &n, TL_NEVER), -EIO);
	CHECK(!tl_once_done(&o));
	CHECK_EQ(tl_once_run(&o, fail_twice, &n, TL_NEVER), 0);
	CHECK_EQ(tl_once_run(&o, fail_twice, &n, TL_NEVER), 0);
	CHECK_EQ(n, 3);
}

static int again(void *arg) { return tl_once_run(arg, again, arg, TL_NEVER); }

TEST(within_itself)
{
	tl_once o = { 0 };

	CHECK_EQ(tl_once_run(&o, again, &o, TL_NEVER), -EDEADLK);
}

struct slow {
	tl_once o;
	tl_event began, go;
	int n;
};

static int slowly(void *arg)
{
	struct slow *x = arg;

	tl_event_set(&x->began);
	x->n++;
	return tl_event_wait(&x->go, TL_NEVER);
}
static int run_slowly(void *arg)
{
	return tl_once_run(&((struct slow *)arg)->o, slowly, arg, TL_NEVER);
}

TEST(the_others_wait)
{
	struct slow x = { 0 };
	tl_scope s = { .keep_going = true };
	tl_strand first, others[3];

	tl_scope_open(&s);
	first = start_task(&s, run_slowly, &x);
	CHECK_EQ(tl_event_wait(&x.began, TL_NEVER), 0);
	for (int i = 0; i < 3; i++)
		others[i] = i ? start_task(&s, run_slowly, &x) : start_thread(&s, run_slowly, &x);
	for (int i = 0; i < 3; i++)
		await_state(others[i], TL_BLOCKED);
	CHECK_EQ(tl_once_run(&x.o, slowly, &x, TL_POLL), -EAGAIN);
	CHECK_EQ(tl_once_run(&x.o, slowly, &x, tl_after(tl_ms(1))), -ETIMEDOUT);
	tl_cancel(others[1]);
	CHECK_EQ(ending(others[1]), -ECANCELED);
	tl_cancel(first); /* its run fails: one of the others has its turn */
	CHECK_EQ(ending(first), -ECANCELED);
	tl_event_set(&x.go);
	CHECK_EQ(ending(others[0]), 0);
	CHECK_EQ(ending(others[2]), 0);
	CHECK_EQ(x.n, 2);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int fail_first(void *arg)
{
	for (int i = 0; *(int *)arg == 0 && i < 5; i++)
		CHECK_EQ(tl_yield(), 0); /* the others come and wait */
	return (*(int *)arg)++ ? 0 : -EIO;
}

struct insists {
	tl_once o;
	int tries;
};

static int insist(void *arg)
{
	struct insists *x = arg;
	int r;

	while ((r = tl_once_run(&x->o, fail_first, &x->tries, TL_NEVER)) == -EIO)
		;
	return r;
}

/* It stands behind those who waited: one of them has the success, and lets all go. */
TEST(who_failed_tries_again_at_once)
{
	struct insists x = { 0 };
	tl_scope s = { 0 };

	tl_scope_open(&s);
	for (int i = 0; i < 4; i++)
		tl_task_start(&s, insist, &x, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(x.tries, 2);
}

/* The runner exists only in the parent. */
TEST(a_forked_child_has_its_own_turn)
{
	struct slow x = { 0 };
	tl_scope s = { 0 };
	int n = 0, status;
	pid_t child;

	CHECK(tl_shared(64) != NULL);
	tl_scope_open(&s);
	start_thread(&s, run_slowly, &x);
	CHECK_EQ(tl_event_wait(&x.began, TL_NEVER), 0);
	child = fork();
	if (child == 0)
		_exit(tl_once_run(&x.o, count, &n, TL_NEVER) != 0 || n != 1);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	tl_event_set(&x.go);
	CHECK_EQ(tl_scope_close(&s), 0);
}

/* -- failures, cancels and deadlines by chance: runs never overlap, and one success is the last */

struct storm {
	tl_once o;
	_Atomic int inside, successes;
	_Atomic uint64_t seed;
};

static int perhaps(void *arg)
{
	struct storm *st = arg;
	uint64_t seed = atomic_fetch_add(&st->seed, 0x9e3779b97f4a7c15u);
	int r;

	CHECK_EQ(atomic_fetch_add(&st->inside, 1), 0);
	CHECK_EQ(atomic_load(&st->successes), 0);
	r = tl_yield();
	if (r == 0 && number(&seed) % 16)
		r = -EIO;
	atomic_fetch_add(&st->successes, r == 0);
	atomic_fetch_sub(&st->inside, 1);
	return r;
}

static int try_it(void *arg)
{
	struct storm *st = arg;
	int r = -EIO;

	for (int i = 0; r < 0; i++)
		r = tl_once_run(&st->o, perhaps, st, i % 3 ? TL_NEVER : tl_after(tl_us(20)));
	return r;
}

TEST_LIMIT(storm, 60)
{
	for (int round = 0; round < 50; round++) {
		struct storm st = { .seed = seed_of((uint64_t)round) };
		tl_scope s = { 0 };

		tl_scope_open(&s);
		for (int i = 0; i < 6; i++)
			if (i % 2)
				tl_thread_start(&s, try_it, &st, NULL);
			else
				tl_task_start(&s, try_it, &st, NULL);
		CHECK_EQ(tl_scope_close(&s), 0);
		CHECK_EQ(st.successes, 1);
	}
}
