/* test_anywhere.c - .anywhere tasks and workers; children that are joined in place. */
#include "check.h"
#include "plat/hostile.h"
#include "telar.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static tl_strand start(tl_fn *fn, void *arg, bool anywhere)
{
	tl_strand t;

	tl_task_start(
		NULL, fn, arg, &(tl_opts){ .ret = &t, .anywhere = anywhere, .name = "child" });
	return t;
}

static int join(tl_strand t)
{
	tl_end end;
	int r = tl_join(t, &end, TL_NEVER);

	return r < 0 ? r : end.value;
}

/* -- in place or not, nobody can tell */

struct who {
	tl_strand self, parent;
	int parent_state;
	char name[32];
};

static int look(void *arg)
{
	struct who *w = arg;

	w->self = tl_self();
	w->parent_state = tl_state(w->parent);
	strcpy(w->name, tl_my_name());
	return 7;
}

static void identity(bool anywhere)
{
	struct who w = { .parent = tl_self() };
	tl_strand t;

	tl_workers(1);
	t = start(look, &w, anywhere);
	CHECK_EQ(join(t), 7);
	CHECK_EQ(w.self.id, t.id);
	CHECK_STR(w.name, "child");
	CHECK(w.parent_state == TL_BLOCKED || hostile); /* there it may have yielded instead */
	CHECK_EQ(tl_self().id, w.parent.id);
	CHECK_EQ(tl_state(t), TL_ENDED);
	CHECK_EQ(join(t), 7);
}

TEST(identity_of_a_pinned_child) { identity(false); }
TEST(identity_of_an_anywhere_child) { identity(true); }

static int nap(void *arg)
{
	int *order = arg, r;

	do
		r = tl_sleep(tl_ms(1));
	while (r == 0 && *order == 0);
	*order = *order * 10 + 1;
	return r;
}

static int quick(void *arg)
{
	int *order = arg;

	*order = *order * 10 + 2;
	return 0;
}

/* The child parks on its parent's stack, and others run meanwhile. */
TEST(a_child_that_parks_in_place)
{
	int order = 0;
	tl_strand t = start(nap, &order, false);

	tl_task_start(NULL, quick, &order, NULL);
	CHECK_EQ(join(t), 0);
	CHECK_EQ(order, 21);
}

static int forever(void *arg)
{
	(void)arg;
	return tl_sleep_until(TL_NEVER);
}

static int scoped(void *arg)
{
	tl_scope s = { .deadline = tl_after(tl_ms(5)) };

	(void)arg;
	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, NULL);
	return tl_scope_close(&s);
}

TEST(a_scope_inside_a_child_in_place)
{
	tl_scope s = { .keep_going = true };

	tl_scope_open(&s);
	CHECK_EQ(join(start(scoped, NULL, true)), -ETIMEDOUT);
	CHECK_EQ(tl_checkpoint(), 0);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

static int hold(void *arg) { return tl_lock_acquire(arg, TL_NEVER); }

static void ignore(const tl_report *r, void *arg) { (void)r, (void)arg; }

/* A lock that the child ends with is the child's, not its parent's. */
TEST(locks_of_a_child_in_place)
{
	tl_lock a = { 0 }, b = { 0 };

	tl_on_report(ignore, NULL);
	CHECK_EQ(tl_lock_acquire(&b, TL_NEVER), 0);
	CHECK_EQ(join(start(hold, &a, false)), 0);
	CHECK_EQ(tl_lock_acquire(&a, TL_NEVER), -EOWNERDEAD);
	tl_lock_release(&b);
	CHECK(!tl_lock_held(&b));
}

static int nest(void *arg)
{
	int *depth = arg;

	return --*depth > 0 ? join(start(nest, depth, true)) : 5;
}

/* Far deeper than a stack holds: the floor sends the rest to stacks of their own. */
TEST_LIMIT(deeper_than_one_stack, 60)
{
	int depth = AT_ONCE(20000);

	CHECK_EQ(join(start(nest, &depth, true)), 5);
	CHECK_EQ(depth, 0);
}

static int deep_task(void *arg)
{
	int depth = AT_ONCE(5000);

	(void)arg;
	return join(start(nest, &depth, false));
}

TEST_LIMIT(deeper_than_one_task_stack, 60)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_task_start(&s, deep_task, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
}

TEST(a_join_with_a_deadline_is_not_in_place)
{
	tl_scope s = { 0 };
	tl_strand t;

	tl_scope_open(&s);
	tl_task_start(&s, forever, NULL, &(tl_opts){ .ret = &t, .anywhere = true });
	CHECK_EQ(tl_join(t, NULL, tl_after(tl_ms(5))), -ETIMEDOUT);
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
}

static int parent_of_forever(void *arg)
{
	(void)arg;
	return join(start(forever, NULL, true));
}

/* What cancels the join cancels the child that lies on top of it. */
TEST(cancel_reaches_a_child_in_place)
{
	tl_scope s = { .deadline = tl_after(tl_ms(10)) };

	tl_scope_open(&s);
	tl_task_start(&s, parent_of_forever, NULL, NULL);
	CHECK_EQ(tl_scope_close(&s), -ETIMEDOUT);
}

/* -- workers */

struct fib {
	int n;
	long f;
};

static int fib(void *arg)
{
	struct fib *x = arg, a = { x->n - 1, 0 }, b = { x->n - 2, 0 };
	tl_strand t;
	int r, q;

	if (x->n < 2)
		return x->f = x->n, 0;
	t = start(fib, &a, true);
	r = fib(&b);
	q = tl_join(t, NULL, TL_NEVER);
	x->f = a.f + b.f;
	return r < 0 ? r : q;
}

TEST_LIMIT(fork_join_on_three_loops, 60)
{
	struct fib x = { 20, 0 };

	CHECK_EQ(tl_workers(3), 0);
	CHECK_EQ(fib(&x), 0);
	CHECK_EQ(x.f, 6765);
	CHECK_EQ(tl_workers(2), -EBUSY);
}

static atomic_int met;

/* Two that wait for each other can only end if they run on two threads. */
static int meet(void *arg)
{
	pid_t *tid = arg;

	*tid = gettid();
	atomic_fetch_add(&met, 1);
	while (atomic_load(&met) < 2)
		; /* without yielding: foreign code, for all telar knows */
	return 0;
}

TEST(an_idle_worker_takes_what_waits)
{
	pid_t tid[2];
	tl_scope s = { 0 };

	tl_workers(3);
	tl_scope_open(&s);
	for (int i = 0; i < 2; i++)
		tl_task_start(&s, meet, &tid[i], &(tl_opts){ .anywhere = true });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK(tid[0] != tid[1]);
}

static atomic_int ran;

static int bump(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
	return 0;
}

TEST_LIMIT(many_small_jobs_each_run_once, 60)
{
	tl_scope s = { 0 };

	tl_workers(3);
	tl_scope_open(&s);
	for (int i = 0; i < 50000; i++)
		tl_task_start(&s, bump, NULL, &(tl_opts){ .anywhere = true });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(atomic_load(&ran), 50000);
}

/* Rounds with pauses between them: a push must find the worker that has just gone to sleep. */
static int one_of_two(void *arg)
{
	(void)arg;
	atomic_fetch_add(&met, 1);
	while (atomic_load(&met) % 2)
		sched_yield();
	return 0;
}

TEST_LIMIT(no_wake_up_of_a_worker_is_lost, 60)
{
	tl_workers(3);
	for (int i = 0; i < 300; i++) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		tl_task_start(&s, one_of_two, NULL, &(tl_opts){ .anywhere = true });
		tl_task_start(&s, one_of_two, NULL, &(tl_opts){ .anywhere = true });
		CHECK_EQ(tl_scope_close(&s), 0);
		if (i % 10 == 0)
			tl_sleep(tl_us(i * 3));
	}
	CHECK_EQ(atomic_load(&met), 600);
}

TEST(cancelled_before_it_began_anywhere)
{
	tl_scope s = { 0 };

	atomic_store(&ran, 0);
	tl_workers(1);
	tl_scope_open(&s);
	for (int i = 0; i < 100; i++)
		tl_task_start(&s, bump, NULL, &(tl_opts){ .anywhere = true });
	tl_scope_cancel(&s);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(atomic_load(&ran), 0);
}

static int leave_behind(void *arg)
{
	for (int i = 0; i < 100; i++)
		tl_task_start(arg, bump, NULL, &(tl_opts){ .anywhere = true });
	return 0;
}

/* A thread that ends leaves none of what it started. */
TEST(a_thread_that_ends_with_a_full_deque)
{
	tl_scope s = { 0 };

	atomic_store(&ran, 0);
	tl_workers(1);
	tl_scope_open(&s);
	tl_thread_start(&s, leave_behind, &s, NULL);
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(atomic_load(&ran), 100);
}

/* Nobody but its own loop could begin it, and that has a strand that never waits. */
static int raise_flag(void *arg) { return atomic_store((_Atomic bool *)arg, true), 0; }

TEST(calls_that_never_wait_give_it_its_turn)
{
	_Atomic bool ran = false;
	tl_scope s = { 0 };

	tl_workers(1);
	tl_scope_open(&s);
	tl_task_start(&s, raise_flag, (void *)&ran, &(tl_opts){ .anywhere = true });
	while (!atomic_load(&ran))
		CHECK_EQ(tl_checkpoint(), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
}
